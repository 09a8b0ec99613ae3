//! What the handlers share.

use throng_chat::{Chat, Grammars, Tokenizer};
use throng_engine::Engine;

use crate::date::Date;
use crate::error::ApiError;

/// Everything that is served.
#[derive(Debug)]
pub struct App {
    /// Runs the requests.
    pub engine: Engine,
    /// Text to token ids and back.
    pub tokenizer: Tokenizer,
    /// Conversations to token ids; `None` where the tokenizer lacks the format's special tokens.
    pub chat: Option<Chat>,
    /// The forms of answers.
    pub grammars: Grammars,
    /// What the model is called.
    pub model: ModelName,
    /// Of sampling.
    pub defaults: Defaults,
    /// The day that the model believes it is.
    pub date: Date,
    /// Bytes a second that this machine reads from memory, if somebody has measured it.
    pub memory_bandwidth: Option<f64>,
}

/// What the model is called.
#[derive(Clone, Debug)]
pub struct ModelName {
    /// The name that answers carry.
    pub id: String,
    /// Names that a client may use instead.
    pub aliases: Vec<String>,
    /// When it began to be served, in seconds since 1970.
    pub created: u64,
}

/// What applies where a request says nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f32,
    /// Nucleus; 1 for all.
    pub top_p: f32,
    /// Number of candidates; 0 for all.
    pub top_k: usize,
    /// Token ids with which the model ends a text that is no conversation.
    pub stop_tokens: Vec<u32>,
    /// Whether the headers of answers in Harmony are held to the format's grammar.
    pub header_grammar: bool,
}

impl Default for Defaults {
    fn default() -> Self {
        let stop_tokens = Vec::new();
        Self { temperature: 1.0, top_p: 1.0, top_k: 0, stop_tokens, header_grammar: true }
    }
}

impl App {
    /// Checks the model that a request names.
    pub(crate) fn check_model(&self, name: &str) -> Result<(), ApiError> {
        let model = &self.model;
        if name == model.id || model.aliases.iter().any(|alias| alias == name) {
            return Ok(());
        }
        Err(ApiError::model_not_found(name, &model.id))
    }

    /// Positions that a prompt and its answer share.
    pub(crate) fn context(&self) -> usize {
        self.engine.context()
    }
}
