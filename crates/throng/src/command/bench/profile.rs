//! Where the time of a step goes, beside what it has to read.

use std::time::Duration;

use anyhow::Result;
use throng_bench::{OfflinePlan, StepProfile, profile_steps};
use throng_model::{Precision, Runner};
use throng_ops::{Operation, OperationClock};
use throng_spec::StepBytes;

use super::progress::Progress;
use crate::loading::Model;
use crate::machine::Machine;

/// Steps of some numbers of users, and the speed of memory meanwhile.
pub struct Profile {
    /// Bytes a second that the machine read before and after; `None` if it could not be measured.
    pub bandwidth: Option<[f64; 2]>,
    pub steps: Vec<Profiled>,
}

/// Steps of so many users.
pub struct Profiled {
    pub times: StepProfile,
    /// What one of them has to read.
    pub bytes: StepBytes,
}

impl Profile {
    /// Measures it on a runner whose backend has this clock.
    ///
    /// # Errors
    /// As [`profile_steps`].
    pub fn measure(
        runner: &mut dyn Runner,
        clock: &OperationClock,
        plan: &OfflinePlan,
        model: &Model,
        threads: usize,
        precision: Precision,
    ) -> Result<Self> {
        let machine = Machine::this();
        let before = machine.bandwidth(threads)?;
        let mut progress = Progress::new("profiling");
        let times = profile_steps(runner, plan, clock, threads, &mut |done, steps| {
            progress.show(done, steps);
        })?;
        drop(progress);
        let after = machine.bandwidth(threads)?;
        let kept = model.kept(precision);
        // In the middle of what is generated.
        let context = plan.context + plan.generate / 2;
        let steps = times.into_iter().map(|times| {
            let value_bytes = precision.kv_value_bytes();
            let bytes = StepBytes::of(model.spec(), &kept, times.users, context, value_bytes);
            Profiled { times, bytes }
        });
        Ok(Self {
            bandwidth: before.zip(after).map(|(before, after)| [before, after]),
            steps: steps.collect(),
        })
    }

    /// The mean of the two measurements.
    pub fn mean_bandwidth(&self) -> Option<f64> {
        self.bandwidth.map(|[before, after]| (before + after) / 2.0)
    }
}

impl Profiled {
    /// Seconds of one step.
    pub fn seconds(&self) -> f64 {
        self.times.total().as_secs_f64() / self.times.steps.max(1) as f64
    }

    /// Bytes a second that the model had to read.
    pub fn bytes_per_second(&self) -> f64 {
        let model = self.times.model.as_secs_f64() / self.times.steps.max(1) as f64;
        self.bytes.total() as f64 / model.max(f64::MIN_POSITIVE)
    }

    /// Names of all parts of a step, and their times; together they are the whole.
    pub fn parts(&self) -> [(&'static str, Duration); 9] {
        let StepProfile { operations, sampling, scheduling, .. } = self.times;
        [
            ("linear", operations.of(Operation::Linear)),
            ("experts", operations.of(Operation::Experts)),
            ("attention", operations.of(Operation::Attention)),
            ("router", operations.of(Operation::Router)),
            ("norms", operations.of(Operation::Norm)),
            ("copies", operations.of(Operation::Copy)),
            ("rest", self.times.rest()),
            ("sampling", sampling),
            ("scheduling", scheduling),
        ]
    }
}
