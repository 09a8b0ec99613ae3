//! One answer to one prompt, as text.

use throng_chat::{Detokenizer, Stops, Tokenizer};
use throng_engine::{Event, TokenLogprobs};

use crate::choices;
use crate::error::ApiError;
use crate::logprobs::{Held, Scored};
use crate::outcome::{Tokens, finish_reason};
use crate::serving::Events;

/// The next piece of an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Piece {
    /// More text.
    pub(super) text: String,
    /// The tokens that begin in the text so far and were in no earlier piece.
    pub(super) tokens: Vec<Scored>,
    /// Set in the last piece.
    pub(super) finish: Option<&'static str>,
}

/// What the caller of [`Choice::new`] decides.
#[derive(Debug)]
pub(super) struct Terms {
    /// The prompt is part of the answer. If log-probabilities are wanted too, the engine must have
    /// been asked for the prompt's.
    pub(super) echo: bool,
    /// Texts that end the answer.
    pub(super) stop: Vec<String>,
    /// Tokens that complete none of them.
    pub(super) min_tokens: usize,
    /// It is the first answer to its prompt, with which the prompt is counted.
    pub(super) first: bool,
}

/// An answer that is being written.
#[derive(Debug)]
pub(super) struct Choice {
    /// `None` after the last event: dropping the stream frees the engine.
    events: Option<Events>,
    detokenizer: Detokenizer,
    stops: Stops,
    /// Tokens that complete no stop string.
    min_tokens: usize,
    /// The echoed prompt, until the first piece takes it.
    echo: Option<String>,
    held: Held,
    /// Characters that the tokens so far stand for.
    decoded: usize,
    /// Characters that were given out.
    shown: usize,
    /// What it has cost.
    tokens: Tokens,
    first: bool,
}

impl Choice {
    /// The answer to `prompt` that nothing is known of yet.
    pub(super) fn new(events: Events, prompt: &[u32], tokenizer: &Tokenizer, terms: Terms) -> Self {
        let mut detokenizer = Detokenizer::new(tokenizer.clone());
        let mut held = Held::default();
        let mut text = String::new();
        let mut decoded = 0;
        for &id in prompt {
            // The answer may complete a character that the prompt begins.
            let from = text.len();
            detokenizer.push(id, &mut text);
            if terms.echo {
                held.push(Scored { id, offset: decoded, scores: None });
                decoded += text[from..].chars().count();
            }
        }
        let counted = if terms.first { prompt.len() } else { 0 };
        Self {
            events: Some(events),
            detokenizer,
            stops: Stops::new(terms.stop),
            min_tokens: terms.min_tokens,
            echo: terms.echo.then_some(text),
            held,
            decoded,
            shown: 0,
            tokens: Tokens { prompt: counted, ..Tokens::default() },
            first: terms.first,
        }
    }

    /// The prompt's log-probabilities come before any token.
    fn prompt_scored(&mut self, scores: Vec<TokenLogprobs>) -> Piece {
        let mut tokens = self.held.release_all();
        for (token, scores) in tokens.iter_mut().skip(1).zip(scores) {
            token.scores = Some(scores);
        }
        let text = self.echo.take().unwrap_or_default();
        Piece { tokens, ..self.piece(text, false) }
    }

    fn token(&mut self, id: u32, scores: Option<TokenLogprobs>) -> Piece {
        self.tokens.completion += 1;
        self.stops.suspend(self.tokens.completion <= self.min_tokens);
        self.held.push(Scored { id, offset: self.decoded, scores });
        let mut text = String::new();
        self.detokenizer.push(id, &mut text);
        self.decoded += text.chars().count();
        let mut shown = self.echo.take().unwrap_or_default();
        shown.push_str(&self.stops.push(&text));
        let piece = self.piece(shown, false);
        if !self.stops.stopped() {
            return piece;
        }
        if let Some(events) = self.events.take() {
            events.stop();
        }
        Piece { finish: Some("stop"), ..piece }
    }

    /// What is left when no token follows.
    fn rest(&mut self) -> String {
        let mut shown = self.echo.take().unwrap_or_default();
        let mut text = String::new();
        self.detokenizer.finish(&mut text);
        shown.push_str(&self.stops.push(&text));
        shown.push_str(&self.stops.flush());
        shown
    }

    fn piece(&mut self, text: String, last: bool) -> Piece {
        self.shown += text.chars().count();
        let tokens = if last { self.held.release_all() } else { self.held.release(self.shown) };
        Piece { text, tokens, finish: None }
    }
}

impl choices::Choice for Choice {
    type Piece = Piece;

    async fn next(&mut self) -> Result<Option<Piece>, ApiError> {
        let Some(events) = &mut self.events else { return Ok(None) };
        let event = events.next().await?;
        self.tokens.drafts = events.drafts();
        Ok(Some(match event {
            Event::Started { cached_tokens } => {
                self.tokens.cached = if self.first { cached_tokens } else { 0 };
                Piece::default()
            }
            Event::Prompt(scores) => self.prompt_scored(scores),
            Event::Token { id, logprobs } => self.token(id, logprobs),
            Event::Finish { reason, .. } => {
                self.events = None;
                let text = self.rest();
                Piece { finish: Some(finish_reason(reason)?), ..self.piece(text, true) }
            }
        }))
    }

    fn tokens(&self) -> Tokens {
        self.tokens
    }
}
