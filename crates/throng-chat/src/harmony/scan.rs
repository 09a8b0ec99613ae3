//! Which words of a section can belong to a header, and where a text begins that has none.

use super::words::{
    FUNCTIONS, TO, begins, begins_channel, channel, is_form, is_name, is_name_character, is_role,
    may_be_channel, own, words,
};

/// The parts of a header, divided by special tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// From the beginning.
    Author,
    /// From `<|channel|>`.
    Channel,
    /// From `<|constrain|>`.
    Form,
}

/// How the text of a section goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It may go on: the last word may be incomplete.
    Open,
    /// A special token that belongs to the header ends the section.
    Closed,
    /// The message ends, without a text of its own.
    Ended,
    /// The answer was cut off: the last word may be incomplete.
    Cut,
}

/// A section that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner {
    pub section: Section,
    /// Whether `<|start|>` began the header.
    pub started: bool,
    /// Whether an earlier section named a recipient.
    pub addressed: bool,
}

/// What the words of a section say of where the message's text begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scan {
    /// Here: the first word that cannot belong to a header, or those before it that could only if
    /// it did.
    pub misfit: Option<usize>,
    /// Here, unless more of a header follows.
    pub loose: Option<usize>,
    /// Where the last word begins if it may be incomplete, or else where the section ends.
    pub last: usize,
}

impl Scanner {
    /// Reads the words of a section.
    pub fn scan(self, text: &str, next: Next) -> Scan {
        let mut scan = Scan { misfit: None, loose: None, last: text.len() };
        let mut addressed = self.addressed;
        let mut bare = false;
        for (index, (start, word)) in words(text).enumerate() {
            let open = matches!(next, Next::Open | Next::Cut);
            let partial = open && start + word.len() == text.len();
            if partial {
                scan.last = start;
            }
            if begins(word, TO, partial) || begins(word, FUNCTIONS, partial) {
                let name = word.strip_prefix(TO).unwrap_or(word);
                if let Some(end) = name.find(|c| !is_name_character(c)) {
                    scan.misfit = Some(start + word.len() - name.len() + end);
                    return scan;
                }
                if word.starts_with(TO) || word.starts_with(FUNCTIONS) {
                    (addressed, bare, scan.loose) = (true, false, None);
                }
                continue;
            }
            if index == 0 && self.section != Section::Form {
                match self.first(start, word, partial) {
                    Ok(loose) => scan.loose = loose,
                    Err(misfit) => {
                        scan.misfit = Some(misfit);
                        return scan;
                    }
                }
                continue;
            }
            let form = is_form(word, partial);
            let admitted = match self.section {
                Section::Author => addressed || form && names_channel(text),
                Section::Channel | Section::Form => true,
            };
            if !admitted || !is_name(word) || bare && !form {
                let known = self.section != Section::Author || addressed || self.names_author(text);
                scan.misfit = Some(if known { scan.loose.unwrap_or(start) } else { 0 });
                return scan;
            }
            bare |= !form;
            let expected =
                addressed || self.section == Section::Form || next == Next::Cut && partial;
            if !(form && expected) {
                scan.loose = scan.loose.or(Some(start));
            }
        }
        if addressed {
            scan.loose = None;
        }
        scan
    }

    /// Whether the first word of a section may be an author or a channel: where the text begins if
    /// no more of a header follows, or where it begins in any case.
    fn first(self, start: usize, word: &str, partial: bool) -> Result<Option<usize>, usize> {
        if self.section == Section::Author {
            return match is_role(word, partial) {
                true => Ok(None),
                false if self.started && is_name(word) => Ok(Some(0)),
                false => Err(0),
            };
        }
        let text = match channel(word) {
            Some((_, end)) if end == word.len() => None,
            Some((_, end)) => Some(start + end),
            None if partial && begins_channel(word) => None,
            None => Some(0),
        };
        if may_be_channel(word) { Ok(text) } else { Err(text.unwrap_or(0)) }
    }

    /// Whether the section begins with an author for certain.
    fn names_author(self, text: &str) -> bool {
        self.started && words(text).next().is_some_and(|(_, word)| is_role(word, false))
    }
}

/// Whether the section begins with a channel where the author should be.
fn names_channel(text: &str) -> bool {
    words(text).next().is_some_and(|(_, word)| own(word).flatten().is_some())
}
