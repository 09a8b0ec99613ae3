//! The places of an answer, which its frame joins: what may be written there, and what leads on.

use super::phase::Matched;
use super::vocabulary::{Vocabulary, insert, is_newlines, remove};
use super::ways::Way;

/// Where an answer may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) text: Text,
    /// The place whose text may begin here, without a way to it.
    pub(super) begins: Option<u16>,
    /// What leads on: from within a free text, or where a text with a form may end.
    pub(super) ways: Vec<Way>,
    /// What leads on from within a free text and is text itself.
    pub(super) tags: Vec<Tag>,
    /// Newlines, in tokens, that may come before anything else.
    pub(super) newlines: u8,
    /// Whether the answer may end where a way may be taken.
    pub(super) ends: bool,
}

/// What may be written in a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Text {
    /// Nothing.
    #[default]
    None,
    /// Anything.
    Free,
    /// What the grammar of this number accepts.
    Formed(usize),
}

/// Text that leads to another place. Its first character comes in it once, and may be cut anywhere;
/// newlines may follow it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) text: &'static str,
    pub(super) to: u16,
}

impl Place {
    /// One of free text.
    pub(super) fn free(ways: Vec<Way>) -> Self {
        Self { text: Text::Free, ways, ..Self::default() }
    }

    /// One that only ways lead on from.
    pub(super) fn crossing(ways: Vec<Way>) -> Self {
        Self { ways, ..Self::default() }
    }

    /// How much of a tag there is after one more byte; whole tags are for the caller to see.
    pub(super) fn follow(&self, matched: Matched, byte: u8) -> Matched {
        let bytes = usize::from(matched.bytes);
        let walked = self.tags.get(usize::from(matched.tag)).map_or("", |tag| &tag.text[..bytes]);
        let goes_on = |bytes: usize, walked: &str| {
            let fits = |tag: &Tag| {
                tag.text.starts_with(walked) && tag.text.as_bytes().get(bytes) == Some(&byte)
            };
            let tag = u8::try_from(self.tags.iter().position(fits)?).ok()?;
            Some(Matched { tag, bytes: u8::try_from(bytes + 1).ok()? })
        };
        goes_on(bytes, walked).or_else(|| goes_on(0, "")).unwrap_or_default()
    }

    /// The tag that is whole.
    pub(super) fn whole(&self, matched: Matched) -> Option<&Tag> {
        let tag = self.tags.get(usize::from(matched.tag))?;
        (usize::from(matched.bytes) == tag.text.len()).then_some(tag)
    }

    /// Adds the tokens of a free text. What came after a tag would be no part of the text, so it
    /// must be nothing.
    pub(super) fn allow_text(&self, matched: Matched, vocabulary: &Vocabulary, ids: &mut [u32]) {
        let mut text = vocabulary.text().to_vec();
        let bytes = usize::from(matched.bytes);
        let walked = self.tags.get(usize::from(matched.tag)).map_or("", |tag| &tag.text[..bytes]);
        for tag in &self.tags {
            vocabulary.sealed(tag.text).iter().for_each(|&id| remove(&mut text, id));
            let Some(rest) = tag.text.strip_prefix(walked).filter(|_| bytes > 0) else { continue };
            let ending = vocabulary.extensions(rest.as_bytes()).into_iter();
            let more = |id: &u32| !is_newlines(&vocabulary.bytes(*id)[rest.len()..]);
            ending.filter(more).for_each(|id| remove(&mut text, id));
        }
        ids.iter_mut().zip(text).for_each(|(word, text)| *word |= text);
    }
}

/// Adds the tokens that are newlines and nothing else.
pub(super) fn allow_newlines(vocabulary: &Vocabulary, ids: &mut [u32]) {
    let breaks = ["\n", "\r"].iter().flat_map(|c| vocabulary.extensions(c.as_bytes()));
    let breaks = breaks.filter(|&id| is_newlines(vocabulary.bytes(id)));
    breaks.for_each(|id| insert(ids, id));
}
