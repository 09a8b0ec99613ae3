//! What the time of steps goes to, and what they read and compute meanwhile.

mod decode;
mod prefill;
#[cfg(test)]
mod tests;

use std::time::Duration;

use throng_ops::OperationWork;

pub use self::decode::profile_steps;
pub use self::prefill::profile_prompts;
use crate::offline::Case;

/// Where the time of some steps went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepProfile {
    /// What the steps were of.
    pub case: Case,
    /// Steps that were timed.
    pub steps: usize,
    /// Time that the model took, all steps together.
    pub model: Duration,
    /// What its operations took, by kind.
    pub operations: OperationWork,
    /// Time that drawing tokens took; none in a prefill.
    pub sampling: Duration,
    /// Time that all other work of the scheduler took; none in a prefill.
    pub scheduling: Duration,
}

impl StepProfile {
    /// That of no steps yet.
    fn none(case: Case) -> Self {
        let [model, sampling, scheduling] = [Duration::ZERO; 3];
        let operations = OperationWork::default();
        Self { case, steps: 0, model, operations, sampling, scheduling }
    }

    fn add(&mut self, more: &Self) {
        self.steps += more.steps;
        self.model += more.model;
        self.operations += more.operations;
        self.sampling += more.sampling;
        self.scheduling += more.scheduling;
    }

    /// All of it.
    pub fn total(&self) -> Duration {
        self.model + self.sampling + self.scheduling
    }

    /// Time within the model that no operation took.
    pub fn rest(&self) -> Duration {
        self.model.saturating_sub(self.operations.total().time)
    }
}
