//! Keeps text apart from tokens while both are one string.
//!
//! A template writes added tokens by their text (`<|im_end|>`), between and around what users said.
//! So that no user's text is taken for a token, a sentinel follows each of its characters that
//! could begin one, whatever comes after it: neither joining texts nor changing their case makes a
//! token of them then. A text that could go on where the template itself wrote the beginning of a
//! token gets a sentinel in front. Sentinels are taken out again of the text between tokens.

use std::collections::{HashMap, HashSet};

use crate::tokenizer::{AddedToken, Tokenizer};

/// A character that no text has a use for: Unicode calls it a noncharacter.
pub(super) const SENTINEL: char = '\u{10FFFF}';

/// The added tokens of a tokenizer, and what must not be taken for one.
#[derive(Debug)]
pub(super) struct Guard {
    /// By their first character, longest first.
    marks: HashMap<char, Vec<Mark>>,
    /// Characters after which a sentinel stands.
    firsts: HashSet<char>,
    /// What would complete a token whose beginning the template writes as text.
    tails: Vec<String>,
}

/// An added token that a template can write.
#[derive(Debug)]
struct Mark {
    id: u32,
    text: String,
    /// Whether it takes the white space before it with it.
    lstrip: bool,
    /// Whether it takes the white space after it with it.
    rstrip: bool,
}

/// A part of a rendered text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span<'a> {
    /// Text, sentinels included.
    Text(&'a str),
    /// An added token.
    Token(u32),
}

impl Guard {
    /// `source` is the template's, `tags` are texts with a meaning of their own that users must not
    /// write either.
    pub(super) fn new(tokenizer: &Tokenizer, source: &str, tags: &[&str]) -> Self {
        let mut marks: HashMap<char, Vec<Mark>> = HashMap::new();
        for token in tokenizer.added_tokens().iter().filter(|token| is_mark(token)) {
            let AddedToken { id, ref content, lstrip, rstrip, .. } = *token;
            let mark = Mark { id, text: content.clone(), lstrip, rstrip };
            marks.entry(first(content)).or_default().push(mark);
        }
        for marks in marks.values_mut() {
            marks.sort_by_key(|mark| std::cmp::Reverse(mark.text.len()));
        }
        let firsts = marks.keys().copied().chain(tags.iter().map(|tag| first(tag))).collect();
        let mut guard = Self { marks, firsts, tails: Vec::new() };
        guard.tails = guard.tails(source);
        guard
    }

    /// The ends of tokens whose beginnings the template writes.
    fn tails(&self, source: &str) -> Vec<String> {
        let spans = self.split(source);
        let texts: Vec<&str> = spans
            .filter_map(|span| match span {
                Span::Text(text) => Some(text),
                Span::Token(_) => None,
            })
            .collect();
        let mut tails = HashSet::new();
        for mark in self.marks.values().flatten() {
            for (at, _) in mark.text.char_indices().skip(1) {
                let (head, tail) = mark.text.split_at(at);
                if !texts.iter().any(|text| text.contains(head)) {
                    break; // Nor does any longer one occur.
                }
                tails.insert(tail.to_owned());
            }
        }
        tails.into_iter().collect()
    }

    /// A user's text that stays text whatever the template does with it.
    pub(super) fn text(&self, text: &str) -> String {
        let mut guarded = String::with_capacity(text.len() + 12);
        if self.completes(text) {
            guarded.push(SENTINEL);
        }
        // Templates trim texts.
        let trimmed = text.trim_start();
        guarded.push_str(&text[..text.len() - trimmed.len()]);
        if trimmed.len() < text.len() && self.completes(trimmed) {
            guarded.push(SENTINEL);
        }
        for character in trimmed.chars() {
            if character == SENTINEL {
                guarded.push(char::REPLACEMENT_CHARACTER);
                continue;
            }
            guarded.push(character);
            if self.firsts.contains(&character) {
                guarded.push(SENTINEL);
            }
        }
        guarded
    }

    /// Whether a text goes on where the template may have written the beginning of a token.
    fn completes(&self, text: &str) -> bool {
        let completes = |tail: &String| text.starts_with(tail.as_str()) || tail.starts_with(text);
        !text.is_empty() && self.tails.iter().any(completes)
    }

    /// The tokens in a text and what is between them. Where several begin, it is the longest.
    pub(super) fn split<'a>(&'a self, text: &'a str) -> impl Iterator<Item = Span<'a>> {
        let mut rest = text;
        let mut token = None;
        std::iter::from_fn(move || {
            if let Some(id) = token.take() {
                return Some(Span::Token(id));
            }
            if rest.is_empty() {
                return None;
            }
            let Some((at, mark)) = self.find(rest) else {
                return Some(Span::Text(std::mem::take(&mut rest)));
            };
            let (before, after) = (&rest[..at], &rest[at + mark.text.len()..]);
            let before = if mark.lstrip { before.trim_end() } else { before };
            rest = if mark.rstrip { after.trim_start() } else { after };
            if before.is_empty() {
                return Some(Span::Token(mark.id));
            }
            token = Some(mark.id);
            Some(Span::Text(before))
        })
    }

    /// The first token of a text and where it is.
    fn find(&self, text: &str) -> Option<(usize, &Mark)> {
        text.char_indices().find_map(|(at, character)| {
            let marks = self.marks.get(&character)?;
            let mark = marks.iter().find(|mark| text[at..].starts_with(&mark.text))?;
            Some((at, mark))
        })
    }
}

/// Takes sentinels out of a text.
pub(super) fn plain(text: &str) -> String {
    text.replace(SENTINEL, "")
}

/// Whether a template can write the token. Added tokens that are white space, words or single
/// characters are there to shorten text, not to structure it: [`Tokenizer::encode`] knows none.
fn is_mark(token: &AddedToken) -> bool {
    let mut characters = token.content.chars();
    let (Some(first), Some(_)) = (characters.next(), characters.next()) else { return false };
    !first.is_whitespace() && (token.special || !first.is_alphanumeric()) && first != SENTINEL
}

fn first(text: &str) -> char {
    text.chars().next().unwrap_or(SENTINEL)
}
