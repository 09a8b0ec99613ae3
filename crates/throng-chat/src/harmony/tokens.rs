//! Harmony's special tokens, looked up by name.

use crate::tokenizer::Tokenizer;

/// Ids of the tokens that structure a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Begins a message.
    pub start: u32,
    /// Ends a message after which another follows.
    pub end: u32,
    /// Ends a header.
    pub message: u32,
    /// Comes before a channel's name.
    pub channel: u32,
    /// Comes before the form of a message's text.
    pub constrain: u32,
    /// Ends an answer.
    pub ret: u32,
    /// Ends a call of a function.
    pub call: u32,
}

impl Tokens {
    /// Looks them up.
    ///
    /// # Errors
    /// The names of those that the tokenizer does not have.
    pub fn of(tokenizer: &Tokenizer) -> Result<Self, Vec<&'static str>> {
        let mut missing = Vec::new();
        let mut id = |name| {
            tokenizer.special(name).unwrap_or_else(|| {
                missing.push(name);
                u32::MAX
            })
        };
        let tokens = Self {
            start: id("<|start|>"),
            end: id("<|end|>"),
            message: id("<|message|>"),
            channel: id("<|channel|>"),
            constrain: id("<|constrain|>"),
            ret: id("<|return|>"),
            call: id("<|call|>"),
        };
        if missing.is_empty() { Ok(tokens) } else { Err(missing) }
    }
}
