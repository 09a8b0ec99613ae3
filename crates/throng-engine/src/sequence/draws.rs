//! What a sequence wants of the logits that its row gave.

use super::Sequence;
use crate::constraint::Constrained;
use crate::sampler::{Choice, Chosen, History, Job};

/// Set in the index of a second draw, whose random numbers are others.
const SECOND: u64 = 1 << 63;

impl Sequence {
    /// Finds out which tokens may come next, if the last row's logits say what does and the form has
    /// to be asked before.
    pub(crate) fn prepare(&mut self, vocab: usize) {
        if self.draws()
            && let Some(constrained) = &mut self.constrained
        {
            constrained.prepare(vocab);
        }
    }

    /// What is wanted of the logits of the last row, `[wanted, vocab]`, which ended at `computed`:
    /// the scores of known tokens, if the prompt is scored, and then the next token, if it is due.
    pub(crate) fn jobs<'a>(
        &'a self,
        logits: &'a [f32],
        vocab: usize,
    ) -> impl Iterator<Item = Job<'a>> {
        let vectors = logits.chunks_exact(vocab);
        let first = self.computed - vectors.len();
        let second = self.constrained.as_ref().is_some_and(Constrained::has_refused);
        let index = self.answer_tokens() as u64 | if second { SECOND } else { 0 };
        vectors.zip(first + 1..).filter_map(move |(logits, position)| {
            let sampling = &self.request.sampling;
            let (choice, logprobs) = match self.tokens.get(position) {
                Some(&id) => (Choice::Given(id), self.request.logprobs.prompt),
                None if self.draws() => {
                    let history = self.history();
                    (Choice::Draw { sampling, index, history }, self.request.logprobs.answer)
                }
                None => return None,
            };
            Some(Job { logits, choice, logprobs })
        })
    }

    /// Draws the draft behind `drafted` others as its token would be drawn, as far as that is known
    /// before the model has said what it says to those.
    pub(crate) fn draft_job<'a>(&'a self, logits: &'a [f32], drafted: usize) -> Job<'a> {
        let limits = &self.request.limits;
        let index = self.answer_tokens() + drafted;
        let barred = if index < limits.min_tokens { &limits.stop_tokens[..] } else { &[] };
        let history = History { occurrences: self.occurrences.as_ref(), barred, allowed: None };
        let sampling = &self.request.sampling;
        let choice = Choice::Draw { sampling, index: index as u64, history };
        Job { logits, choice, logprobs: None }
    }

    /// Whether the last of what the jobs gave is a token that the form does not allow; then the job
    /// of the row's last logits gives another.
    pub(crate) fn refuses(&mut self, chosen: &[Option<Chosen>], vocab: usize) -> bool {
        let draws = self.draws();
        let drawn = chosen.last().and_then(Option::as_ref).filter(|_| draws);
        let Some((constrained, drawn)) = self.constrained.as_mut().zip(drawn) else { return false };
        constrained.refuses(drawn.id, vocab)
    }

    /// What the answer so far means for the next token.
    fn history(&self) -> History<'_> {
        let limits = &self.request.limits;
        let early = self.answer_tokens() < limits.min_tokens;
        let constrained = self.constrained.as_ref();
        let allowed = constrained.and_then(Constrained::allowed);
        // A form that is not loose says itself where an answer may end, and where it must.
        let strict = allowed.is_some() && !constrained.is_some_and(Constrained::has_refused);
        let barred = if early && !strict { &limits.stop_tokens[..] } else { &[] };
        History { occurrences: self.occurrences.as_ref(), barred, allowed }
    }
}
