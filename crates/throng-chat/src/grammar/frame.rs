//! What an answer consists of, from its first token to its last: places, and what joins them.
//!
//! Thoughts, calls and what the person reads stand in places of their own (`harmony.rs` and
//! `tagged.rs` say which there are). In between there is nothing but ways: so no header is malformed
//! and nothing is written where nobody would read it.

use super::phase::{Matched, Phase};
use super::place::{Place, Text, allow_newlines};
use super::vocabulary::{Vocabulary, insert, is_newlines};
use super::ways::{Way, allow_symbols, begins};

/// The place behind the last token of an answer.
pub(super) const OVER: u16 = u16::MAX;

/// The places of an answer.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    places: Vec<Place>,
    first: u16,
}

/// What does not change from token to token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) vocabulary: &'a Vocabulary,
    /// Tokens that end an answer.
    pub(super) ends: &'a [u32],
    /// Whether the text with a form that is being written may end here.
    pub(super) may_end: bool,
}

impl Frame {
    /// An answer that begins in place `first`; all that leads on from places leads to others of
    /// them, or to [`OVER`].
    pub(super) fn new(places: Vec<Place>, first: u16) -> Self {
        Self { places, first }
    }

    /// An answer that is a text with a form, and nothing else.
    pub(super) fn plain() -> Self {
        let text = Place { text: Text::Formed(0), ends: true, ..Place::default() };
        Self::new(vec![text], 0)
    }

    /// Where an answer begins.
    pub(super) fn first(&self) -> Phase {
        self.enter(self.first)
    }

    /// The grammar that the text follows which may begin, or go on, here.
    pub(super) fn grammar(&self, phase: Phase) -> Option<usize> {
        let Phase::At { place, .. } = phase else { return None };
        match self.places[usize::from(self.inner(place))].text {
            Text::Formed(grammar) => Some(grammar),
            Text::None | Text::Free => None,
        }
    }

    /// The place whose grammar a token of text follows here.
    pub(super) fn inner(&self, place: u16) -> u16 {
        self.places[usize::from(place)].begins.unwrap_or(place)
    }

    /// Within a place, past anything that may come before its text.
    pub(super) fn within(&self, place: u16) -> Phase {
        Phase::At { place, newlines: 0, matched: Matched::default() }
    }

    fn enter(&self, place: u16) -> Phase {
        let Some(entered) = self.places.get(usize::from(place)) else { return Phase::Over };
        Phase::At { place, newlines: entered.newlines, matched: Matched::default() }
    }

    /// Where an answer is after a token that belongs to no text with a form; `None`: it may not
    /// come.
    pub(super) fn step(&self, phase: Phase, id: u32, setting: &Setting<'_>) -> Option<Phase> {
        let bytes = setting.vocabulary.bytes(id);
        let (place, newlines, matched) = match phase {
            Phase::At { place, newlines, matched } => (place, newlines, matched),
            Phase::On { place, way, passed } => {
                let next = self.proceed(place, way, passed, id, bytes);
                return next.or_else(|| self.step(self.stray(place)?, id, setting));
            }
            Phase::Over => return None,
        };
        let here = &self.places[usize::from(place)];
        if self.may_leave(here, setting) {
            if let Some(next) = self.proceed(place, 0, 0, id, bytes) {
                return Some(next);
            }
            if here.ends && setting.ends.contains(&id) {
                return Some(Phase::Over);
            }
        }
        if bytes.is_empty() {
            return None;
        }
        if newlines > 0 && is_newlines(bytes) {
            return Some(Phase::At { place, newlines: newlines - 1, matched });
        }
        match here.begins {
            Some(inner) => self.step(self.enter(inner), id, setting),
            None if here.text == Text::Free => self.read(place, matched, bytes),
            None => None,
        }
    }

    /// Adds the tokens that may come, but those of a text with a form.
    pub(super) fn allow(&self, phase: Phase, setting: &Setting<'_>, ids: &mut [u32]) {
        let vocabulary = setting.vocabulary;
        let (place, newlines, matched) = match phase {
            Phase::At { place, newlines, matched } => (place, newlines, matched),
            Phase::On { place, way, passed } => {
                self.allow_ways(place, way, passed, vocabulary, ids);
                if let Some(text) = self.stray(place) {
                    self.allow(text, setting, ids);
                }
                return;
            }
            Phase::Over => return,
        };
        let here = &self.places[usize::from(place)];
        if self.may_leave(here, setting) {
            self.allow_ways(place, 0, 0, vocabulary, ids);
            if here.ends {
                setting.ends.iter().for_each(|&id| insert(ids, id));
            }
        }
        if newlines > 0 {
            allow_newlines(vocabulary, ids);
        }
        match here.begins {
            Some(inner) => self.allow(self.enter(inner), setting, ids),
            None if here.text == Text::Free => here.allow_text(matched, vocabulary, ids),
            None => {}
        }
    }

    /// The free text that an answer is in which turns off from a way of a place.
    fn stray(&self, place: u16) -> Option<Phase> {
        let inner = self.places[usize::from(place)].begins?;
        (self.places[usize::from(inner)].text == Text::Free).then(|| self.within(inner))
    }

    fn may_leave(&self, here: &Place, setting: &Setting<'_>) -> bool {
        setting.may_end || !matches!(here.text, Text::Formed(_))
    }

    /// The ways that an answer may still be on, each with its number.
    fn ways(&self, place: u16, way: u16, passed: u16) -> impl Iterator<Item = (usize, &Way)> {
        let ways = &self.places[usize::from(place)].ways;
        let walked = ways.get(usize::from(way)).map(|way| &way.symbols[..usize::from(passed)]);
        let on = move |way: &&Way| way.symbols.starts_with(walked.unwrap_or_default());
        ways.iter().enumerate().filter(move |(_, way)| on(way))
    }

    /// One token further on a place's ways.
    fn proceed(&self, place: u16, way: u16, passed: u16, id: u32, bytes: &[u8]) -> Option<Phase> {
        self.ways(place, way, passed).find_map(|(number, way)| {
            let from = usize::from(passed);
            let to = from + begins(&way.symbols[from..], id, bytes)?;
            if to == way.symbols.len() {
                return Some(self.enter(way.to));
            }
            let way = u16::try_from(number).ok()?;
            Some(Phase::On { place, way, passed: u16::try_from(to).ok()? })
        })
    }

    fn allow_ways(
        &self,
        place: u16,
        way: u16,
        passed: u16,
        vocabulary: &Vocabulary,
        ids: &mut [u32],
    ) {
        for (_, way) in self.ways(place, way, passed) {
            allow_symbols(&way.symbols[usize::from(passed)..], vocabulary, ids);
        }
    }

    /// A token of a free text, in which a tag may end.
    fn read(&self, place: u16, mut matched: Matched, bytes: &[u8]) -> Option<Phase> {
        let here = &self.places[usize::from(place)];
        for (at, &byte) in bytes.iter().enumerate() {
            matched = here.follow(matched, byte);
            if let Some(tag) = here.whole(matched) {
                return is_newlines(&bytes[at + 1..]).then(|| self.enter(tag.to));
            }
        }
        Some(Phase::At { place, newlines: 0, matched })
    }
}
