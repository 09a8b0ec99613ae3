//! One request and what came of it, with the times that are measured.

use std::time::{Duration, Instant};

use super::chunk::Usage;
use super::failure::Failure;

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The peer said all that it had to say.
    Completed,
    /// We left before that, on purpose.
    Left,
    /// It failed.
    Failed(Failure),
}

/// One request and what came of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When it was sent, or should have been: an open loop that is late must not flatter the peer.
    pub sent: Instant,
    /// From then to the end, whatever that was.
    pub total: Duration,
    /// From then to the first piece that shows a token.
    pub first_token: Option<Duration>,
    /// Seconds between one piece that shows tokens and the next.
    pub gaps: Vec<f32>,
    /// Pieces that show tokens.
    pub pieces: usize,
    /// What the peer counted.
    pub usage: Option<Usage>,
    /// What it answered, reasoning not included.
    pub content: String,
    /// How it ended.
    pub outcome: Outcome,
    /// From `sent` to the last piece.
    last_piece: Duration,
}

impl Exchange {
    pub(crate) fn new(sent: Instant) -> Self {
        Self {
            sent,
            total: Duration::ZERO,
            first_token: None,
            gaps: Vec::new(),
            pieces: 0,
            usage: None,
            content: String::new(),
            outcome: Outcome::Left,
            last_piece: Duration::ZERO,
        }
    }

    /// Whether the peer said all that it had to say.
    pub fn is_complete(&self) -> bool {
        self.outcome == Outcome::Completed
    }

    /// Tokens of the answer as the peer counts them, or pieces where it does not count.
    pub fn tokens(&self) -> u64 {
        self.usage.map_or(self.pieces as u64, |usage| usage.completion)
    }

    /// Seconds a token after the first, the mean of this answer: (end - first token) / (tokens - 1),
    /// as vLLM's benchmark has it. `None` for answers of fewer than two tokens.
    pub fn seconds_per_token(&self) -> Option<f64> {
        let decoding = self.total.saturating_sub(self.first_token?);
        let further = self.tokens().checked_sub(1).filter(|&further| further > 0)?;
        Some(decoding.as_secs_f64() / further as f64)
    }

    /// A piece came that shows tokens, so long after `sent`.
    pub(crate) fn piece(&mut self, at: Duration) {
        if self.first_token.is_some() {
            self.gaps.push(at.saturating_sub(self.last_piece).as_secs_f32());
        } else {
            self.first_token = Some(at);
        }
        self.last_piece = at;
        self.pieces += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_per_token_is_that_of_all_but_the_first() {
        let mut exchange = Exchange::new(Instant::now());
        assert_eq!(exchange.seconds_per_token(), None);
        for at in [500, 600, 900] {
            exchange.piece(Duration::from_millis(at));
        }
        exchange.total = Duration::from_millis(900);
        assert_eq!((exchange.tokens(), exchange.seconds_per_token()), (3, Some(0.2)));
        assert_eq!(exchange.gaps, [0.1, 0.3]);
        // The peer's own count is worth more than pieces, some of which have several tokens.
        exchange.usage = Some(Usage { prompt: 1, completion: 5, cached: None });
        assert_eq!((exchange.tokens(), exchange.seconds_per_token()), (5, Some(0.1)));
        exchange.usage = Some(Usage { prompt: 1, completion: 1, cached: None });
        assert_eq!(exchange.seconds_per_token(), None);
    }
}
