//! Where the text that has a form stands in an answer, and what may stand around it.
//!
//! The prompt has begun the answer, and it goes on with one of a few openings, each of which leads to
//! a thought, a call or the text itself. A thought ends with a token or a tag; then comes an opening
//! again. The text has its form and ends the answer, and so does a call. So what a person reads is the
//! text and nothing else, and an answer that ends by itself has one, or calls a function.

use super::phase::{Phase, Step};
use super::vocabulary::{Vocabulary, insert, remove};
use super::ways::{AUTHOR, Body, Symbol, Way, allow_symbols, begins, harmony_ways};
use crate::conversation::Tool;
use crate::harmony::Tokens;
use crate::prompt::Opening;
use crate::tagged::{THINK, THINK_END, TOOL_CALL, TOOL_CALL_END, Tags};
use crate::tokenizer::Tokenizer;

/// Newlines that may set the text off from the thought before it, in tokens.
const MAX_NEWLINES: u8 = 4;

/// What an answer consists of.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    openings: Vec<Way>,
    /// Whether the text may begin without an opening.
    direct: bool,
    thought_end: ThoughtEnd,
    /// The token that ends a call; `None`: whatever ends an answer.
    call_end: Option<u32>,
    /// Control tokens within calls.
    call_tokens: Vec<u32>,
    first: Phase,
}

/// What ends a thought.
#[derive(Clone, Copy, Debug)]
enum ThoughtEnd {
    /// A control token.
    Token(u32),
    /// A tag, whose first character comes in it once; newlines may follow it. It may be a control
    /// token too.
    Tag(&'static str, Option<u32>),
}

impl Frame {
    /// An answer that is the text alone.
    pub(super) fn plain() -> Self {
        Self::of_tags(None, Opening::Answer)
    }

    /// An answer in Harmony: thoughts in the channel `analysis`, the text in `final`, and calls of
    /// these functions.
    pub(super) fn harmony(tokens: &Tokens, tools: &[Tool], json: bool) -> Self {
        // The prompt ends with the author.
        let passed = 1 + AUTHOR.len();
        Self {
            openings: harmony_ways(tokens, tools, json),
            direct: false,
            thought_end: ThoughtEnd::Token(tokens.end),
            call_end: Some(tokens.call),
            call_tokens: Vec::new(),
            first: Phase::Way { way: 0, passed, newlines: 0, thought: false },
        }
    }

    /// An answer with tags: a thought, if the model thinks in tags, and then the text, or calls if
    /// there are functions.
    pub(super) fn tagged(
        tags: Tags,
        opening: Opening,
        tools: &[Tool],
        tokenizer: &Tokenizer,
    ) -> Self {
        let tag = |text: &'static str, body| {
            // A tag may be a control token, or text that may be cut anywhere.
            let symbols = match control_token(tokenizer, text) {
                Some(id) => vec![Symbol::Token(id)],
                None => text.bytes().map(Symbol::Byte).collect(),
            };
            Way { symbols, body }
        };
        let thinks = (tags.thoughts && opening == Opening::Answer).then_some(());
        let calls = (tags.calls && !tools.is_empty()).then_some(());
        let openings = [
            thinks.map(|()| tag(THINK, Body::Thought)),
            calls.map(|()| tag(TOOL_CALL, Body::Call)),
        ];
        let in_calls = [TOOL_CALL, TOOL_CALL_END];
        Self {
            openings: openings.into_iter().flatten().collect(),
            call_tokens: in_calls
                .into_iter()
                .filter_map(|tag| control_token(tokenizer, tag))
                .collect(),
            ..Self::of_tags(control_token(tokenizer, THINK_END), opening)
        }
    }

    fn of_tags(end: Option<u32>, opening: Opening) -> Self {
        Self {
            openings: Vec::new(),
            direct: true,
            thought_end: ThoughtEnd::Tag(THINK_END, end),
            call_end: None,
            call_tokens: Vec::new(),
            first: match opening {
                Opening::Answer => Phase::Way { way: 0, passed: 0, newlines: 0, thought: false },
                Opening::Thought => Phase::Thought { tag: 0 },
            },
        }
    }

    /// Where an answer begins.
    pub(super) fn first(&self) -> Phase {
        self.first
    }

    /// Whether the text may begin, or go on, here.
    pub(super) fn has_text(&self, phase: Phase) -> bool {
        match phase {
            Phase::Way { passed, .. } => self.direct && passed == 0,
            Phase::Text => true,
            _ => false,
        }
    }

    /// The token that ends a call, if it is not what ends any answer.
    pub(super) fn call_end(&self) -> Option<u32> {
        self.call_end
    }

    /// Adds the tokens of the frame that may come.
    pub(super) fn allow(
        &self,
        phase: Phase,
        vocabulary: &Vocabulary,
        ends: &[u32],
        ids: &mut [u32],
    ) {
        match phase {
            Phase::Way { passed, newlines, .. } => {
                for way in self.ways(phase) {
                    allow_symbols(&way.symbols[passed..], vocabulary, ids);
                }
                if passed == 0 && newlines > 0 {
                    let breaks =
                        ["\n", "\r"].iter().flat_map(|c| vocabulary.extensions(c.as_bytes()));
                    let breaks = breaks.filter(|&id| is_newlines(vocabulary.bytes(id)));
                    breaks.for_each(|id| insert(ids, id));
                }
            }
            Phase::Thought { tag } => self.allow_thought(tag, vocabulary, ids),
            Phase::Call => {
                ids.copy_from_slice(vocabulary.text());
                self.call_tokens.iter().for_each(|&id| insert(ids, id));
                match self.call_end {
                    Some(id) => insert(ids, id),
                    None => ends.iter().for_each(|&id| insert(ids, id)),
                }
            }
            Phase::Text | Phase::Over => {}
        }
    }

    fn allow_thought(&self, matched: usize, vocabulary: &Vocabulary, ids: &mut [u32]) {
        ids.copy_from_slice(vocabulary.text());
        match self.thought_end {
            ThoughtEnd::Token(id) => insert(ids, id),
            ThoughtEnd::Tag(tag, id) => {
                // What comes after the tag would be no part of the thought, so it must be nothing.
                vocabulary
                    .sealed(tag.as_bytes(), is_newlines)
                    .iter()
                    .for_each(|&id| remove(ids, id));
                if matched > 0 {
                    let rest = &tag.as_bytes()[matched..];
                    let ending = vocabulary.extensions(rest);
                    let more = |id: &u32| !is_newlines(&vocabulary.bytes(*id)[rest.len()..]);
                    ending.into_iter().filter(more).for_each(|id| remove(ids, id));
                }
                id.into_iter().for_each(|id| insert(ids, id));
            }
        }
    }

    /// What becomes of a token.
    pub(super) fn step(
        &self,
        phase: Phase,
        id: u32,
        vocabulary: &Vocabulary,
        ends: &[u32],
    ) -> Step {
        match phase {
            Phase::Way { passed, newlines, thought, .. } => {
                let bytes = vocabulary.bytes(id);
                for way in self.ways(phase) {
                    if let Some(length) = begins(&way.symbols[passed..], id, bytes) {
                        return Step::To(self.along(way, passed + length, thought));
                    }
                }
                if passed == 0 && newlines > 0 && is_newlines(bytes) && !bytes.is_empty() {
                    let newlines = newlines - 1;
                    return Step::To(Phase::Way { way: 0, passed, newlines, thought });
                }
                if self.has_text(phase) { Step::Text } else { Step::No }
            }
            Phase::Thought { tag } => self.think(tag, id, vocabulary),
            Phase::Call if self.call_end == Some(id) => Step::To(Phase::Over),
            Phase::Call if self.call_end.is_none() && ends.contains(&id) => Step::To(Phase::Over),
            Phase::Call if vocabulary.is_text(id) || self.call_tokens.contains(&id) => {
                Step::To(Phase::Call)
            }
            Phase::Text => Step::Text,
            Phase::Call | Phase::Over => Step::No,
        }
    }

    /// The ways that an answer may still be on.
    fn ways(&self, phase: Phase) -> impl Iterator<Item = &Way> {
        let on = match phase {
            Phase::Way { way, passed, thought, .. } => {
                self.openings.get(way).map(|way| (&way.symbols[..passed], thought))
            }
            _ => None,
        };
        self.openings.iter().filter(move |way| {
            // Where the text needs no opening, one thought is enough.
            let again = |thought| thought && self.direct && way.body == Body::Thought;
            on.is_some_and(|(passed, thought)| way.symbols.starts_with(passed) && !again(thought))
        })
    }

    /// The phase after so many symbols of a way.
    fn along(&self, way: &Way, passed: usize, thought: bool) -> Phase {
        if passed < way.symbols.len() {
            let way = self.openings.iter().position(|other| std::ptr::eq(other, way)).unwrap_or(0);
            return Phase::Way { way, passed, newlines: 0, thought };
        }
        match way.body {
            Body::Thought => Phase::Thought { tag: 0 },
            Body::Call => Phase::Call,
            Body::Text => Phase::Text,
        }
    }

    fn think(&self, mut matched: usize, id: u32, vocabulary: &Vocabulary) -> Step {
        let newlines = if self.direct { MAX_NEWLINES } else { 0 };
        let after = Step::To(Phase::Way { way: 0, passed: 0, newlines, thought: true });
        let (ThoughtEnd::Token(end) | ThoughtEnd::Tag(_, Some(end))) = self.thought_end else {
            return self.read_thought(&mut matched, vocabulary.bytes(id), after);
        };
        if id == end { after } else { self.read_thought(&mut matched, vocabulary.bytes(id), after) }
    }

    fn read_thought(&self, matched: &mut usize, bytes: &[u8], after: Step) -> Step {
        if bytes.is_empty() {
            return Step::No;
        }
        if let ThoughtEnd::Tag(tag, _) = self.thought_end {
            let tag = tag.as_bytes();
            for (at, &byte) in bytes.iter().enumerate() {
                *matched = match byte {
                    _ if byte == tag[*matched] => *matched + 1,
                    _ => usize::from(byte == tag[0]),
                };
                if *matched == tag.len() {
                    return if is_newlines(&bytes[at + 1..]) { after } else { Step::No };
                }
            }
        }
        Step::To(Phase::Thought { tag: *matched })
    }
}

fn is_newlines(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\n' | b'\r'))
}

/// The control token of that name.
fn control_token(tokenizer: &Tokenizer, name: &str) -> Option<u32> {
    tokenizer.special(name).filter(|&id| tokenizer.is_special(id))
}
