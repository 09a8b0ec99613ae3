//! Runs a case to its end, step by step, and checks everything after each.

use std::mem::ManuallyDrop;
use std::time::Duration;

use throng_engine::{FinishReason, Scheduler, Stats, Step, SubmitError};
use throng_model::{BLOCK_TOKENS, Runner};
use throng_testkit::ScriptedRunner;

use crate::arrival::Arrival;
use crate::case::{Case, Failure};
use crate::course::Course;
use crate::crowd::{Crowd, Member};
use crate::drafts::{self, Draft};
use crate::expectation::alone;
use crate::fairness::Fairness;
use crate::life::{FAILURE, Life};
use crate::limits;
use crate::summary::Summary;
use crate::tree::Tree;
use crate::world::World;

/// No case takes so many steps, unless it never ends.
const MAX_STEPS: usize = 50_000;

/// One case on its way.
struct Simulation<'a> {
    case: &'a Case,
    world: &'a World,
    /// Left alone by a panic: broken books would panic once more, and take the trace with them.
    scheduler: ManuallyDrop<Scheduler>,
    runner: ScriptedRunner,
    /// The model that drafts, if one does.
    draft: Option<ScriptedRunner>,
    now: Duration,
    crowd: Crowd,
    /// Arrivals that have come.
    arrived: usize,
    tree: Tree,
    fairness: Fairness,
    /// When a step failed last.
    failed: Option<Duration>,
    /// Tokens computed since anything was that never was before.
    stale_tokens: usize,
    /// Whether no block that is kept ever makes way.
    ample: bool,
    /// Of each tenant: tokens of prompts and of answers that were computed.
    counts: Vec<(u64, u64)>,
    summary: Summary,
}

/// Runs a case to its end. Panics, saying what is broken, if anything is.
pub fn simulate(case: &Case) -> Summary {
    let mut simulation = Simulation::new(case);
    while simulation.turn() {
        assert!(simulation.summary.steps < MAX_STEPS, "it never ends");
    }
    simulation.end()
}

impl<'a> Simulation<'a> {
    fn new(case: &'a Case) -> Self {
        let world = &case.world;
        let (spec, blocks) = (world.spec(), world.blocks());
        let scheduler = Scheduler::new(&spec, blocks, world.config).expect("one sequence fits");
        assert_eq!(scheduler.context(), world.positions(), "positions");
        let script = Box::new(world.script());
        let stats = scheduler.stats();
        let each = world.positions().div_ceil(BLOCK_TOKENS) + 1;
        let choices: usize = case.arrivals.iter().map(|arrival| arrival.clients.len()).sum();
        let demand = (choices + world.config.max_sequences) * each;
        let window = world.window().is_none() || stats.window.blocks >= demand;
        Self {
            case,
            world,
            scheduler: ManuallyDrop::new(scheduler),
            runner: ScriptedRunner::with_script(spec, blocks, script).strict(),
            draft: Draft::runner(world, stats.full.blocks),
            now: Duration::ZERO,
            crowd: Crowd::default(),
            arrived: 0,
            tree: Tree::default(),
            fairness: Fairness::new(&world.weights, world.config.max_sequences),
            failed: None,
            stale_tokens: 0,
            ample: world.config.prefix_cache && window && stats.full.blocks >= demand,
            counts: vec![(0, 0); world.weights.len()],
            summary: Summary::default(),
        }
    }

    /// Everything between two steps, and a step. False when nothing will happen any more.
    fn turn(&mut self) -> bool {
        let case = self.case;
        while let Some(arrival) = case.arrivals.get(self.arrived)
            && Duration::from_millis(arrival.at_ms) <= self.now
        {
            self.submit(arrival);
            self.arrived += 1;
        }
        self.crowd.leave(self.now, false);
        let preemptions = self.scheduler.stats().preemptions;
        let mut step = self.scheduler.next_step(self.now);
        if let Some(draft) = &mut self.draft {
            drafts::write(&mut self.scheduler, draft, &mut step, limits::budget(self.world));
        }
        self.scheduler.check_integrity();
        let stats = self.scheduler.stats();
        self.crowd.let_go(self.now);
        self.see_who_begins(preemptions);
        let open = self.crowd.open().count();
        assert_eq!(stats.running + stats.waiting, open, "sequences that run or wait");
        let calm = stats.preemptions == preemptions;
        let sequences = step.sequences();
        limits::check_budgets(self.world, &step.batch, sequences);
        let rows = (&step.batch, sequences);
        limits::check_work((self.world, self.now), rows, (&stats, calm), &self.crowd);
        if step.batch.rows.is_empty() {
            return self.wait();
        }
        self.weigh();
        self.summary.steps += 1;
        self.run(&step, &stats);
        true
    }

    /// Lets time pass until something happens. False if nothing will.
    fn wait(&mut self) -> bool {
        let arrival = self.case.arrivals.get(self.arrived);
        let arrival = arrival.map(|arrival| Duration::from_millis(arrival.at_ms));
        let Some(next) = arrival.into_iter().chain(self.crowd.next_time(self.now)).min() else {
            return false;
        };
        self.now = next.max(self.now);
        self.crowd.read(self.now, self.failed, false);
        true
    }

    fn submit(&mut self, arrival: &Arrival) {
        let choices = arrival.clients.len();
        let request = arrival.request(self.world);
        let refusal = self.refusal(arrival);
        let streams = match self.scheduler.submit(&request, choices, self.now) {
            Ok(streams) => streams,
            Err(error) => {
                self.summary.refused += 1;
                let known = refusal.unwrap_or_else(|| Some(error.clone()));
                return assert_eq!(Some(error), known, "request {}", self.arrived);
            }
        };
        let name = format!("request {}", self.arrived);
        assert!(matches!(refusal, None | Some(None)), "{name} should be refused: {refusal:?}");
        assert_eq!(streams.len(), choices, "{name}: a stream for each choice");
        let leader = self.crowd.0.len();
        for ((choice, stream), expected) in
            streams.into_iter().enumerate().zip(alone(self.world, arrival))
        {
            let course = Course::new(name.clone(), arrival, &expected);
            self.fairness.expect(arrival.tenant, course.whole_cost());
            self.summary.requests += 1;
            self.crowd.0.push(Member {
                life: Life::new((self.arrived, choice), arrival, self.now, stream, expected),
                course,
                tenant: arrival.tenant,
                salt: match (self.world.config.prefix_cache, self.world.one_salt) {
                    (true, true) => 0,
                    (true, false) => arrival.tenant,
                    // The choices of a request share their prompt even so.
                    (false, _) => self.arrived,
                },
                leader,
                let_go: false,
                was_unread: false,
                preemptions: 0,
            });
        }
    }

    /// Why a request must be refused, if it must; `None` if that cannot be told from outside.
    fn refusal(&self, arrival: &Arrival) -> Option<Option<SubmitError>> {
        let (tokens, context) = (arrival.prompt.len(), self.world.positions());
        if tokens == 0 {
            return Some(Some(SubmitError::EmptyPrompt));
        }
        if tokens + usize::from(arrival.max_tokens > 0) > context {
            return Some(Some(SubmitError::TooLong { tokens, context }));
        }
        let vocab = self.world.vocab;
        if let Some(&id) = arrival.prompt.iter().find(|&&id| id as usize >= vocab) {
            return Some(Some(SubmitError::UnknownToken { id, vocab }));
        }
        let (all, own) = self.crowd.queued(arrival.tenant, self.now)?;
        // Whoever has nothing in the queue finds it twice as long.
        let limit = self.world.config.queue * if own == 0 { 2 } else { 1 };
        let full = all > 0 && all + arrival.clients.len() > limit;
        Some(full.then_some(SubmitError::QueueFull(all)))
    }

    /// Clients read what the beginning of a step has told them: it is what it should be, and came
    /// in turn. `preemptions` were there before.
    fn see_who_begins(&mut self, preemptions: u64) {
        let waiting: Vec<usize> = (0..self.crowd.0.len())
            .filter(|&index| self.crowd.0[index].is_waiting(self.now))
            .collect();
        self.crowd.read(self.now, self.failed, false);
        for index in waiting {
            let member = &self.crowd.0[index];
            let Some(cached) = member.life.cached_tokens else { continue };
            let name = member.life.name();
            let usable = if member.course.may_use_cache() {
                self.tree.known(member.salt, member.course.prompt())
            } else {
                0
            };
            assert!(cached <= usable, "{name}: {cached} tokens cached of {usable} known");
            let exact = cached == usable || !self.ample;
            assert!(exact, "{name}: only {cached} tokens cached of {usable} known in ample pools");
            self.summary.cached_tokens += cached as u64;
            let overtaken = self.crowd.ready(self.now).find(|&(other, earlier)| {
                let rival = !self.world.config.fair_share || earlier.tenant == member.tenant;
                other < index && rival
            });
            if let Some((_, earlier)) = overtaken {
                panic!("{name} begins before {}", earlier.life.name());
            }
            self.crowd.0[index].preemptions = preemptions;
        }
    }

    /// Checks the shares of the tenants who wait.
    fn weigh(&mut self) {
        if !self.world.config.fair_share {
            return;
        }
        let mut waits = vec![false; self.world.weights.len()];
        self.crowd.ready(self.now).for_each(|(_, member)| waits[member.tenant] = true);
        self.summary.weighed += u64::from(waits.iter().filter(|waits| **waits).count() > 1);
        self.fairness.check(&waits);
    }

    /// Runs a step that is not empty.
    fn run(&mut self, step: &Step, stats: &Stats) {
        let number = self.summary.steps;
        let failure = self.case.failures.iter().find(|(at, _)| *at == number);
        let logits = match failure {
            Some((_, Failure::AtOnce)) => None,
            Some((_, Failure::Late)) => self.runner.run(&step.batch).map(|_| None).unwrap(),
            None => Some(self.runner.run(&step.batch).unwrap().to_vec()),
        };
        self.now += Duration::from_millis(self.world.step_ms);
        self.crowd.leave(self.now, true);
        let Some(logits) = logits else { return self.fail(step) };
        self.scheduler.on_step_done(step, &logits);
        // Any times will do: no answer may depend on them.
        let seconds = (1 + number % 7 + step.batch.tokens()) as f64;
        self.scheduler.note_step_seconds(step, seconds);
        self.scheduler.check_integrity();
        self.take_rows(step);
        self.crowd.read(self.now, self.failed, false);
        self.compare_streams();
        self.compare_stats();
        if step.batch.rows.len() == stats.running {
            let members = step.sequences().iter().map(|&of| &self.crowd.0[of as usize]);
            limits::check_blocks(self.world, &self.scheduler.stats(), members);
        }
    }

    /// The model has failed: whoever runs is told, and whoever waits is not.
    fn fail(&mut self, step: &Step) {
        self.failed = Some(self.now);
        self.scheduler.finish_all(&FinishReason::Failed(FAILURE.to_owned()));
        self.scheduler.check_integrity();
        assert_eq!(self.scheduler.stats().running, 0, "sequences that run after a failure");
        self.crowd.read(self.now, self.failed, true);
        for &sequence in step.sequences() {
            let life = &self.crowd.0[sequence as usize].life;
            let told = life.has_left() || life.finished.is_some();
            assert!(told, "{} was not told of a failed step", life.name());
        }
        self.summary.failed += 1;
    }
}

mod books;
