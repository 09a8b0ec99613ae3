//! The chat format of a model: conversations to prompts.

use crate::conversation::Conversation;
use crate::harmony;
use crate::tokenizer::{Tokenizer, TokenizerError};

/// A tokenizer together with the chat format that it has the tokens for.
#[derive(Clone, Debug)]
pub struct Chat {
    tokenizer: Tokenizer,
    format: Format,
    stop_tokens: Vec<u32>,
}

/// How conversations are written. One row for each format.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    /// gpt-oss.
    Harmony(harmony::Tokens),
}

/// Why there is no chat with a model, or a conversation cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The model may still continue raw text.
    #[error("the tokenizer has no chat format: it lacks Harmony's {}", .0.join(", "))]
    MissingTokens(Vec<&'static str>),
    /// A tool result for a call that no earlier turn made.
    #[error("the tool result answers the call {0:?}, but no earlier turn made it")]
    UnknownCall(String),
    /// A function's name that the format cannot carry.
    #[error("invalid function name {0:?}: it takes 1 to 256 letters, digits, '_', '-' and '.'")]
    InvalidName(String),
    /// A date that is not of the form `YYYY-MM-DD`.
    #[error("invalid date {0:?}: it must be written YYYY-MM-DD")]
    InvalidDate(String),
    /// More text than the limit of [`Chat::render_within`] allows.
    #[error("the prompt has at least {0} tokens")]
    TooLong(usize),
    /// A text that cannot be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Chat {
    /// Finds the chat format of a tokenizer.
    ///
    /// # Errors
    /// [`ChatError::MissingTokens`] if it lacks a special token of the format. Such a tokenizer
    /// still serves raw completions: see [`crate::Reply::plain`].
    pub fn new(tokenizer: Tokenizer) -> Result<Self, ChatError> {
        let tokens = harmony::Tokens::of(&tokenizer).map_err(ChatError::MissingTokens)?;
        let stop_tokens = vec![tokens.ret, tokens.call];
        Ok(Self { tokenizer, format: Format::Harmony(tokens), stop_tokens })
    }

    /// The prompt that asks the model for the conversation's next turn.
    ///
    /// # Errors
    /// [`ChatError::UnknownCall`], [`ChatError::InvalidName`] or [`ChatError::InvalidDate`] if
    /// the conversation is inconsistent.
    pub fn render(&self, conversation: &Conversation) -> Result<Vec<u32>, ChatError> {
        self.render_within(conversation, usize::MAX)
    }

    /// The same, without encoding text that cannot fit into `limit` tokens: that would take far
    /// more time and memory than the text itself. A prompt that is a little longer than the limit
    /// may still be given back whole.
    ///
    /// # Errors
    /// [`ChatError::TooLong`], and those of [`Chat::render`].
    pub fn render_within(
        &self,
        conversation: &Conversation,
        limit: usize,
    ) -> Result<Vec<u32>, ChatError> {
        match &self.format {
            Format::Harmony(tokens) => {
                harmony::render(conversation, &self.tokenizer, tokens, limit)
            }
        }
    }

    /// Tokens that end an answer.
    pub fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The format, for those who read answers.
    pub(crate) fn format(&self) -> &Format {
        &self.format
    }
}
