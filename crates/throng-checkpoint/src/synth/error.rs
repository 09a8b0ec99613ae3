//! Why a random model could not be written, and the way out of it.

use throng_spec::ConfigError;

use crate::writing::WriteError;

/// A random model that cannot be made or written. Each message is one line; [`SynthError::hint`] has
/// a second one.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// The config describes no model that can be run.
    #[error("the config describes no model that can be run: {0}")]
    Config(#[from] ConfigError),
    /// Not a number of layers that a model can have.
    #[error("a model cannot have {found} layers, only 1 to {most}")]
    Layers {
        /// The number asked for.
        found: usize,
        /// The most there can be.
        most: usize,
    },
    /// Too few tokens for 256 bytes and the special tokens.
    #[error("a vocabulary of {found} is too small: bytes and special tokens are {least}")]
    SmallVocabulary {
        /// Rows of the embedding.
        found: usize,
        /// The fewest that would do.
        least: usize,
    },
    /// A model of which a GGUF file cannot say all.
    #[error("GGUF cannot say all of this model: {reason}")]
    NotInGguf {
        /// What it cannot say.
        reason: String,
    },
    /// Its files cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl SynthError {
    /// What to do about it, as one sentence.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Config(_) => "take the config.json of a released model",
            Self::Layers { .. } => "without a number, the model has as many as its config says",
            Self::SmallVocabulary { .. } => "raise vocab_size in the config",
            Self::NotInGguf { .. } => "safetensors with a config.json can: write those",
            Self::Write(error) => error.hint(),
        }
    }
}
