//! One request on its way: its tokens so far, and how many of them the KV cache holds.

use async_channel::Sender;
use throng_model::{BLOCK_TOKENS, BlockTables, Row};

use crate::block_pool::Blocks;
use crate::event::{Event, FinishReason, TokenLogprobs, Usage};
use crate::request::Request;
use crate::sampler;

/// A request, its answer so far and its place in the KV cache.
#[derive(Debug)]
pub(crate) struct Sequence {
    request: Request,
    /// The answer so far; `request.prompt` comes before it.
    answer: Vec<u32>,
    /// Tokens whose keys and values are in the cache.
    computed: usize,
    /// Tokens that the answer may have: `max_tokens` or what the context leaves.
    answer_limit: usize,
    prompt_logprobs: Vec<TokenLogprobs>,
    events: Sender<Event>,
}

/// The blocks that a running sequence holds.
#[derive(Debug)]
pub(crate) struct Reservation {
    /// Enough for the whole prompt and answer.
    pub(crate) full: Blocks,
    /// Enough for a window and a chunk, used as a ring: a block behind the window is written again.
    pub(crate) window: Blocks,
}

impl Sequence {
    pub(crate) fn new(request: Request, context: usize, events: Sender<Event>) -> Self {
        let answer_limit = request.limits.max_tokens.min(context - request.prompt.len());
        Self {
            request,
            answer: Vec::new(),
            computed: 0,
            answer_limit,
            prompt_logprobs: Vec::new(),
            events,
        }
    }

    /// Positions that prompt and answer may need at most.
    pub(crate) fn reach(&self) -> usize {
        self.request.prompt.len() + self.answer_limit
    }

    /// Tokens that are not in the KV cache yet.
    pub(crate) fn pending(&self) -> usize {
        self.request.prompt.len() + self.answer.len() - self.computed
    }

    /// Whether the client has gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.events.is_closed()
    }

    /// The row that computes the next `count` pending tokens.
    pub(crate) fn row(&self, count: usize, reservation: &Reservation) -> Row {
        let end = self.computed + count;
        let tokens = (self.computed..end).map(|position| self.token(position)).collect();
        let wanted_logits = if self.scores_prompt() {
            count
        } else {
            usize::from(count == self.pending() && self.answer_limit > 0)
        };
        let table =
            |ids: &[u32]| ids.iter().copied().cycle().take(end.div_ceil(BLOCK_TOKENS)).collect();
        let blocks = BlockTables {
            full: table(reservation.full.ids()),
            window: table(reservation.window.ids()),
        };
        Row { tokens, position: self.computed, blocks, wanted_logits }
    }

    fn token(&self, position: usize) -> u32 {
        let prompt = &self.request.prompt;
        if position < prompt.len() {
            prompt[position]
        } else {
            self.answer[position - prompt.len()]
        }
    }

    /// Whether logits are wanted for the prompt's tokens, and the prompt is not done.
    fn scores_prompt(&self) -> bool {
        self.request.logprobs.prompt.is_some() && self.computed < self.request.prompt.len()
    }

    /// Takes in a computed row and the logits it wanted, `[wanted, vocab]`. Returns why the
    /// sequence is over, if it is.
    pub(crate) fn advance(
        &mut self,
        row: &Row,
        logits: &[f32],
        vocab: usize,
    ) -> Option<FinishReason> {
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Some(FinishReason::Failed("the model computed what is no number".to_owned()));
        }
        let scored = self.scores_prompt();
        self.computed += row.tokens.len();
        if scored {
            self.score_prompt(row, logits.chunks_exact(vocab));
        }
        if self.pending() > 0 {
            return None;
        }
        if self.answer_limit == 0 {
            return Some(FinishReason::Length);
        }
        self.append(logits.chunks_exact(vocab).next_back()?)
    }

    /// Reports the prompt's tokens that this row's logits predict.
    fn score_prompt<'a>(&mut self, row: &Row, vectors: impl Iterator<Item = &'a [f32]>) {
        let top = self.request.logprobs.prompt.unwrap_or(0);
        let next = self.request.prompt.iter().skip(row.position + 1);
        self.prompt_logprobs
            .extend(next.zip(vectors).map(|(&id, logits)| sampler::logprobs(logits, id, top)));
        if self.computed >= self.request.prompt.len() {
            let all = std::mem::take(&mut self.prompt_logprobs);
            self.send(Event::Prompt(all));
        }
    }

    /// Draws the next token from the logits of the last one.
    fn append(&mut self, logits: &[f32]) -> Option<FinishReason> {
        let id = sampler::sample(logits, &self.request.sampling, self.answer.len() as u64);
        let logprobs = self.request.logprobs.answer.map(|top| sampler::logprobs(logits, id, top));
        self.answer.push(id);
        self.send(Event::Token { id, logprobs });
        if self.request.limits.stop_tokens.contains(&id) {
            Some(FinishReason::Stop)
        } else if self.answer.len() == self.answer_limit {
            Some(FinishReason::Length)
        } else {
            None
        }
    }

    /// Says why it ended, as the last thing that is said.
    pub(crate) fn finish(self, reason: FinishReason) {
        let usage = Usage {
            prompt_tokens: self.request.prompt.len(),
            completion_tokens: self.answer.len(),
        };
        self.send(Event::Finish { reason, usage });
    }

    fn send(&self, event: Event) {
        // The channel is unbounded, so this fails only if the client has gone: then nobody waits
        // for the event, and the scheduler drops the sequence before the next step.
        let _ = self.events.try_send(event);
    }
}
