//! The chat format of a model: conversations to prompts.

use std::sync::Arc;

use crate::conversation::{Conversation, Effort};
use crate::harmony;
use crate::prompt::{Opening, Prompt};
use crate::template::{Renderer, Template};
use crate::tokenizer::{Tokenizer, TokenizerError};

/// A tokenizer together with the chat format of its model.
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
    /// Models that come with a template.
    Template(Arc<Renderer>),
}

/// Why there is no chat with a model, or a conversation cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The model may still continue raw text.
    #[error(
        "the model has no chat format: no chat template, and its tokenizer lacks Harmony's {}",
        .0.join(", ")
    )]
    NoFormat(Vec<&'static str>),
    /// The model's chat template refuses the conversation, in its own words.
    #[error("the model's chat template says: {0}")]
    Refused(String),
    /// The model's chat template is no Jinja, or fails.
    #[error("the model's chat template cannot be used: {0}")]
    Template(String),
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
    /// Finds the chat format of a model: Harmony if the tokenizer has its tokens, else the template
    /// that comes with the model.
    ///
    /// # Errors
    /// [`ChatError::NoFormat`] if there is neither, [`ChatError::Template`] if the template cannot
    /// be read. Such a model still serves raw completions: see [`crate::Reply::plain`].
    pub fn new(tokenizer: Tokenizer, template: Option<Template>) -> Result<Self, ChatError> {
        match (harmony::Tokens::of(&tokenizer), template) {
            (Ok(tokens), _) => {
                let stop_tokens = vec![tokens.ret, tokens.call];
                Ok(Self { tokenizer, format: Format::Harmony(tokens), stop_tokens })
            }
            (Err(_), Some(template)) => {
                let eos = template.eos_token.as_deref().and_then(|name| tokenizer.special(name));
                let format = Format::Template(Arc::new(Renderer::new(template, &tokenizer)?));
                Ok(Self { tokenizer, format, stop_tokens: eos.into_iter().collect() })
            }
            (Err(missing), None) => Err(ChatError::NoFormat(missing)),
        }
    }

    /// The prompt that asks the model for the conversation's next turn.
    ///
    /// # Errors
    /// [`ChatError::UnknownCall`], [`ChatError::InvalidName`] or [`ChatError::InvalidDate`] if
    /// the conversation is inconsistent, [`ChatError::Refused`] or [`ChatError::Template`] if the
    /// model's template makes no prompt of it.
    pub fn render(&self, conversation: &Conversation) -> Result<Prompt, ChatError> {
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
    ) -> Result<Prompt, ChatError> {
        match &self.format {
            Format::Harmony(tokens) => {
                let ids = harmony::render(conversation, &self.tokenizer, tokens, limit)?;
                Ok(Prompt { ids, opening: Opening::Answer })
            }
            Format::Template(renderer) => renderer.render(conversation, &self.tokenizer, limit),
        }
    }

    /// The conversation without what asks for its next turn, which transformers calls
    /// `add_generation_prompt=False`. A template that knows no such switch asks all the same.
    ///
    /// # Errors
    /// As [`Chat::render_within`].
    pub fn render_history(
        &self,
        conversation: &Conversation,
        limit: usize,
    ) -> Result<Vec<u32>, ChatError> {
        match &self.format {
            Format::Harmony(tokens) => {
                harmony::render_history(conversation, &self.tokenizer, tokens, limit)
            }
            Format::Template(renderer) => {
                renderer.render_history(conversation, &self.tokenizer, limit)
            }
        }
    }

    /// Whether a chat template writes the prompts, which may look variables up.
    pub fn has_template(&self) -> bool {
        matches!(self.format, Format::Template(_))
    }

    /// Tokens that end an answer, by its format; a model may name others.
    pub fn stop_tokens(&self) -> &[u32] {
        &self.stop_tokens
    }

    /// The tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The efforts that make a difference to the prompt; none where none does. What is not among
    /// them is taken for the default.
    pub fn efforts(&self) -> &'static [Effort] {
        match &self.format {
            Format::Harmony(_) => &Effort::ALL,
            Format::Template(renderer) => renderer.efforts(),
        }
    }

    /// The format, for those who read answers.
    pub(crate) fn format(&self) -> &Format {
        &self.format
    }
}
