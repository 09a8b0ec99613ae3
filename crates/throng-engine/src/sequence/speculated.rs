//! What a sequence has to do with drafts.

use super::Sequence;
use crate::speculation::{Acceptance, Lookup, Method, Ngram};

impl Sequence {
    /// How many tokens may be drafted behind the one that is due, if only one is: no more than the
    /// answer has room for beside the token that the model draws after them.
    pub(crate) fn draft_room(&self) -> usize {
        if self.pending() != 1 || self.prompt_logprobs.is_some() {
            return 0;
        }
        self.answer_limit.saturating_sub(self.answer_tokens() + 1)
    }

    /// Up to `count` tokens that may come next, as its request predicts them.
    pub(crate) fn predict(&mut self, count: usize) -> Vec<u32> {
        let predicted = self.predicted.as_mut();
        let drafts = predicted.map(|predicted| predicted.propose(&self.tokens, count));
        self.up_to_stop(drafts.unwrap_or_default())
    }

    /// `count` tokens that may come next, or none, from what the sequence says already.
    pub(crate) fn look_up(&mut self, ngram: Ngram, count: usize) -> Vec<u32> {
        let lookup = self.lookup.get_or_insert_with(|| Lookup::new(ngram));
        let drafts = lookup.propose(&self.tokens, count);
        self.up_to_stop(drafts)
    }

    /// Nothing comes behind a token that ends the answer.
    fn up_to_stop(&self, mut drafts: Vec<u32>) -> Vec<u32> {
        if let Some(end) = drafts.iter().position(|&id| self.stops_at(id)) {
            drafts.truncate(end + 1);
        }
        drafts
    }

    /// Where its drafts come from, until it is said again.
    pub(crate) fn set_method(&mut self, method: Method) {
        self.method = method;
    }

    /// Where its last drafts came from.
    pub(crate) fn method(&self) -> Method {
        self.method
    }

    /// How often drafts of the method are right.
    fn acceptance_mut(&mut self) -> &mut Acceptance {
        match &mut self.predicted {
            Some(predicted) if self.method == Method::Prediction => &mut predicted.acceptance,
            _ => &mut self.acceptance,
        }
    }

    /// Notes that the model has looked at drafts, and how many of them have come.
    pub(crate) fn note_drafts(&mut self, drafted: usize, accepted: usize) {
        self.drafts.note(drafted, accepted);
        self.acceptance_mut().observe(drafted, accepted);
    }

    /// How probably a draft is right. `others` is the same of all others.
    pub(crate) fn acceptance(&mut self, others: f64) -> f64 {
        self.acceptance_mut().rate(others)
    }

    /// Notes what would have been drafted.
    pub(crate) fn foresee(&mut self, id: Option<u32>) {
        self.foreseen = id;
    }

    /// Compares it with what has come. Returns whether it was right, if there was anything.
    pub(crate) fn compare_foreseen(&mut self, came: u32) -> Option<bool> {
        let is_right = self.foreseen.take()? == came;
        self.acceptance_mut().observe(1, is_right.into());
        Some(is_right)
    }

    /// Whether nothing comes after a token.
    pub(crate) fn stops_at(&self, id: u32) -> bool {
        self.request.limits.stop_tokens.contains(&id)
    }
}
