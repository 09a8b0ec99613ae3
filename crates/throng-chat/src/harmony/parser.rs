//! Token ids to what they mean, one by one.
//!
//! The parser takes any sequence of tokens. Where the format leaves a choice, or a model departs
//! from it, the rule is that no text is lost and that what is not marked as thought is shown.
//! `HARMONY.md` lists what that comes to, spelling by spelling:
//!
//! - `analysis` is reasoning; `final`, `commentary` to nobody (a preamble to calls), an unknown
//!   channel and a message without one are content.
//! - A message to a recipient other than a person is a call, in whatever channel; the prefix
//!   `functions.` is taken off the name. A call without text is a call without arguments.
//! - What the model writes in another author's name (an imagined user, a function's imagined
//!   result) is reasoning: it is no answer to the person.
//! - Text that cannot be a header, where a header should be, is the message's text. It is held back
//!   until that is certain: no more than 256 bytes since the last special token, and what is left
//!   of a character. Within a message's text nothing else is held back.
//! - Within a header, Harmony's tokens may be written out as text.
//! - `<|channel|>` or `<|start|>` within a text ends it, as if `<|end|>` had not been forgotten;
//!   other special tokens within a text stand for nothing.

use super::header::{Found, Header, Kind};
use super::scan::{Next, Section};
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
                header.push(id, &mut self.detokenizer);
                self.read_header(deltas);
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
        if let State::Header(header) = &self.state
            && let Some(at) = header.text_at(Next::Cut)
        {
            self.begin_body(Some(at), deltas);
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
        self.tokens.all().contains(&id)
    }

    /// A special token follows: a character that is still incomplete stays so.
    fn end_text(&mut self, deltas: &mut Vec<Delta>) {
        match &mut self.state {
            State::Header(header) => header.end_text(&mut self.detokenizer),
            State::Body(target) => {
                let mut text = String::new();
                self.detokenizer.finish(&mut text);
                append(deltas, target.delta(text));
            }
        }
    }

    /// Takes what a header's text says by now. One token may write out several of Harmony's.
    fn read_header(&mut self, deltas: &mut Vec<Delta>) {
        while let State::Header(header) = &mut self.state {
            match header.found(&self.tokens) {
                Found::Nothing => return,
                Found::Text(at) => self.begin_body(Some(at), deltas),
                Found::Token(spelled) => {
                    let rest = header.cut(spelled);
                    self.structure(spelled.id, deltas);
                    self.go_on(rest, deltas);
                }
            }
        }
    }

    /// Takes the text that follows one of Harmony's tokens in a token that writes it out.
    fn go_on(&mut self, rest: String, deltas: &mut Vec<Delta>) {
        if rest.is_empty() && !self.detokenizer.is_within_character() {
            return;
        }
        match &mut self.state {
            State::Header(header) => header.resume(&rest),
            State::Body(target) => {
                self.reasoning_tokens += usize::from(*target == Target::Reasoning);
                append(deltas, target.delta(rest));
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
        if let State::Header(header) = &mut self.state {
            let next = if tokens.is_within_header(id) { Next::Closed } else { Next::Ended };
            if let Some(at) = header.text_at(next) {
                self.begin_body(Some(at), deltas);
            } else if let Some(section) = section {
                header.enter(section);
                return;
            } else if id == tokens.message {
                self.begin_body(None, deltas);
                return;
            } else if matches!(header.close(), Kind::Call(_)) {
                self.begin_body(None, deltas);
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

    /// Ends the header, in which the message's text has begun at `text`, if it has.
    fn begin_body(&mut self, text: Option<usize>, deltas: &mut Vec<Delta>) {
        let State::Header(header) = &mut self.state else { return };
        let (kind, text, tokens) = match text {
            Some(at) => header.close_at(at),
            None => (header.close(), String::new(), 0),
        };
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
        if target == Target::Reasoning {
            self.reasoning_tokens += tokens;
        }
        append(deltas, target.delta(text));
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
