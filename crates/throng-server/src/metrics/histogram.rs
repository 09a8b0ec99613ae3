//! How often a quantity fell between which bounds.

use std::sync::{Mutex, PoisonError};

/// A histogram that many may add to at once.
#[derive(Debug)]
pub(crate) struct Histogram {
    bounds: &'static [f64],
    /// Counts between two bounds, the last above all, and the sum of all values.
    state: Mutex<(Vec<u64>, f64)>,
}

impl Histogram {
    /// Between these bounds, which ascend.
    pub(crate) fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, state: Mutex::new((vec![0; bounds.len() + 1], 0.0)) }
    }

    /// Upper bounds of its buckets but the last.
    pub(crate) fn bounds(&self) -> &'static [f64] {
        self.bounds
    }

    /// One more value.
    pub(crate) fn observe(&self, value: f64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0[bucket] += 1;
        state.1 += value;
    }

    /// Counts, one more than there are bounds, and the sum of all values.
    pub(crate) fn snapshot(&self) -> (Vec<u64>, f64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
