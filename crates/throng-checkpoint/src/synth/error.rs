//! Why a random model could not be written, and the way out of it.

use std::path::Path;

use throng_spec::ConfigError;

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
    /// There is something already.
    #[error("{path} exists and is not empty")]
    Exists {
        /// The folder or file asked for.
        path: String,
    },
    /// A file where a folder should be, or the other way round.
    #[error("{path} is {found}")]
    WrongKind {
        /// The path asked for.
        path: String,
        /// What it is.
        found: &'static str,
    },
    /// A GGUF file that nothing would take for one.
    #[error("{path} does not end in .gguf")]
    NotNamedGguf {
        /// The file asked for.
        path: String,
    },
    /// A model of which a GGUF file cannot say all.
    #[error("GGUF cannot say all of this model: {reason}")]
    NotInGguf {
        /// What it cannot say.
        reason: String,
    },
    /// The disk is too full.
    #[error(
        "{path} needs {:.1} GB, its disk has {:.1} GB left",
        *needed as f64 / 1e9,
        *free as f64 / 1e9
    )]
    NoRoom {
        /// The folder or file asked for.
        path: String,
        /// Bytes that will be written.
        needed: u64,
        /// Bytes that can be.
        free: u64,
    },
    /// The operating system would not write.
    #[error("cannot write {file}: {source}")]
    Io {
        /// Path of the file.
        file: String,
        /// Its words.
        source: std::io::Error,
    },
    /// The caller broke off.
    #[error("interrupted: what was unfinished has been removed")]
    Interrupted,
}

impl SynthError {
    pub(super) fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Io { file: file.display().to_string(), source }
    }

    /// What to do about it, as one sentence.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Config(_) => "take the config.json of a released model",
            Self::Layers { .. } => "without a number, the model has as many as its config says",
            Self::SmallVocabulary { .. } => "raise vocab_size in the config",
            Self::Exists { .. } => "name another place, or allow that what is there is replaced",
            Self::WrongKind { .. } => {
                "checkpoints are folders, GGUF models are files: name a new one"
            }
            Self::NotNamedGguf { .. } => "a GGUF model is one file: OUT.gguf",
            Self::NotInGguf { .. } => "safetensors with a config.json can: write those",
            Self::NoRoom { .. } => "fewer layers need less",
            Self::Io { .. } => "name a place that you may write to, on a disk with room",
            Self::Interrupted => "the same command starts over",
        }
    }
}
