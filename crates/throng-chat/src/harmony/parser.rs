//! Token ids to what they mean, one by one.
//!
//! The parser takes any sequence of tokens. Where the format leaves a choice, or a model departs
//! from it, the rule is that no text is lost and that what is not marked as thought is shown:
//!
//! - `analysis` is reasoning; `final`, `commentary` to nobody (a preamble to calls), an unknown
//!   channel and a message without one are content.
//! - A message to a recipient other than a person is a call, in whatever channel; the prefix
//!   `functions.` is taken off the name. A call without text is a call without arguments.
//! - What the model writes in another author's name (an imagined user, a function's imagined
//!   result) is reasoning: it is no answer to the person.
//! - Text that cannot be a header, where a header should be, is the message's text.
//! - `<|channel|>` or `<|start|>` within a text ends it, as if `<|end|>` had not been forgotten;
//!   other special tokens within a text stand for nothing.

use super::header::{Header, Kind, Next, Section};
use super::tokens::Tokens;
use crate::delta::{Delta, append};
use crate::tokenizer::{Detokenizer, Tokenizer};

/// Reads the answer to a prompt that ended with `<|start|>assistant`.
#[derive(Clone, Debug)]
pub(crate) struct Parser {
    tokens: Tokens,
    tokenizer: Tokenizer,
    detokenizer: Detokenizer,
    state: State,
    /// The beginning of the calls' ids.
    call_prefix: String,
    calls: usize,
    reasoning_tokens: usize,
}

#[derive(Clone, Debug)]
enum State {
    Header(Header),
    Body(Target),
}

/// Where the text of a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Reasoning,
    Content,
    Call(usize),
}

impl Parser {
    /// `call_prefix` begins the ids of the answer's calls; see [`crate::Reply::chat`].
    pub fn new(tokenizer: Tokenizer, tokens: Tokens, call_prefix: String) -> Self {
        let detokenizer = Detokenizer::new(tokenizer.clone());
        let state = State::Header(Header::new(false));
        let (calls, reasoning_tokens) = (0, 0);
        Self { tokens, tokenizer, detokenizer, state, call_prefix, calls, reasoning_tokens }
    }

    /// Takes the next token and appends what it completes.
    pub fn push(&mut self, id: u32, deltas: &mut Vec<Delta>) {
        if self.is_structural(id) {
            self.end_text(deltas);
            self.structure(id, deltas);
            return;
        }
        if self.tokenizer.is_special(id) {
            return;
        }
        match &mut self.state {
            State::Header(header) => {
                self.detokenizer.push(id, header.text());
                if let Some(text) = header.split(Next::Open) {
                    self.begin_body(&text, deltas);
                }
            }
            State::Body(target) => {
                self.reasoning_tokens += usize::from(*target == Target::Reasoning);
                let mut text = String::new();
                self.detokenizer.push(id, &mut text);
                append(deltas, target.delta(text));
            }
        }
    }

    /// Ends the answer, wherever it is, and appends what was still held back. A header that was
    /// cut off has no text and is dropped.
    pub fn finish(&mut self, deltas: &mut Vec<Delta>) {
        self.end_text(deltas);
        if let State::Header(header) = &mut self.state
            && let Some(text) = header.split(Next::Ended)
        {
            self.begin_body(&text, deltas);
        }
        self.state = State::Header(Header::new(false));
    }

    /// How many calls have begun.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// How many tokens were text of reasoning.
    pub fn reasoning_tokens(&self) -> usize {
        self.reasoning_tokens
    }

    fn is_structural(&self, id: u32) -> bool {
        let Tokens { start, end, message, channel, constrain, ret, call } = self.tokens;
        [start, end, message, channel, constrain, ret, call].contains(&id)
    }

    /// A special token follows: a character that is still incomplete stays so.
    fn end_text(&mut self, deltas: &mut Vec<Delta>) {
        match &mut self.state {
            State::Header(header) => self.detokenizer.finish(header.text()),
            State::Body(target) => {
                let mut text = String::new();
                self.detokenizer.finish(&mut text);
                append(deltas, target.delta(text));
            }
        }
    }

    /// Takes one of Harmony's tokens.
    fn structure(&mut self, id: u32, deltas: &mut Vec<Delta>) {
        let tokens = self.tokens;
        let section = match id {
            _ if id == tokens.channel => Some(Section::Channel),
            _ if id == tokens.constrain => Some(Section::Form),
            _ => None,
        };
        let within = section.is_some() || id == tokens.message;
        if let State::Header(header) = &mut self.state {
            let next = if within { Next::Closed } else { Next::Ended };
            if let Some(text) = header.split(next) {
                self.begin_body(&text, deltas);
            } else if let Some(section) = section {
                header.enter(section);
                return;
            } else if id == tokens.message {
                self.begin_body("", deltas);
                return;
            } else {
                header.close();
                if header.is_call() {
                    self.begin_body("", deltas);
                }
            }
        }
        // Within a text: the form and the end of a header mean nothing there.
        if id == tokens.constrain || id == tokens.message {
            return;
        }
        let mut header = Header::new(id == tokens.start);
        if let Some(section) = section {
            header.enter(section);
        }
        self.state = State::Header(header);
    }

    /// Ends the header; `text` is the message's first.
    fn begin_body(&mut self, text: &str, deltas: &mut Vec<Delta>) {
        let State::Header(header) = &mut self.state else { return };
        let kind = if text.is_empty() { header.close() } else { header.kind() };
        let target = match kind {
            Kind::Reasoning => Target::Reasoning,
            Kind::Content => Target::Content,
            Kind::Call(name) => {
                let index = self.calls;
                self.calls += 1;
                let id = format!("call_{}_{index}", self.call_prefix);
                deltas.push(Delta::ToolCallStart { index, id, name });
                Target::Call(index)
            }
        };
        append(deltas, target.delta(text.to_owned()));
        self.state = State::Body(target);
    }
}

impl Target {
    fn delta(self, text: String) -> Delta {
        match self {
            Self::Reasoning => Delta::Reasoning(text),
            Self::Content => Delta::Content(text),
            Self::Call(index) => Delta::ToolCallArguments { index, text },
        }
    }
}
