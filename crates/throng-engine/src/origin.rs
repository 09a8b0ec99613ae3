//! Where a sequence comes from: what its request knows and its tokens do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cache::Salt;
use crate::drafts::DraftCounter;
use crate::penalties::Occurrences;
use crate::queue::QueueSlot;

/// Whether the prompt of a request is computed. Its choices have it in common: the first computes
/// it, and the others find it in the cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct PromptFlag(Arc<AtomicBool>);

impl PromptFlag {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where a sequence comes from.
#[derive(Debug)]
pub(crate) struct Origin {
    pub(crate) submitted: Duration,
    /// Positions that a prompt and its answer may have together.
    pub(crate) context: usize,
    pub(crate) salt: Salt,
    pub(crate) prompt: PromptFlag,
    /// The prompt's tokens, where a penalty counts.
    pub(crate) occurrences: Option<Occurrences>,
    /// Where its drafts are counted.
    pub(crate) drafts: DraftCounter,
    /// Whether it is the first of its request's choices.
    pub(crate) leads: bool,
    pub(crate) slot: QueueSlot,
}
