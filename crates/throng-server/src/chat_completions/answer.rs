//! The model's turn, as it is written.

use throng_chat::{Chat, Delta, Opening, Reply, Tokenizer};
use throng_engine::{Event, FinishReason, TokenLogprobs};

use super::request::ChatRequest;
use crate::choices::Choice;
use crate::error::ApiError;
use crate::id;
use crate::logprobs::{Held, Scored};
use crate::outcome::{Tokens, finish_reason};
use crate::serving::Events;

/// The next piece of an answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Piece {
    /// What it says, in the order in which the model wrote it.
    pub(crate) deltas: Vec<Delta>,
    /// Tokens of content that begin in what was said so far and were in no earlier piece.
    pub(crate) tokens: Vec<Scored>,
    /// Set in the last piece.
    pub(crate) finish: Option<&'static str>,
}

/// An answer that is being written.
#[derive(Debug)]
pub(crate) struct Answer {
    /// `None` after the last event: dropping the stream frees the engine.
    events: Option<Events>,
    reply: Reply,
    /// Finds the tokens of the content, if their log-probabilities are wanted.
    content: Option<ContentTokens>,
    include_reasoning: bool,
    /// What it has cost, the reasoning apart.
    tokens: Tokens,
    /// Whether the prompt is counted with it.
    counts_prompt: bool,
}

impl Answer {
    /// An answer that nothing is known of yet; `prompt_tokens`: the prompt is counted with it.
    pub(super) fn new(
        events: Events,
        chat: &Chat,
        opening: Opening,
        request: &ChatRequest,
        prompt_tokens: Option<usize>,
    ) -> Self {
        let call_prefix = format!("{:016x}", id::random());
        let stop = request.generation.stop.clone();
        let reply = |stop, call_prefix| {
            let reply = Reply::chat(chat, opening, stop, call_prefix);
            if request.form.is_some() && !request.calls.required {
                return reply.formed();
            }
            let functions = &request.calls.functions;
            reply.with_functions(functions.iter().map(|function| function.name.clone()))
        };
        let unstopped = || reply(Vec::new(), String::new());
        Self {
            events: Some(events),
            content: request.logprobs.map(|_| ContentTokens::new(unstopped(), chat)),
            reply: reply(stop, call_prefix).with_min_tokens(request.generation.min_tokens),
            include_reasoning: request.include_reasoning,
            tokens: Tokens { prompt: prompt_tokens.unwrap_or(0), ..Tokens::default() },
            counts_prompt: prompt_tokens.is_some(),
        }
    }

    fn token(&mut self, id: u32, scores: Option<TokenLogprobs>) -> Piece {
        self.tokens.completion += 1;
        if let (Some(content), Some(scores)) = (&mut self.content, scores) {
            content.push(id, scores);
        }
        let deltas = self.reply.push(id);
        if let Some(events) = &mut self.events {
            events.reasoned(self.reply.reasoning_tokens());
        }
        let piece = self.piece(deltas);
        if !self.reply.stopped() {
            return piece;
        }
        if let Some(events) = self.events.take() {
            events.stop();
        }
        Piece { finish: Some("stop"), ..piece }
    }

    fn finished(&mut self, reason: FinishReason) -> Result<Piece, ApiError> {
        let mut events = self.events.take();
        let stopped = reason == FinishReason::Stop;
        let reason = finish_reason(reason)?;
        let deltas = self.reply.finish();
        let mut piece = self.piece(deltas);
        if let Some(content) = &mut self.content {
            piece.tokens.extend(content.held.release_all());
        }
        let calls = stopped && self.reply.tool_calls() > 0;
        if let Some(events) = events.as_mut().filter(|_| calls) {
            events.called_tools();
        }
        piece.finish = Some(if calls { "tool_calls" } else { reason });
        Ok(piece)
    }

    fn piece(&mut self, mut deltas: Vec<Delta>) -> Piece {
        if !self.include_reasoning {
            deltas.retain(|delta| !matches!(delta, Delta::Reasoning(_)));
        }
        let tokens = self.content.as_mut().map(|content| content.show(content_chars(&deltas)));
        Piece { deltas, tokens: tokens.unwrap_or_default(), finish: None }
    }
}

impl Choice for Answer {
    type Piece = Piece;

    async fn next(&mut self) -> Result<Option<Piece>, ApiError> {
        let Some(events) = &mut self.events else { return Ok(None) };
        let event = events.next().await?;
        self.tokens.drafts = events.drafts();
        Ok(Some(match event {
            Event::Started { cached_tokens } => {
                self.tokens.cached = if self.counts_prompt { cached_tokens } else { 0 };
                Piece::default()
            }
            // Not asked for.
            Event::Prompt(_) => Piece::default(),
            Event::Token { id, logprobs } => self.token(id, logprobs),
            Event::Finish { reason, .. } => self.finished(reason)?,
        }))
    }

    fn tokens(&self) -> Tokens {
        Tokens { reasoning: self.reply.reasoning_tokens(), ..self.tokens }
    }
}

/// Tells the tokens of the content from those of headers, reasoning and calls.
#[derive(Debug)]
struct ContentTokens {
    /// Reads the same answer without stop strings, so that nothing whole is held back.
    reply: Reply,
    tokenizer: Tokenizer,
    /// Tokens without text so far: of a header, or of a character that is not complete.
    silent: Vec<(u32, TokenLogprobs)>,
    held: Held,
    /// Characters of content that the tokens so far stand for.
    decoded: usize,
    /// Characters of content that were given out.
    shown: usize,
}

impl ContentTokens {
    /// `reply`: one without stop strings.
    fn new(reply: Reply, chat: &Chat) -> Self {
        Self {
            reply,
            tokenizer: chat.tokenizer().clone(),
            silent: Vec::new(),
            held: Held::default(),
            decoded: 0,
            shown: 0,
        }
    }

    fn push(&mut self, id: u32, scores: TokenLogprobs) {
        let deltas = self.reply.push(id);
        if self.tokenizer.is_special(id) {
            // Headers end with one, so their tokens are not taken for parts of a character.
            self.silent.clear();
            return;
        }
        self.silent.push((id, scores));
        if deltas.is_empty() {
            if !self.reply.holds_back() {
                self.silent.clear();
            }
            return;
        }
        let chars = content_chars(&deltas);
        for (id, scores) in self.silent.drain(..) {
            if chars > 0 {
                self.held.push(Scored { id, offset: self.decoded, scores: Some(scores) });
            }
        }
        self.decoded += chars;
    }

    fn show(&mut self, chars: usize) -> Vec<Scored> {
        self.shown += chars;
        self.held.release(self.shown)
    }
}

fn content_chars(deltas: &[Delta]) -> usize {
    let chars = |delta: &Delta| match delta {
        Delta::Content(text) => text.chars().count(),
        _ => 0,
    };
    deltas.iter().map(chars).sum()
}
