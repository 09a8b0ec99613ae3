//! What became of the tokens that were drafted for an answer. It differs from run to run, as costs
//! do that decide how many are drafted; so it is kept beside an answer's events, which do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Tokens that were drafted for an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drafts {
    /// Those that came.
    pub accepted: usize,
    /// Those that the model looked at in vain.
    pub rejected: usize,
}

/// Counts the drafts of an answer for its client.
#[derive(Clone, Debug, Default)]
pub(crate) struct DraftCounter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    rejected: AtomicUsize,
}

impl DraftCounter {
    /// Notes that `accepted` of `drafted` tokens came.
    pub(crate) fn note(&self, drafted: usize, accepted: usize) {
        let Counts { accepted: came, rejected } = &*self.0;
        came.fetch_add(accepted, Ordering::Relaxed);
        rejected.fetch_add(drafted - accepted, Ordering::Relaxed);
    }

    /// All of them so far.
    pub(crate) fn drafts(&self) -> Drafts {
        let Counts { accepted, rejected } = &*self.0;
        let [accepted, rejected] = [accepted, rejected].map(|count| count.load(Ordering::Relaxed));
        Drafts { accepted, rejected }
    }
}
