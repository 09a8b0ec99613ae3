//! Kinds of operations, and the wall time that they took.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A kind of operation, as time is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Products with weights that every token goes through: projections and the head.
    Linear,
    /// Products with weights of experts, or of a dense MLP.
    Experts,
    /// Rotation, keys and values into the cache, and attention over it.
    Attention,
    /// The choice of experts.
    Router,
    /// Norms of the residual stream and of heads.
    Norm,
    /// Rows of an embedding, and copies.
    Copy,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Linear, Self::Experts, Self::Attention, Self::Router, Self::Norm, Self::Copy];
}

/// Wall time that each kind of operation took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationTimes([Duration; Operation::ALL.len()]);

impl OperationTimes {
    /// That of one kind.
    pub const fn of(&self, operation: Operation) -> Duration {
        self.0[operation as usize]
    }

    /// That of all kinds.
    pub fn total(&self) -> Duration {
        self.0.iter().sum()
    }

    /// What came on top of an earlier reading of the same clock.
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index].saturating_sub(earlier.0[index])))
    }
}

impl std::ops::AddAssign for OperationTimes {
    fn add_assign(&mut self, other: Self) {
        for (sum, time) in self.0.iter_mut().zip(other.0) {
            *sum += time;
        }
    }
}

/// Reads what a [`Timed`] backend adds up, wherever that has gone.
#[derive(Clone, Debug, Default)]
pub struct OperationClock(Arc<[AtomicU64; Operation::ALL.len()]>);

impl OperationClock {
    /// The times since the backend was made.
    pub fn read(&self) -> OperationTimes {
        let nanoseconds = |index: usize| self.0[index].load(Ordering::Relaxed);
        OperationTimes(std::array::from_fn(|index| Duration::from_nanos(nanoseconds(index))))
    }

    /// Does some work on the clock of its kind.
    pub(crate) fn time<T>(&self, operation: Operation, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0[operation as usize].fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::{Operation, OperationClock};

    #[test]
    fn readings_are_added_and_taken_from_each_other() {
        let clock = OperationClock::default();
        clock.time(Operation::Router, || sleep(Duration::from_millis(1)));
        let first = clock.read();
        clock.time(Operation::Linear, || sleep(Duration::from_millis(1)));
        let later = clock.read().since(&first);
        assert!(later.of(Operation::Router).is_zero() && !later.of(Operation::Linear).is_zero());
        let mut sum = first;
        sum += later;
        assert_eq!(sum, clock.read());
    }
}
