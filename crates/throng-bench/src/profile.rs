//! What the time of a decoding step goes to: operations of the model, scheduling, drawing tokens.
//!
//! The engine's own scheduler drives the model, without the engine's thread. Its
//! `on_step_done` does two things, of which one is drawing tokens. To tell them apart, a second
//! scheduler does the same for the same users with a vocabulary so small that nothing is left to
//! draw from; both run right after the model, on caches that the weights have gone through.

use std::time::{Duration, Instant};

use throng_engine::{
    EngineConfig, EventStream, Limits, Logprobs, Request, Sampling, Scheduler, Step, Tenant,
};
use throng_model::Runner;
use throng_ops::{OperationClock, OperationTimes};
use throng_spec::ModelSpec;

use crate::offline::{OfflineError, OfflinePlan};

/// A vocabulary that costs nothing to draw from. Prompts over it still differ.
const LEAST_VOCAB: usize = 16;

/// Where the time of steps went in which each of some users got a token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepProfile {
    /// Rows of each step.
    pub users: usize,
    /// Steps that were timed.
    pub steps: usize,
    /// Time that the model took, all steps together.
    pub model: Duration,
    /// That of its operations, by kind.
    pub operations: OperationTimes,
    /// Time that drawing tokens took.
    pub sampling: Duration,
    /// Time that all other work of the scheduler took.
    pub scheduling: Duration,
}

impl StepProfile {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.model + self.sampling + self.scheduling
    }

    /// What a part is of the whole, from 0 to 1.
    pub fn share(&self, part: Duration) -> f64 {
        part.as_secs_f64() / self.total().as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// Time within the model that no operation took.
    pub fn rest(&self) -> Duration {
        self.model.saturating_sub(self.operations.total())
    }
}

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
    let mut profiles: Vec<_> = plan.users.iter().map(|&users| StepProfile::none(users)).collect();
    for round in 0..=plan.repeats.get() {
        for profile in &mut profiles {
            let mut measured = StepProfile::none(profile.users);
            profiler.run(&mut measured, &mut || {
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

impl StepProfile {
    fn none(users: usize) -> Self {
        let [model, sampling, scheduling] = [Duration::ZERO; 3];
        let operations = OperationTimes::default();
        Self { users, steps: 0, model, operations, sampling, scheduling }
    }

    fn add(&mut self, more: &Self) {
        self.steps += more.steps;
        self.model += more.model;
        self.operations += more.operations;
        self.sampling += more.sampling;
        self.scheduling += more.scheduling;
    }
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
        profile: &mut StepProfile,
        on_step: &mut dyn FnMut(),
    ) -> Result<(), OfflineError> {
        let mut streams = self.submit(profile.users)?;
        while profile.steps < self.plan.generate {
            let timed = self.step(profile.users)?;
            if let Some(timed) = timed {
                profile.add(&timed);
                on_step();
            } else if self.scheduler.stats().preemptions > 0 || self.scheduler.is_idle() {
                return Err(OfflineError::Crowded { users: profile.users });
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
            users,
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
        limits: Limits { max_tokens: usize::MAX, stop_tokens: Vec::new(), deadline: None },
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: "".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use throng_checkpoint::Checkpoint;
    use throng_model::{KvBlocks, LoadOptions, Naive, Precision};
    use throng_ops::{Operation, Timed};
    use throng_testkit::{ScriptedRunner, TinyGptOss};

    use super::*;

    fn plan() -> OfflinePlan {
        OfflinePlan {
            prompts: Vec::new(),
            users: vec![3, 1],
            context: 20,
            generate: 4,
            repeats: NonZeroUsize::new(2).unwrap(),
            chunk: NonZeroUsize::new(16).unwrap(),
        }
    }

    #[test]
    fn all_time_goes_somewhere() {
        let checkpoint = Checkpoint::embedded(&TinyGptOss::default().embedded()).unwrap();
        let backend = Timed::new(Naive);
        let clock = backend.clock();
        let kv_blocks = KvBlocks { full: 12, window: 12 };
        let options = LoadOptions {
            threads: 1,
            precision: Precision::Exact,
            isa: None,
            kv_blocks,
            step_tokens: 16,
        };
        let mut runner =
            throng_model::load_with(backend, &checkpoint, options, &mut |_| {}).unwrap();
        let mut steps = Vec::new();
        let profiles = profile_steps(runner.as_mut(), &plan(), &clock, 1, &mut |done, all| {
            steps.push((done, all));
        })
        .unwrap();
        assert_eq!(steps, (1..=24).map(|done| (done, 24)).collect::<Vec<_>>());
        assert_eq!(
            profiles.iter().map(|p| (p.users, p.steps)).collect::<Vec<_>>(),
            [(3, 8), (1, 8)]
        );
        for profile in profiles {
            let operations = Operation::ALL.map(|operation| profile.operations.of(operation));
            assert!(operations.iter().all(|time| !time.is_zero()), "{profile:?}");
            let parts = [profile.rest(), profile.sampling, profile.scheduling];
            let sum: f64 = parts.iter().chain(&operations).map(|&part| profile.share(part)).sum();
            assert!((sum - 1.0).abs() < 1e-6, "{profile:?}");
        }
    }

    #[test]
    fn users_who_are_never_there_together_are_an_error() {
        let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
        let blocks = KvBlocks { full: 32 * 8, window: 32 * 8 };
        let mut runner = ScriptedRunner::new(spec, blocks);
        // The first of them has reached the context's end before the last one's prompt is read.
        let plan = OfflinePlan { users: vec![8], context: 500, generate: 12, ..plan() };
        let error =
            profile_steps(&mut runner, &plan, &OperationClock::default(), 1, &mut |_, _| {})
                .unwrap_err();
        assert!(matches!(error, OfflineError::Crowded { users: 8 }), "{error}");
    }
}
