//! What an engine has done so far, and what it is doing now: plain numbers.

mod speculation;

use std::sync::Arc;

pub use speculation::{DraftStats, SpeculationStats};

use crate::event::FinishReason;

/// A snapshot. Counts are since the engine started.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// Sequences that have a place in the KV cache.
    pub running: usize,
    /// Sequences that wait for one.
    pub waiting: usize,
    /// Steps run.
    pub steps: u64,
    /// Tokens of prompts that were computed; those computed again after a preemption count again.
    pub prompt_tokens: u64,
    /// Tokens of prompts that were looked for in the cache.
    pub queried_tokens: u64,
    /// Tokens of prompts that were found there.
    pub cached_tokens: u64,
    /// Tokens of answers.
    pub generated_tokens: u64,
    /// Sequences that lost their place to others and were computed again.
    pub preemptions: u64,
    /// Bytes of weights and of the KV cache that the model's steps had to read; `None` where the
    /// model does not count them.
    pub bytes_read: Option<u64>,
    /// Requests that ended, by reason.
    pub finished: Finished,
    /// Blocks of layers that see the whole context.
    pub full: PoolStats,
    /// Blocks of layers with a window.
    pub window: PoolStats,
    /// Everyone who has asked for something, by name; those who asked long ago may be forgotten.
    pub tenants: Vec<TenantStats>,
    /// The sum of those who were forgotten; it has no name.
    pub forgotten: TenantStats,
    /// Rows of a step.
    pub step_rows: Histogram,
    /// Tokens of a step.
    pub step_tokens: Histogram,
    /// Seconds of a step that went into deciding who runs.
    pub scheduling_seconds: Histogram,
    /// Seconds of a step that the model took.
    pub model_seconds: Histogram,
    /// Seconds of a step that went into drawing tokens and sending them.
    pub sampling_seconds: Histogram,
    /// What came of drafts.
    pub speculation: SpeculationStats,
}

/// Requests that ended, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finished {
    /// By a stop token.
    pub stop: u64,
    /// By a limit.
    pub length: u64,
    /// By the client's leaving, or the engine's.
    pub cancelled: u64,
    /// By a deadline.
    pub expired: u64,
    /// By a failure of the model.
    pub failed: u64,
}

impl Finished {
    pub(crate) fn count(&mut self, reason: &FinishReason) {
        *match reason {
            FinishReason::Stop => &mut self.stop,
            FinishReason::Length => &mut self.length,
            FinishReason::Cancelled => &mut self.cancelled,
            FinishReason::Expired => &mut self.expired,
            FinishReason::Failed(_) => &mut self.failed,
        } += 1;
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.stop + self.length + self.cancelled + self.expired + self.failed
    }
}

/// One pool of the KV cache, in blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// All that there are.
    pub blocks: usize,
    /// Those that running sequences hold.
    pub used: usize,
    /// Those that nobody holds, kept in case their prefix comes again.
    pub cached: usize,
}

/// What one tenant has had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantStats {
    /// Its name.
    pub name: Arc<str>,
    /// Sequences that run.
    pub running: usize,
    /// Sequences that wait.
    pub waiting: usize,
    /// Tokens of prompts, as in [`Stats::prompt_tokens`].
    pub prompt_tokens: u64,
    /// Tokens of prompts that were in the cache.
    pub cached_tokens: u64,
    /// Tokens of answers.
    pub generated_tokens: u64,
    /// Sequences that lost their place.
    pub preemptions: u64,
}

impl TenantStats {
    /// Adds what another had.
    pub fn add(&mut self, other: &Self) {
        self.running += other.running;
        self.waiting += other.waiting;
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.generated_tokens += other.generated_tokens;
        self.preemptions += other.preemptions;
    }
}

/// How often a quantity fell between which bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// Upper bounds, ascending; what lies above the last is counted too.
    pub bounds: &'static [f64],
    /// Observations at or below each bound and above the one before; the last entry is above all.
    pub counts: Vec<u64>,
    /// Sum of all observations.
    pub sum: f64,
}

/// Powers of two: of rows and tokens.
const COUNTS: &[f64] = &[
    1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0,
    16384.0,
];

/// From microseconds, which bookkeeping takes, to minutes, which a queue may.
const SECONDS: &[f64] = &[
    1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0,
    100.0, 300.0,
];

impl Histogram {
    /// Nothing observed yet; `bounds` ascend.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len() + 1], sum: 0.0 }
    }

    /// For numbers of things.
    pub(crate) fn of_counts() -> Self {
        Self::new(COUNTS)
    }

    /// For times.
    pub(crate) fn of_seconds() -> Self {
        Self::new(SECONDS)
    }

    /// One more value.
    pub fn observe(&mut self, value: f64) {
        self.counts[self.bounds.partition_point(|bound| *bound < value)] += 1;
        self.sum += value;
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_at_the_first_bound_that_it_does_not_exceed() {
        let mut histogram = Histogram::of_counts();
        for value in [1.0, 2.0, 3.0, 4.0, 1e9] {
            histogram.observe(value);
        }
        assert_eq!(histogram.counts[..4], [1, 1, 2, 0]);
        assert_eq!(histogram.counts.last(), Some(&1));
        assert_eq!((histogram.counts.iter().sum::<u64>(), histogram.sum), (5, 1e9 + 10.0));
    }
}
