//! Tokens of a tagged answer to what they mean.
//!
//! The parser takes any text. Tags may be tokens of their own or text cut anywhere; nothing that may
//! still become one is given out. No text is lost but newlines beside tags, which only set them off:
//!
//! - a call that is malformed, or that does not end, is content, tags and all;
//! - a thought that does not end is a thought;
//! - where calls stand in no tags, an answer is one or several, or text as a whole;
//! - an ending tag where nothing has begun, and any tag within a thought, is text.

use super::call::{Call, ends_in_string, may_be_call};
use super::{CallStyle, THINK, THINK_END, TOOL_CALL, TOOL_CALL_END, Tags};
use crate::delta::{Delta, append};
use crate::prompt::Opening;
use crate::tokenizer::{Detokenizer, Tokenizer};

/// How often the end of one call may turn out to be text within it.
const MAX_FALSE_ENDS: usize = 8;

const NEWLINES: [char; 2] = ['\n', '\r'];

/// Reads an answer.
#[derive(Clone, Debug)]
pub(crate) struct Parser {
    tokenizer: Tokenizer,
    detokenizer: Detokenizer,
    tags: Tags,
    state: State,
    /// Text that is not given out yet.
    held: String,
    /// The beginning of the calls' ids.
    call_prefix: String,
    calls: usize,
    reasoning_tokens: usize,
    /// Whether content that has begun goes on to the end, tags or no tags in it.
    formed: bool,
    /// Whether content has begun.
    begun: bool,
    /// Functions whose calls are all that an answer says.
    offered: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// What the person reads. `fresh`: newlines that come now follow a tag.
    Content { fresh: bool },
    /// What the model thinks; `fresh` likewise.
    Thought { fresh: bool },
    /// A call, `held` from before its tag on.
    Call {
        /// Where the call's text begins.
        body: usize,
        /// Where to look for its end.
        searched: usize,
        /// Ends that were none.
        false_ends: usize,
    },
}

impl Parser {
    /// `call_prefix` begins the ids of the answer's calls; see [`crate::Reply::chat`].
    pub fn new(tokenizer: Tokenizer, tags: Tags, opening: Opening, call_prefix: String) -> Self {
        let state = match opening {
            Opening::Answer => State::Content { fresh: false },
            Opening::Thought => State::Thought { fresh: true },
        };
        let detokenizer = Detokenizer::new(tokenizer.clone());
        Self {
            tokenizer,
            detokenizer,
            tags,
            state,
            held: String::new(),
            call_prefix,
            calls: 0,
            reasoning_tokens: 0,
            formed: false,
            begun: false,
            offered: Vec::new(),
        }
    }

    /// The content has a form of its own, within which no tag is one.
    pub fn expect_form(&mut self) {
        self.formed = true;
    }

    /// The model was told of functions with these names.
    pub fn expect_calls(&mut self, names: impl Iterator<Item = String>) {
        if self.tags.calls == Some(CallStyle::Json) {
            self.offered = names.collect();
        }
    }

    /// Takes the next token and appends what it makes certain.
    pub fn push(&mut self, id: u32, deltas: &mut Vec<Delta>) {
        let thought = matches!(self.state, State::Thought { .. });
        match self.tag(id) {
            Some(tag) => {
                self.detokenizer.finish(&mut self.held);
                self.held.push_str(tag);
            }
            None => self.detokenizer.push(id, &mut self.held),
        }
        while self.advance(deltas) {}
        let thinks = thought && matches!(self.state, State::Thought { .. });
        self.reasoning_tokens += usize::from(thinks && !self.tokenizer.is_special(id));
    }

    /// Ends the answer, wherever it is, and appends what was held back.
    pub fn finish(&mut self, deltas: &mut Vec<Delta>) {
        self.detokenizer.finish(&mut self.held);
        while self.advance(deltas) {}
        let held = std::mem::take(&mut self.held);
        let whole = matches!(self.state, State::Content { .. }) && !self.begun;
        if let Some(calls) = whole.then(|| Call::parse_all(&held, &self.offered)).flatten() {
            calls.into_iter().for_each(|call| self.call_function(call, deltas));
            return;
        }
        append(
            deltas,
            match self.state {
                State::Thought { .. } => Delta::Reasoning(held),
                State::Content { .. } | State::Call { .. } => Delta::Content(held),
            },
        );
        self.state = State::Content { fresh: false };
    }

    /// Whether tokens so far may still turn out to be content.
    pub fn holds_back(&self) -> bool {
        !self.held.is_empty() || self.detokenizer.is_within_character()
    }

    /// How many calls were made.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// How many tokens were text of thoughts.
    pub fn reasoning_tokens(&self) -> usize {
        self.reasoning_tokens
    }

    /// The tag that a token is, which may be a control token. Others of those stand for no text.
    fn tag(&self, id: u32) -> Option<&'static str> {
        self.tokenizer.is_special(id).then_some(())?;
        let bytes = self.tokenizer.token_bytes(id);
        self.tags.texts().find(|tag| tag.as_bytes() == bytes)
    }

    /// Takes a step through the held text; tells whether there may be another.
    fn advance(&mut self, deltas: &mut Vec<Delta>) -> bool {
        match self.state {
            State::Content { fresh } => self.content(fresh, deltas),
            State::Thought { fresh } => self.thought(fresh, deltas),
            State::Call { body, searched, false_ends } => {
                self.call(body, searched, false_ends, deltas)
            }
        }
    }

    fn content(&mut self, fresh: bool, deltas: &mut Vec<Delta>) -> bool {
        if fresh {
            drop_newlines(&mut self.held);
        }
        if !self.begun && may_be_call(&self.held, &self.offered) {
            return false;
        }
        let text = self.begun || !self.held.starts_with('<');
        let tags = if self.formed && text { Tags::default() } else { self.tags };
        let openings = [tags.thoughts.then_some(THINK), tags.in_tags().then_some(TOOL_CALL)];
        let openings = openings.into_iter().flatten();
        let found = openings.clone().filter_map(|tag| Some((self.held.find(tag)?, tag))).min();
        let end = match found {
            Some((at, _)) => at,
            None => self.held.len() - partial(&self.held, openings),
        };
        // Newlines belong to the content only if content follows them.
        let end = without_newlines(&self.held[..end]).len();
        let shown: String = self.held.drain(..end).collect();
        if !shown.is_empty() {
            self.state = State::Content { fresh: false };
            self.begun = true;
        }
        append(deltas, Delta::Content(shown));
        let Some((_, tag)) = found else { return false };
        let body = self.held.find(tag).unwrap_or_default() + tag.len();
        if tag == THINK {
            self.held.drain(..body);
            self.state = State::Thought { fresh: true };
        } else {
            self.state = State::Call { body, searched: body, false_ends: 0 };
        }
        true
    }

    fn thought(&mut self, fresh: bool, deltas: &mut Vec<Delta>) -> bool {
        if fresh {
            drop_newlines(&mut self.held);
        }
        let found = self.held.find(THINK_END);
        let end = found.unwrap_or_else(|| self.held.len() - partial(&self.held, [THINK_END]));
        let text = without_newlines(&self.held[..end]).to_owned();
        if !text.is_empty() {
            self.state = State::Thought { fresh: false };
        }
        match found {
            Some(at) => {
                self.held.drain(..at + THINK_END.len());
                self.state = State::Content { fresh: true };
            }
            None => drop(self.held.drain(..text.len())),
        }
        append(deltas, Delta::Reasoning(text));
        found.is_some()
    }

    fn call(
        &mut self,
        body: usize,
        searched: usize,
        false_ends: usize,
        deltas: &mut Vec<Delta>,
    ) -> bool {
        let Some(at) = self.held[searched..].find(TOOL_CALL_END) else {
            let searched = self.held.len() - partial(&self.held[searched..], [TOOL_CALL_END]);
            self.state = State::Call { body, searched, false_ends };
            return false;
        };
        let (text, end) = (&self.held[body..searched + at], searched + at + TOOL_CALL_END.len());
        let parsed = Call::parse(text);
        if parsed.is_none() && false_ends < MAX_FALSE_ENDS && ends_in_string(text) {
            self.state = State::Call { body, searched: end, false_ends: false_ends + 1 };
            return true;
        }
        let fresh = parsed.is_some();
        let rest = self.held.split_off(end);
        let written = std::mem::replace(&mut self.held, rest);
        match parsed {
            Some(call) => self.call_function(call, deltas),
            None => append(deltas, Delta::Content(written)),
        }
        self.state = State::Content { fresh };
        true
    }

    fn call_function(&mut self, Call { name, arguments }: Call, deltas: &mut Vec<Delta>) {
        let index = self.calls;
        self.calls += 1;
        let id = format!("call_{}_{index}", self.call_prefix);
        deltas.push(Delta::ToolCallStart { index, id, name });
        append(deltas, Delta::ToolCallArguments { index, text: arguments });
    }
}

/// The length of the longest end of a text with which one of the tags may begin.
fn partial(text: &str, tags: impl IntoIterator<Item = &'static str>) -> usize {
    let beginning = |tag: &str| (1..tag.len()).rev().find(|&length| text.ends_with(&tag[..length]));
    tags.into_iter().filter_map(beginning).max().unwrap_or(0)
}

fn drop_newlines(text: &mut String) {
    let newlines = text.len() - text.trim_start_matches(NEWLINES).len();
    text.drain(..newlines);
}

fn without_newlines(text: &str) -> &str {
    text.trim_end_matches(NEWLINES)
}
