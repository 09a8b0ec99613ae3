//! The ways into a body of an answer: texts with control tokens among them.

use super::vocabulary::{Vocabulary, insert};
use crate::conversation::Tool;
use crate::harmony::Tokens;

/// Who answers, in Harmony.
pub(super) const AUTHOR: &str = "assistant";

/// From where a message begins to where its body does.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) symbols: Vec<Symbol>,
    pub(super) body: Body,
}

/// What a way consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    /// Of text.
    Byte(u8),
    /// A control token.
    Token(u32),
}

/// Where a way leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Thought,
    Call,
    Text,
}

/// A piece of a way.
#[derive(Clone, Copy, Debug)]
enum Part<'a> {
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

/// The headers of Harmony that lead to a thought, to the text, or to a call of one of the functions,
/// each from its `<|start|>` on.
pub(super) fn harmony_ways(tokens: &Tokens, tools: &[Tool], json: bool) -> Vec<Way> {
    let own = |body, parts: &[Part<'_>]| {
        let author = [Part::Token(tokens.start), Part::Text(AUTHOR)];
        Way { symbols: author.iter().chain(parts).flat_map(Part::symbols).collect(), body }
    };
    let (channel, message) = (Part::Token(tokens.channel), Part::Token(tokens.message));
    let form = [Part::Text(" "), Part::Token(tokens.constrain), Part::Text("json"), message];
    let mut openings = vec![
        own(Body::Thought, &[channel, Part::Text("analysis"), message]),
        own(Body::Text, &[channel, Part::Text("final"), message]),
    ];
    if json {
        openings.push(own(Body::Text, &[&[channel, Part::Text("final")][..], &form].concat()));
    }
    for tool in tools {
        let to = format!(" to=functions.{}", tool.name);
        let to = Part::Text(&to);
        for name in ["commentary", "analysis"].map(Part::Text) {
            for head in [[channel, name, to], [to, channel, name]] {
                openings.push(own(Body::Call, &[&head[..], &[message]].concat()));
                openings.push(own(Body::Call, &[&head[..], &form].concat()));
            }
        }
    }
    openings
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
