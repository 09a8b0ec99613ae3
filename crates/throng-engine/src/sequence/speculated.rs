//! What a sequence has to do with drafts.

use super::Sequence;
use crate::speculation::{Lookup, Ngram};

impl Sequence {
    /// How many tokens may be drafted behind the one that is due, if only one is: no more than the
    /// answer has room for beside the token that the model draws after them.
    pub(crate) fn draft_room(&self) -> usize {
        if self.pending() != 1 || self.prompt_logprobs.is_some() {
            return 0;
        }
        self.answer_limit.saturating_sub(self.answer_tokens() + 1)
    }

    /// `count` tokens that may come next, or none, from what the sequence says already.
    pub(crate) fn look_up(&mut self, ngram: Ngram, count: usize) -> Vec<u32> {
        let lookup = self.lookup.get_or_insert_with(|| Lookup::new(ngram));
        let mut proposed = lookup.propose(&self.tokens, count);
        if let Some(end) = proposed.iter().position(|&id| self.stops_at(id)) {
            proposed.truncate(end + 1);
        }
        proposed
    }

    /// Notes that the model has looked at drafts, and how many of them have come.
    pub(crate) fn note_drafts(&mut self, drafted: usize, accepted: usize) {
        self.drafts.note(drafted, accepted);
        self.acceptance.observe(drafted, accepted);
    }

    /// How probably a draft is right. `others` is the same of all others.
    pub(crate) fn acceptance(&self, others: f64) -> f64 {
        self.acceptance.rate(others)
    }

    /// Notes what would have been drafted.
    pub(crate) fn foresee(&mut self, id: Option<u32>) {
        self.foreseen = id;
    }

    /// Compares it with what has come. Returns whether it was right, if there was anything.
    pub(crate) fn compare_foreseen(&mut self, came: u32) -> Option<bool> {
        let is_right = self.foreseen.take()? == came;
        self.acceptance.observe(1, is_right.into());
        Some(is_right)
    }

    /// Whether nothing comes after a token.
    pub(crate) fn stops_at(&self, id: u32) -> bool {
        self.request.limits.stop_tokens.contains(&id)
    }
}
