//! Kinds of operations, and what they took: wall time, bytes, multiply-accumulates.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::arithmetic::Macs;
use crate::counts::Count;

/// A kind of operation, in the order of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Norms of the residual stream and of heads.
    Norm,
    /// The projection to queries, keys and values: what [`crate::Backend::linear`] is for.
    Qkv,
    /// Rotation of queries and keys, and keys and values into the cache.
    Rope,
    /// Attention over the cache.
    Attention,
    /// The projection of what was attended to, added to the residual stream.
    Output,
    /// The choice of experts.
    Router,
    /// The first products of experts, or of a dense MLP, and their activation.
    MlpUp,
    /// The second products of experts, or of a dense MLP, and their sum.
    MlpDown,
    /// Logits.
    Head,
    /// Rows of an embedding, and copies.
    Copy,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Norm,
        Self::Qkv,
        Self::Rope,
        Self::Attention,
        Self::Output,
        Self::Router,
        Self::MlpUp,
        Self::MlpDown,
        Self::Head,
        Self::Copy,
    ];

    /// The name used in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Norm => "norms",
            Self::Qkv => "qkv",
            Self::Rope => "rope",
            Self::Attention => "attention",
            Self::Output => "output",
            Self::Router => "router",
            Self::MlpUp => "mlp_up",
            Self::MlpDown => "mlp_down",
            Self::Head => "head",
            Self::Copy => "copies",
        }
    }
}

/// What some operations took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Wall time.
    pub time: Duration,
    /// Bytes of weights and of the KV cache that had to be read, each once an operation.
    pub bytes: u64,
    /// Multiply-accumulates with those.
    pub macs: Macs,
}

impl Work {
    /// What one of so many equal shares of it is; of zero shares all of it.
    pub fn mean(&self, shares: usize) -> Self {
        self.with(&Self::default(), |all, _| all / shares.max(1) as u64)
    }

    /// Of each number, what `of` makes of this one's and another's.
    fn with(&self, other: &Self, of: impl Fn(u64, u64) -> u64) -> Self {
        let [ours, theirs] = [self, other].map(|work| work.time.as_nanos() as u64);
        Self {
            time: Duration::from_nanos(of(ours, theirs)),
            bytes: of(self.bytes, other.bytes),
            macs: Macs::from_fn(|each| of(self.macs.of(each), other.macs.of(each))),
        }
    }
}

impl std::ops::AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        *self = self.with(&other, u64::saturating_add);
    }
}

/// What operations took, kind by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationWork([Work; Operation::ALL.len()]);

impl OperationWork {
    /// That of one kind.
    pub const fn of(&self, operation: Operation) -> Work {
        self.0[operation as usize]
    }

    /// That of all kinds.
    pub fn total(&self) -> Work {
        let mut sum = Work::default();
        self.0.iter().for_each(|&work| sum += work);
        sum
    }

    /// What came on top of an earlier reading of the same clock.
    pub fn since(&self, earlier: &Self) -> Self {
        let later = |index: usize| self.0[index].with(&earlier.0[index], u64::saturating_sub);
        Self(std::array::from_fn(later))
    }
}

impl std::ops::AddAssign for OperationWork {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, work)| *sum += work);
    }
}

/// Reads what a [`crate::Timed`] backend adds up, wherever that has gone.
#[derive(Clone, Debug, Default)]
pub struct OperationClock(Arc<Mutex<OperationWork>>);

impl OperationClock {
    /// All work since the backend was made.
    pub fn read(&self) -> OperationWork {
        *self.lock()
    }

    /// Does some work on the clock of its kind, with what was counted of it.
    pub(crate) fn time<T>(
        &self,
        operation: Operation,
        count: Count,
        work: impl FnOnce() -> T,
    ) -> T {
        let start = Instant::now();
        let result = work();
        let time = start.elapsed();
        let Count { bytes, macs } = count;
        self.lock().0[operation as usize] += Work { time, bytes, macs };
        result
    }

    fn lock(&self) -> MutexGuard<'_, OperationWork> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;
    use std::time::Duration;

    use super::{Operation, OperationClock};
    use crate::arithmetic::{Arithmetic, Macs};
    use crate::counts::Count;

    #[test]
    fn readings_are_added_and_taken_from_each_other() {
        let clock = OperationClock::default();
        let work = |operation, bytes| {
            let count = Count { bytes, macs: Macs::only(Arithmetic::Bf16, 10 * bytes) };
            clock.time(operation, count, || sleep(Duration::from_millis(1)));
        };
        work(Operation::Router, 3);
        let first = clock.read();
        work(Operation::Qkv, 4);
        work(Operation::Qkv, 5);
        let later = clock.read().since(&first);
        assert_eq!(later.of(Operation::Router), Default::default());
        let qkv = later.of(Operation::Qkv);
        assert!(qkv.time >= Duration::from_millis(2), "{qkv:?}");
        assert_eq!((qkv.bytes, qkv.macs), (9, Macs::only(Arithmetic::Bf16, 90)));
        assert_eq!(later.total(), qkv);
        let mut sum = first;
        sum += later;
        assert_eq!(sum, clock.read());
        assert_eq!(sum.total().bytes, 12);
    }
}
