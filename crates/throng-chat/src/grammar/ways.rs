//! The ways from one place of an answer to another: texts with control tokens among them.

use super::vocabulary::{Vocabulary, insert};

/// What leads to a place.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) symbols: Vec<Symbol>,
    pub(super) to: u16,
}

/// What a way consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    /// Of text.
    Byte(u8),
    /// A control token.
    Token(u32),
}

/// A piece of a way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Token(u32),
}

impl Part<'_> {
    fn symbols(&self) -> Vec<Symbol> {
        match *self {
            Self::Text(text) => text.bytes().map(Symbol::Byte).collect(),
            Self::Token(id) => vec![Symbol::Token(id)],
        }
    }
}

impl Way {
    pub(super) fn new(parts: &[Part<'_>], to: u16) -> Self {
        Self { symbols: parts.iter().flat_map(Part::symbols).collect(), to }
    }
}

/// Adds the tokens with which the symbols begin.
pub(super) fn allow_symbols(symbols: &[Symbol], vocabulary: &Vocabulary, ids: &mut [u32]) {
    if let Some(Symbol::Token(id)) = symbols.first() {
        return insert(ids, *id);
    }
    let byte = |symbol: &Symbol| match symbol {
        Symbol::Byte(byte) => Some(*byte),
        Symbol::Token(_) => None,
    };
    let text: Vec<u8> = symbols.iter().map_while(byte).collect();
    vocabulary.prefixes(&text).into_iter().for_each(|id| insert(ids, id));
}

/// How many of the symbols a token is, if they begin with it; `bytes`: its text, if it is any.
pub(super) fn begins(symbols: &[Symbol], id: u32, bytes: &[u8]) -> Option<usize> {
    if symbols.first() == Some(&Symbol::Token(id)) {
        return Some(1);
    }
    let own = bytes.iter().map(|&byte| Symbol::Byte(byte));
    let fits = !bytes.is_empty()
        && bytes.len() <= symbols.len()
        && own.zip(symbols).all(|(own, symbol)| own == *symbol);
    fits.then_some(bytes.len())
}
