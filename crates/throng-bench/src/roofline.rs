//! A step beside what the machine could do at best: the roofline (Williams et al. 2009) of each of
//! its parts, and what holds the whole of it back.

use std::time::Duration;

use throng_ops::{Bound, Limit, Limits, Operation, Work};

use crate::offline::Case;
use crate::profile::StepProfile;

/// The parts of a mean step.
#[derive(Clone, Debug, PartialEq)]
pub struct Roofline {
    /// What the step was of.
    pub case: Case,
    /// Steps that the mean is of.
    pub steps: usize,
    /// Operations in the order of a step, then all else; together they are the step.
    pub parts: Vec<Part>,
}

/// A part of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// An operation's name, or `rest`, `sampling` or `scheduling`.
    pub name: &'static str,
    /// What it takes in one step.
    pub work: Work,
    /// The least that it can take; `None` if nothing of it is counted.
    pub limit: Option<Limit>,
}

impl Part {
    /// Time that is not needed: what it takes over its limit.
    pub fn excess(&self) -> Duration {
        self.work.time.saturating_sub(self.limit.map_or(Duration::ZERO, |limit| limit.time))
    }
}

/// What holds a step back.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// What binds the operations that most of the time goes to; `None` if that is time of which
    /// nothing is counted.
    pub bound: Option<Bound>,
    /// What share of the step those take, from 0 to 1.
    pub share: f64,
    /// What share of their time their limits are; more than 1 where caches are faster than memory.
    pub of_limit: f64,
    /// Of the parts that take longer than their limits, the two that do so most, the worst first.
    pub worst: Vec<Part>,
}

/// How many parts a verdict names.
const NAMED: usize = 2;

impl Roofline {
    /// Sets a profile against a machine's limits.
    pub fn new(profile: &StepProfile, limits: &Limits) -> Self {
        let steps = profile.steps.max(1);
        let operations = Operation::ALL.map(|each| (each.name(), profile.operations.of(each)));
        let others = [
            ("rest", profile.rest()),
            ("sampling", profile.sampling),
            ("scheduling", profile.scheduling),
        ];
        let others = others.map(|(name, time)| (name, Work { time, ..Work::default() }));
        let parts = operations.into_iter().chain(others);
        let parts = parts.filter(|(_, work)| *work != Work::default()).map(|(name, work)| {
            let work = work.mean(steps);
            Part { name, work, limit: limits.of(&work) }
        });
        Self { case: profile.case, steps: profile.steps, parts: parts.collect() }
    }

    /// All parts together.
    pub fn total(&self) -> Work {
        let mut sum = Work::default();
        self.parts.iter().for_each(|part| sum += part.work);
        sum
    }

    /// The least that the step can take, one part after the other.
    pub fn limit(&self) -> Duration {
        self.parts.iter().filter_map(|part| part.limit).map(|limit| limit.time).sum()
    }

    /// What holds the step back.
    pub fn verdict(&self) -> Verdict {
        let held = |bound: Option<Bound>| {
            let bound_so = |part: &&Part| part.limit.map(|limit| limit.bound) == bound;
            let parts = self.parts.iter().filter(bound_so);
            parts.fold((0.0, 0.0), |(time, limit), part| {
                let least = part.limit.map_or(Duration::ZERO, |limit| limit.time);
                (time + part.work.time.as_secs_f64(), limit + least.as_secs_f64())
            })
        };
        let bounds = [Some(Bound::Memory), Some(Bound::Arithmetic), None];
        let held = bounds.map(|bound| (bound, held(bound)));
        let (bound, (time, limit)) = held
            .into_iter()
            .max_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b))
            .expect("there are three of them");
        let mut worst = self.parts.clone();
        worst.retain(|part| !part.excess().is_zero());
        worst.sort_by_key(|part| std::cmp::Reverse(part.excess()));
        worst.truncate(NAMED);
        let ratio = |part: f64, whole: f64| part / whole.max(f64::MIN_POSITIVE);
        let share = ratio(time, self.total().time.as_secs_f64());
        Verdict { bound, share, of_limit: ratio(limit, time), worst }
    }
}

#[cfg(test)]
mod tests {
    use throng_ops::{Arithmetic, Macs, PerArithmetic};

    use super::*;

    const LIMITS: f64 = 1e9;

    fn part(name: &'static str, millis: u64, bytes: u64, macs: u64) -> Part {
        let limits = Limits { bandwidth: LIMITS, peaks: PerArithmetic::from_fn(|_| LIMITS) };
        let macs = Macs::only(Arithmetic::Int8, macs);
        let work = Work { time: Duration::from_millis(millis), bytes, macs };
        Part { name, work, limit: limits.of(&work) }
    }

    #[test]
    fn the_verdict_names_what_binds_most_of_the_time_and_who_wastes_most() {
        let parts = vec![
            part("qkv", 10, 8_000_000, 1_000_000),
            part("head", 50, 40_000_000, 9_000_000),
            part("mlp_up", 30, 1_000_000, 27_000_000),
            part("norms", 5, 0, 0),
        ];
        let mut roofline = Roofline { case: Case::Decode { users: 1 }, steps: 1, parts };
        let verdict = roofline.verdict();
        assert_eq!(verdict.bound, Some(Bound::Memory));
        assert!((verdict.share - 60.0 / 95.0).abs() < 1e-9, "{verdict:?}");
        assert!((verdict.of_limit - 48.0 / 60.0).abs() < 1e-9, "{verdict:?}");
        let names: Vec<_> = verdict.worst.iter().map(|part| part.name).collect();
        assert_eq!(names, ["head", "norms"]);
        assert_eq!(roofline.limit(), Duration::from_millis(8 + 40 + 27));

        roofline.parts[1] = part("head", 10, 8_000_000, 0);
        let verdict = roofline.verdict();
        assert_eq!(verdict.bound, Some(Bound::Arithmetic));
        assert!((verdict.of_limit - 0.9).abs() < 1e-9, "{verdict:?}");

        roofline.parts[3] = part("sampling", 1000, 0, 0);
        let verdict = roofline.verdict();
        assert_eq!((verdict.bound, verdict.of_limit), (None, 0.0));
        assert_eq!(verdict.worst[0].name, "sampling");
    }

    #[test]
    fn a_step_is_the_mean_of_all_and_its_parts_are_the_whole() {
        let limits = Limits { bandwidth: LIMITS, peaks: PerArithmetic::from_fn(|_| LIMITS) };
        let millis = Duration::from_millis;
        let profile = StepProfile {
            case: Case::Prefill { tokens: 9 },
            steps: 4,
            model: millis(40),
            operations: Default::default(),
            sampling: millis(8),
            scheduling: Duration::ZERO,
        };
        let roofline = Roofline::new(&profile, &limits);
        let parts: Vec<_> = roofline.parts.iter().map(|part| (part.name, part.work.time)).collect();
        assert_eq!(parts, [("rest", millis(10)), ("sampling", millis(2))]);
        assert_eq!(roofline.total().time, millis(12));
    }
}
