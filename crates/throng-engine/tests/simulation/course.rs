//! How far one choice of one request has come, told from the rows of the batches alone.

use throng_engine::{Event, FinishReason};
use throng_model::{BLOCK_TOKENS, Row};

use crate::arrival::Arrival;

/// Service of a token of a prompt, and of an answer (Sheng et al. 2024, section 3.2).
const PROMPT_COST: u64 = 1;
const ANSWER_COST: u64 = 2;

/// The model's side of one choice of one request.
#[derive(Debug)]
pub struct Course {
    name: String,
    /// The prompt, and the answer that it gets if nothing ends it.
    tokens: Vec<u32>,
    pub prompt_tokens: usize,
    /// Whether the answer may have a token.
    answers: bool,
    scores_prompt: bool,
    /// Whether its client has said what it may be.
    pub predicts: bool,
    /// Whether the logits after the answer's last token are no numbers.
    fails: bool,
    /// Tokens of the answer that have come.
    pub said: usize,
    /// Tokens that were in the KV cache after its last row.
    pub computed: usize,
    /// Tokens that ever were.
    pub reached: usize,
    /// Rows so far.
    pub rows: usize,
    /// Nothing more will be computed for it.
    pub is_over: bool,
}

/// What a row has brought.
#[derive(Clone, Copy, Debug, Default)]
pub struct News {
    /// Tokens of the prompt in the row.
    pub prompt_tokens: usize,
    /// Tokens of the answer that it gave.
    pub said: usize,
    /// Those of its drafts that are the answer's tokens.
    pub accepted: usize,
    /// Whether anything was computed that never was before.
    pub any: bool,
    /// What it costs its tenant.
    pub service: u64,
    /// Whether the row does not go on where the last one ended.
    pub restarted: bool,
}

impl Course {
    pub fn new(name: String, arrival: &Arrival, expected: &[Event]) -> Self {
        let answer = expected.iter().filter_map(|event| match event {
            Event::Token { id, .. } => Some(*id),
            _ => None,
        });
        Self {
            name,
            tokens: arrival.prompt.iter().copied().chain(answer).collect(),
            prompt_tokens: arrival.prompt.len(),
            answers: arrival.max_tokens > 0,
            predicts: arrival.prediction.is_some(),
            scores_prompt: arrival.logprobs.prompt.is_some(),
            fails: matches!(
                expected.last(),
                Some(Event::Finish { reason: FinishReason::Failed(_), .. })
            ),
            said: 0,
            computed: 0,
            reached: 0,
            rows: 0,
            is_over: false,
        }
    }

    /// The prompt and the answer so far.
    pub fn tokens(&self) -> &[u32] {
        &self.tokens[..self.prompt_tokens + self.said]
    }

    /// The prompt.
    pub fn prompt(&self) -> &[u32] {
        &self.tokens[..self.prompt_tokens]
    }

    /// What is in the KV cache.
    pub fn computed_tokens(&self) -> &[u32] {
        &self.tokens[..self.computed]
    }

    /// What it costs its tenant from its beginning to its end, at most.
    pub fn whole_cost(&self) -> u64 {
        let answer = self.tokens.len() - self.prompt_tokens;
        self.prompt_tokens as u64 * PROMPT_COST + answer as u64 * ANSWER_COST
    }

    /// Whether the cache may stand in for its prompt: not if all its logits are wanted.
    pub fn may_use_cache(&self) -> bool {
        !self.scores_prompt
    }

    /// Takes in a row of a step that is done, whose last tokens are `drafts`. `history` is what the
    /// model read for it.
    pub fn take(&mut self, row: &Row, drafts: usize, history: &[u32]) -> News {
        let name = &self.name;
        let (count, known) = (row.tokens.len() - drafts, self.prompt_tokens + self.said);
        let end = row.position + count;
        let drafted = &row.tokens[count..];
        assert!(!self.is_over, "{name}: a row after its end");
        assert!(end <= known, "{name}: tokens up to {end} where {known} are known");
        assert_eq!(history[..end], self.tokens[..end], "{name}: the model read other tokens");
        assert_eq!(&history[end..], drafted, "{name}: the model read other drafts");
        let decides = end == known && self.answers;
        assert!(drafts == 0 || (decides && count == 1), "{name}: drafts behind {count} tokens");
        let scored = self.scores_prompt && self.said == 0;
        let wanted = if scored { count } else { usize::from(decides) } + drafts;
        // After the prompt's scores are told, a prompt that is computed again wants no logits.
        let wants = row.wanted_logits == wanted || (scored && self.reached >= self.prompt_tokens);
        assert!(wants, "{name}: {} logits, not {wanted}", row.wanted_logits);
        let restarted = row.position != self.computed;
        let whole = row.position.is_multiple_of(BLOCK_TOKENS);
        assert!(!restarted || whole, "{name}: from {}, not {}", row.position, self.computed);
        // What the cache had of the prompt at first is free.
        let before = if self.rows == 0 { row.position } else { self.reached };
        let new = end.min(self.prompt_tokens).saturating_sub(before.min(self.prompt_tokens));
        let left = &self.tokens[known..];
        let accepted = drafted.iter().zip(left).take_while(|(draft, token)| draft == token).count();
        // Each token is drawn behind the one before it; after the last one some draw in vain.
        let draws = (accepted + 1).min(left.len() + usize::from(self.fails));
        let draws = if decides { draws } else { 0 };
        let said = draws.min(left.len());
        let ends = if self.fails { draws > left.len() } else { said == left.len() };
        self.rows += 1;
        self.computed = end + draws.saturating_sub(1);
        self.reached = self.reached.max(self.computed);
        self.said += said;
        self.is_over = end == known && (!self.answers || ends);
        News {
            prompt_tokens: end.min(self.prompt_tokens).saturating_sub(row.position),
            said,
            accepted,
            any: end > before || said > 0,
            service: new as u64 * PROMPT_COST + said as u64 * ANSWER_COST,
            restarted,
        }
    }
}
