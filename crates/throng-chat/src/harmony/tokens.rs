//! Harmony's special tokens, looked up by name.

use crate::tokenizer::Tokenizer;

/// The names of the tokens that structure a conversation.
pub(super) const NAMES: [&str; 7] = [
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|channel|>",
    "<|constrain|>",
    "<|return|>",
    "<|call|>",
];

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
        let [start, end, message, channel, constrain, ret, call] = NAMES.map(|name| {
            tokenizer.special(name).unwrap_or_else(|| {
                missing.push(name);
                u32::MAX
            })
        });
        let tokens = Self { start, end, message, channel, constrain, ret, call };
        if missing.is_empty() { Ok(tokens) } else { Err(missing) }
    }

    /// Whether the token stands within a header, or ends it, rather than the message.
    pub(super) fn is_within_header(&self, id: u32) -> bool {
        [self.channel, self.constrain, self.message].contains(&id)
    }

    /// All of them, in the order of [`NAMES`].
    pub(super) fn all(&self) -> [u32; 7] {
        let Self { start, end, message, channel, constrain, ret, call } = *self;
        [start, end, message, channel, constrain, ret, call]
    }
}
