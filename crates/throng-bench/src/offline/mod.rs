//! How fast a model's steps are, with nothing around them: no server, no scheduler, no sampling.

mod measurement;
mod plan;

use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use throng_model::{Batch, Row, Runner};

pub use self::measurement::{Case, Measurement, Watch};
use self::plan::FILL_TOKENS;
pub use self::plan::{OfflineError, OfflinePlan};
use crate::crowd::Crowd;
use crate::statistics::Samples;

/// Measures a plan: every case once without counting it, then all of them as often as the plan
/// says, one after the other, so that a machine that becomes slower does so for all.
///
/// # Errors
/// The plan does not fit the model, or the model fails.
pub fn measure_offline(
    runner: &mut dyn Runner,
    plan: &OfflinePlan,
    watch: Watch,
) -> Result<Vec<Measurement>, OfflineError> {
    plan.check(runner.spec(), runner.kv_blocks())?;
    let steps = plan.steps();
    let mut bench = Bench { runner, plan, steps, done: 0, watch };
    let mut measurements = bench.prefill()?;
    measurements.extend(bench.decode()?);
    Ok(measurements)
}

/// A measurement that is going on.
struct Bench<'a, 'w> {
    runner: &'a mut dyn Runner,
    plan: &'a OfflinePlan,
    steps: usize,
    done: usize,
    watch: Watch<'w>,
}

impl Bench<'_, '_> {
    fn prefill(&mut self) -> Result<Vec<Measurement>, OfflineError> {
        let plan = self.plan;
        let read = |bench: &mut Self, tokens: usize, end: usize| {
            let crowd = plan.reader(bench.runner.spec(), tokens);
            for chunk in chunks(0..end, plan.chunk.get()) {
                let wanted = usize::from(chunk.end == tokens);
                bench.step(vec![crowd.row(0, chunk, wanted)])?;
            }
            Ok(())
        };
        for &tokens in &plan.prompts {
            read(self, tokens, tokens.min(plan.chunk.get()))?;
        }
        self.repeat(
            &plan.prompts,
            |bench, &tokens| read(bench, tokens, tokens),
            |&tokens| Work {
                case: Case::Prefill { tokens },
                tokens,
                steps: tokens.div_ceil(plan.chunk.get()),
            },
        )
    }

    fn decode(&mut self) -> Result<Vec<Measurement>, OfflineError> {
        let plan = self.plan;
        if plan.generate == 0 {
            return Ok(Vec::new());
        }
        let crowd = plan.crowd(self.runner.spec());
        self.fill(&crowd)?;
        let step = |bench: &mut Self, users: usize, position: usize| {
            let rows = (0..users).map(|user| crowd.row(user, position..position + 1, 1));
            bench.step(rows.collect())
        };
        for &users in &plan.users {
            step(self, users, plan.context)?;
        }
        let decode = |bench: &mut Self, users: &usize| {
            (plan.context..plan.positions()).try_for_each(|position| step(bench, *users, position))
        };
        self.repeat(&plan.users, decode, |&users| Work {
            case: Case::Decode { users },
            tokens: users * plan.generate,
            steps: plan.generate,
        })
    }

    /// Computes everyone's context, several users a step.
    fn fill(&mut self, crowd: &Crowd) -> Result<(), OfflineError> {
        let plan = self.plan;
        let together = (plan.step_tokens() / FILL_TOKENS.min(plan.context.max(1))).max(1);
        let users: Vec<usize> = (0..plan.most_users()).collect();
        for group in users.chunks(together) {
            for chunk in chunks(0..plan.context, FILL_TOKENS) {
                let row = |&user: &usize| crowd.row(user, chunk.clone(), 0);
                self.step(group.iter().map(row).collect())?;
                self.advance(group.len() - 1);
            }
        }
        Ok(())
    }

    /// Times each case as often as the plan says.
    fn repeat<T>(
        &mut self,
        cases: &[T],
        mut run: impl FnMut(&mut Self, &T) -> Result<(), OfflineError>,
        work: impl Fn(&T) -> Work,
    ) -> Result<Vec<Measurement>, OfflineError> {
        let works: Vec<Work> = cases.iter().map(work).collect();
        let mut times = vec![(Vec::new(), Vec::new()); cases.len()];
        for _ in 0..self.plan.repeats.get() {
            let mut before = None;
            for ((case, work), (seconds, bandwidth)) in cases.iter().zip(&works).zip(&mut times) {
                let is_decode = matches!(work.case, Case::Decode { .. });
                if is_decode && before.is_none() {
                    before = self.watch.bandwidth();
                }
                let start = Instant::now();
                run(self, case)?;
                seconds.push(start.elapsed().as_secs_f64());
                let after = if is_decode { self.watch.bandwidth() } else { None };
                bandwidth.extend(before.zip(after).map(|(before, after)| [before, after]));
                before = after;
            }
        }
        let measured = works.into_iter().zip(times).map(|(work, (seconds, bandwidth))| {
            let Work { case, tokens, steps } = work;
            let seconds = Samples::new(seconds).filter(|seconds| seconds.min() > 0.0);
            let seconds = seconds.ok_or(OfflineError::Clock)?;
            Ok(Measurement { case, tokens, steps, seconds, bandwidth })
        });
        measured.collect()
    }

    fn step(&mut self, rows: Vec<Row>) -> Result<(), OfflineError> {
        black_box(self.runner.run(&Batch { rows })?);
        self.advance(1);
        Ok(())
    }

    fn advance(&mut self, steps: usize) {
        self.done += steps;
        (self.watch.progress)(self.done, self.steps);
    }
}

/// What one time of a case computes.
struct Work {
    case: Case,
    tokens: usize,
    steps: usize,
}

/// A range in parts of so many, the last one shorter.
pub(crate) fn chunks(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range.step_by(size).map(move |start| start..(start + size).min(end))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use throng_model::KvBlocks;
    use throng_spec::ModelSpec;
    use throng_testkit::{ScriptedRunner, TinyGptOss};

    use super::*;

    fn plan() -> OfflinePlan {
        OfflinePlan {
            prompts: vec![1, 100],
            users: vec![4, 1],
            context: 150,
            generate: 5,
            repeats: NonZeroUsize::new(3).unwrap(),
            chunk: NonZeroUsize::new(32).unwrap(),
        }
    }

    fn measure(plan: &OfflinePlan, blocks: KvBlocks) -> Result<Vec<Measurement>, OfflineError> {
        let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
        // It panics where a row's tokens or blocks are not those of a sequence.
        let mut runner = ScriptedRunner::new(spec, blocks);
        let mut seen = Vec::new();
        let mut progress = |done, of| {
            seen.push(done);
            assert_eq!(of, plan.steps());
        };
        let mut probes = 0;
        let mut probe = || {
            probes += 1;
            Some(f64::from(probes))
        };
        let watch = Watch { progress: &mut progress, bandwidth: Some(&mut probe) };
        let measured = measure_offline(&mut runner, plan, watch)?;
        assert!(seen.is_sorted());
        assert_eq!(seen.last(), Some(&plan.steps()), "all steps, and no more");
        Ok(measured)
    }

    #[test]
    fn every_case_is_measured_as_often_as_asked() {
        let blocks = KvBlocks { full: 48, window: 48 };
        let measured = measure(&plan(), blocks).unwrap();
        let cases: Vec<_> = measured.iter().map(|m| (m.case, m.tokens, m.steps)).collect();
        let (prefill, decode) = (|tokens| Case::Prefill { tokens }, |users| Case::Decode { users });
        assert_eq!(
            cases,
            [(prefill(1), 1, 1), (prefill(100), 100, 4), (decode(4), 20, 5), (decode(1), 5, 5)]
        );
        assert!(measured.iter().all(|measured| measured.seconds.count() == 3));
        let bandwidth: Vec<_> = measured.iter().map(|measured| &measured.bandwidth[..]).collect();
        let (first, second) =
            ([[1.0, 2.0], [4.0, 5.0], [7.0, 8.0]], [[2.0, 3.0], [5.0, 6.0], [8.0, 9.0]]);
        assert_eq!(bandwidth, [&[][..], &[], &first, &second], "around each decoding, in turn");
        let nothing = OfflinePlan { prompts: Vec::new(), generate: 0, ..plan() };
        assert_eq!(measure_nothing(&nothing, blocks), 0);
    }

    fn measure_nothing(plan: &OfflinePlan, blocks: KvBlocks) -> usize {
        let spec = ModelSpec::from_config(&TinyGptOss::default().config()).unwrap();
        let mut runner = ScriptedRunner::new(spec, blocks).failing_after(0);
        let watch = Watch { progress: &mut |_, _| {}, bandwidth: None };
        measure_offline(&mut runner, plan, watch).unwrap().len()
    }

    #[test]
    fn what_has_no_room_is_refused_before_the_first_step() {
        let refused = |plan: OfflinePlan, full, window| {
            measure(&plan, KvBlocks { full, window }).unwrap_err().to_string()
        };
        let said = refused(plan(), 39, 48);
        assert!(said.starts_with("4 users of 155 tokens each"), "{said}");
        assert!(said.contains("40 blocks of 39"), "{said}");
        assert!(refused(plan(), 40, 3).contains("of 3 in one"));
        let long = OfflinePlan { prompts: vec![513], ..plan() };
        assert!(refused(long, 99, 99).contains("513 tokens are more than the model's context"));
        let huge = OfflinePlan { context: usize::MAX, ..plan() };
        assert!(refused(huge, 99, 99).contains("more than the model's context of 512"));
    }
}
