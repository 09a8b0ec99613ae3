//! Steps of decoding: operations of the model, scheduling, drawing tokens.
//!
//! The engine's own scheduler drives the model, without the engine's thread. Its
//! `on_step_done` does two things, of which one is drawing tokens. To tell them apart, a second
//! scheduler does the same for the same users with a vocabulary so small that nothing is left to
//! draw from; both run right after the model, on caches that the weights have gone through.

use std::time::Instant;

use throng_engine::{
    EngineConfig, EventStream, Limits, Logprobs, Request, Sampling, Scheduler, Step, Tenant,
};
use throng_model::Runner;
use throng_ops::OperationClock;
use throng_spec::ModelSpec;

use super::StepProfile;
use crate::offline::{Case, OfflineError, OfflinePlan};

/// A vocabulary that costs nothing to draw from. Prompts over it still differ.
const LEAST_VOCAB: usize = 16;

/// Profiles decoding for each number of users of a plan, as often as it says. `clock` is that of
/// the runner's backend, and `threads` draw tokens. The KV cache must have room for everyone's
/// tokens at once; `progress` gets decoding steps done and in all.
///
/// # Errors
/// The plan does not fit the model, or the model fails.
pub fn profile_steps(
    runner: &mut dyn Runner,
    plan: &OfflinePlan,
    clock: &OperationClock,
    threads: usize,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<StepProfile>, OfflineError> {
    plan.check(runner.spec(), runner.kv_blocks())?;
    let config = EngineConfig {
        queue: plan.most_users(),
        max_sequences: plan.most_users(),
        max_batched_tokens: plan.step_tokens(),
        threads,
        ..EngineConfig::default()
    };
    let (spec, blocks) = (runner.spec().clone(), runner.kv_blocks());
    let scheduler = |spec| Scheduler::new(spec, blocks, config);
    let bare = ModelSpec { vocab: LEAST_VOCAB, ..spec.clone() };
    let mut profiler = Profiler {
        scheduler: scheduler(&spec)?,
        bare: scheduler(&bare)?,
        runner,
        plan,
        clock,
        started: Instant::now(),
    };
    // Once more than asked for: everyone's prompt is computed then, and cached.
    let all = (plan.repeats.get() + 1) * plan.users.len() * plan.generate;
    let mut done = 0;
    let profile = |&users: &usize| StepProfile::none(Case::Decode { users });
    let mut profiles: Vec<_> = plan.users.iter().map(profile).collect();
    for round in 0..=plan.repeats.get() {
        for (profile, &users) in profiles.iter_mut().zip(&plan.users) {
            let mut measured = StepProfile::none(profile.case);
            profiler.run(users, &mut measured, &mut || {
                done += 1;
                progress(done, all);
            })?;
            if round > 0 {
                profile.add(&measured);
            }
        }
    }
    Ok(profiles)
}

/// A model and two schedulers with the same users.
struct Profiler<'a> {
    scheduler: Scheduler,
    /// The one with hardly a vocabulary.
    bare: Scheduler,
    runner: &'a mut dyn Runner,
    plan: &'a OfflinePlan,
    clock: &'a OperationClock,
    started: Instant,
}

impl Profiler<'_> {
    /// Lets users come, computes what they have to say, and times their steps from then on; then
    /// they leave.
    fn run(
        &mut self,
        users: usize,
        profile: &mut StepProfile,
        on_step: &mut dyn FnMut(),
    ) -> Result<(), OfflineError> {
        let mut streams = self.submit(users)?;
        while profile.steps < self.plan.generate {
            let timed = self.step(users)?;
            if let Some(timed) = timed {
                profile.add(&timed);
                on_step();
            } else if self.scheduler.stats().preemptions > 0 || self.scheduler.is_idle() {
                return Err(OfflineError::Crowded { users });
            }
            for stream in &mut streams {
                while stream.try_next().is_some() {}
            }
        }
        drop(streams);
        // Who has left is let go of by the next look.
        for scheduler in [&mut self.scheduler, &mut self.bare] {
            scheduler.next_step(self.started.elapsed());
        }
        Ok(())
    }

    /// Everyone's request, to both schedulers.
    fn submit(&mut self, users: usize) -> Result<Vec<EventStream>, OfflineError> {
        let now = self.started.elapsed();
        let crowd = self.plan.crowd(self.runner.spec());
        let mut streams = Vec::new();
        for user in 0..users {
            let row = crowd.row(user, 0..self.plan.context.max(1), 0);
            let small = row.tokens.iter().map(|&token| token % LEAST_VOCAB as u32).collect();
            let bare = Sampling { temperature: 0.0, ..Sampling::default() };
            streams.extend(self.bare.submit(&request(small, bare), 1, now)?);
            let sampling = Sampling { seed: user as u64, ..Sampling::default() };
            streams.extend(self.scheduler.submit(&request(row.tokens, sampling), 1, now)?);
        }
        Ok(streams)
    }

    /// Runs a step. What it took, if each of the users got a token in it and nothing else was done.
    fn step(&mut self, users: usize) -> Result<Option<StepProfile>, OfflineError> {
        let begun = Instant::now();
        let step = self.scheduler.next_step(begun - self.started);
        let planned = Instant::now();
        let bare_step = self.bare.next_step(begun - self.started);
        let before = self.clock.read();
        let start = Instant::now();
        let logits = self.runner.run(&step.batch)?;
        let model = start.elapsed();
        let operations = self.clock.read().since(&before);

        let flat = vec![0.0; bare_step.batch.wanted_logits() * LEAST_VOCAB];
        let finish = |scheduler: &mut Scheduler, step: &Step, logits: &[f32]| {
            let start = Instant::now();
            scheduler.on_step_done(step, logits);
            start.elapsed()
        };
        // Whoever comes second finds the code in the caches, so they take turns.
        let (bare, whole) = if self.scheduler.stats().steps.is_multiple_of(2) {
            let bare = finish(&mut self.bare, &bare_step, &flat);
            (bare, finish(&mut self.scheduler, &step, logits))
        } else {
            let whole = finish(&mut self.scheduler, &step, logits);
            (finish(&mut self.bare, &bare_step, &flat), whole)
        };
        let rows = &step.batch.rows;
        let is_decoding = rows.len() == users && rows.iter().all(|row| row.tokens.len() == 1);
        let bookkeeping = bare.min(whole);
        Ok(is_decoding.then(|| StepProfile {
            case: Case::Decode { users },
            steps: 1,
            model,
            operations,
            sampling: whole - bookkeeping,
            scheduling: (planned - begun) + bookkeeping,
        }))
    }
}

/// One whose answer has no end.
fn request(prompt: Vec<u32>, sampling: Sampling) -> Request {
    Request {
        prompt,
        sampling,
        limits: Limits {
            max_tokens: usize::MAX,
            min_tokens: 0,
            stop_tokens: Vec::new(),
            deadline: None,
        },
        constraint: None,
        prediction: None,
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: "".into(),
    }
}
