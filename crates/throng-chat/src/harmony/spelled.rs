//! Harmony's tokens written out as text. Models that were shown headers so (by servers that encode
//! them as text) write headers so.

use super::tokens::{NAMES, Tokens};

/// A token that is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spelled {
    /// Where it begins.
    pub at: usize,
    /// Where it ends.
    pub end: usize,
    /// Which token it is.
    pub id: u32,
}

/// The first token that is written out in a text.
pub(super) fn first(text: &str, tokens: &Tokens) -> Option<Spelled> {
    text.match_indices('<').find_map(|(at, _)| {
        let index = NAMES.iter().position(|name| text[at..].starts_with(name))?;
        Some(Spelled { at, end: at + NAMES[index].len(), id: tokens.all()[index] })
    })
}

/// The text without an end that may become a token.
pub(super) fn without_beginning(text: &str) -> &str {
    match text.rfind('<') {
        Some(at) if NAMES.iter().any(|name| name.starts_with(&text[at..])) => &text[..at],
        _ => text,
    }
}
