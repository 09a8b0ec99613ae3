//! The places of an answer with tags: a thought, if the model thinks in tags, and then the text, or
//! calls. Where a model has no tags for calls, one that makes a call says nothing else.

use super::frame::Frame;
use super::place::{Place, Tag, Text};
use super::plan::Plan;
use super::ways::{Part, Way};
use crate::prompt::Opening;
use crate::tagged::{CallStyle, THINK, THINK_END, TOOL_CALL, TOOL_CALL_END, Tags};
use crate::tokenizer::Tokenizer;

/// Newlines that may set a part of an answer off from the one before it, in tokens.
const MAX_NEWLINES: u8 = 4;
/// How a call without tags may begin. What the model writes otherwise is text.
const CALL_BEGINNINGS: [&str; 4] =
    ["{\"name\": \"", "{\"name\":\"", "{ \"name\": \"", "{\n  \"name\": \""];

/// The places: where an answer begins.
const BEGIN: u16 = 0;
/// A thought.
const THOUGHT: u16 = 1;
/// Behind one.
const AFTER: u16 = 2;
/// The text.
const TEXT: u16 = 3;
/// A call.
const CALL: u16 = 4;
/// Behind one.
const CALLED: u16 = 5;

/// Makes the frame of an answer; `call`: the number of the grammar of a call, if there may be any.
pub(super) fn frame(
    tags: Tags,
    opening: Opening,
    plan: &Plan,
    call: Option<usize>,
    tokenizer: &Tokenizer,
) -> Frame {
    let writer = Writer { tags, plan, call, tokenizer };
    let text = writer.text();
    let mut thought = Place::free(Vec::new());
    writer.tag(THINK_END, AFTER, &mut thought);
    let (begin, after) = writer.beginnings(&text);
    let first = if opening == Opening::Thought { THOUGHT } else { BEGIN };
    let called = writer.called(&text);
    Frame::new(vec![begin, thought, after, text, writer.call(), called], first)
}

struct Writer<'a> {
    tags: Tags,
    plan: &'a Plan,
    call: Option<usize>,
    tokenizer: &'a Tokenizer,
}

impl Writer<'_> {
    /// Whether calls may stand in tags.
    fn in_tags(&self) -> bool {
        self.call.is_some() && self.tags.calls == Some(CallStyle::Tagged)
    }

    /// Whether the answer may be any text.
    fn is_free(&self) -> bool {
        self.plan.content.is_none() && !self.plan.required
    }

    /// What the person reads. Within a text that is free there may be thoughts and calls.
    fn text(&self) -> Place {
        let form = self.plan.content.map_or(Text::Free, Text::Formed);
        let mut text = Place { text: form, ends: true, ..Place::default() };
        if self.is_free() && self.tags.thoughts {
            self.tag(THINK, THOUGHT, &mut text);
        }
        if self.is_free() && self.in_tags() {
            self.tag(TOOL_CALL, CALL, &mut text);
        }
        text
    }

    /// Where the answer begins, and where it goes on after a thought. Where the text needs no
    /// opening, one thought is enough.
    fn beginnings(&self, text: &Place) -> (Place, Place) {
        if self.is_free() && self.in_tags() {
            return (text.clone(), text.clone());
        }
        let mut after = Place { newlines: MAX_NEWLINES, ..Place::default() };
        match (self.plan.required, self.in_tags()) {
            (false, _) => after.begins = Some(TEXT),
            (true, false) => after.begins = Some(CALL),
            (true, true) => {}
        }
        if self.in_tags() {
            after.ways.push(self.way(TOOL_CALL, CALL));
        } else if self.is_free() && self.call.is_some() {
            after.ways.extend(CALL_BEGINNINGS.map(|text| Way::new(&[Part::Text(text)], CALL)));
        }
        // A text is set off from nothing.
        let newlines = if self.plan.required { MAX_NEWLINES } else { 0 };
        let mut begin = Place { newlines, ..after.clone() };
        if self.tags.thoughts {
            begin.ways.push(self.way(THINK, THOUGHT));
        }
        (begin, after)
    }

    fn call(&self) -> Place {
        let text = self.call.map_or(Text::None, Text::Formed);
        if self.in_tags() {
            let ways = vec![self.way(TOOL_CALL_END, CALLED)];
            return Place { text, ways, ..Place::default() };
        }
        Place { text, ends: true, ..Place::default() }
    }

    fn called(&self, text: &Place) -> Place {
        let more = self.in_tags() && !self.plan.single;
        if more && self.is_free() {
            return text.clone();
        }
        let ways = if more { vec![self.way(TOOL_CALL, CALL)] } else { Vec::new() };
        Place { ways, newlines: MAX_NEWLINES, ends: true, ..Place::default() }
    }

    /// A tag where nothing else may stand. It may be a control token, or text that may be cut
    /// anywhere.
    fn way(&self, tag: &str, to: u16) -> Way {
        Way::new(&[self.control_token(tag).map_or(Part::Text(tag), Part::Token)], to)
    }

    /// A tag within a free text, where it is one as a control token and as text.
    fn tag(&self, tag: &'static str, to: u16, place: &mut Place) {
        place.tags.push(Tag { text: tag, to });
        place.ways.extend(self.control_token(tag).map(|id| Way::new(&[Part::Token(id)], to)));
    }

    fn control_token(&self, name: &str) -> Option<u32> {
        self.tokenizer.special(name).filter(|&id| self.tokenizer.is_special(id))
    }
}
