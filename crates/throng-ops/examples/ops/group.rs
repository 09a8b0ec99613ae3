//! Cases that share what takes long to make, and how one is measured.

use std::time::{Duration, Instant};

use throng_ops::{Cpu, OperationClock, OutOfMemory, Timed, Work};

use crate::options::Options;

/// The backend that is measured.
pub type Measured = Timed<Cpu>;

/// Runs of a case, at least.
const LEAST_RUNS: usize = 5;

/// An operation on a shape, for several sizes: tokens or positions.
pub trait Group {
    /// Everything of the case's name but the size.
    fn name(&self) -> String;

    /// What stands before the size in the case's name.
    fn size_name(&self) -> &'static str {
        "t"
    }

    /// The sizes.
    fn sizes(&self) -> &[usize];

    /// Makes what all of them need.
    ///
    /// # Errors
    /// The machine lacks the memory.
    fn prepare(
        &self,
        backend: &mut Measured,
        options: &Options,
    ) -> Result<Box<dyn Op>, OutOfMemory>;
}

/// An operation that is ready to run.
pub trait Op {
    /// Makes inputs and outputs for a size.
    fn resize(&mut self, backend: &mut Measured, size: usize);

    /// Runs once; `round` picks one of several copies of the weights, so that they come from
    /// memory.
    fn run(&mut self, backend: &mut Measured, round: usize);
}

/// A case's name: `linear/bf16/5120x2880/t8`.
pub fn name(group: &dyn Group, size: usize) -> String {
    format!("{}/{}{size}", group.name(), group.size_name())
}

/// What each run took, after one that is not counted.
pub fn measure(
    op: &mut dyn Op,
    backend: &mut Measured,
    clock: &OperationClock,
    size: usize,
    time: Duration,
) -> Vec<Work> {
    op.resize(backend, size);
    op.run(backend, 0);
    let (start, mut runs) = (Instant::now(), Vec::new());
    while runs.len() < LEAST_RUNS || start.elapsed() < time {
        let before = clock.read();
        op.run(backend, runs.len() + 1);
        runs.push(clock.read().since(&before).total());
    }
    runs
}
