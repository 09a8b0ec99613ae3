//! Why a checkpoint could not be written, and the way out of it.

use std::path::Path;

/// Files that cannot be written. Each message is one line; [`WriteError::hint`] has a second one.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
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

impl WriteError {
    pub(crate) fn io(file: &Path, source: std::io::Error) -> Self {
        Self::Io { file: file.display().to_string(), source }
    }

    /// What to do about it, as one sentence.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Exists { .. } => "name another place, or allow that what is there is replaced",
            Self::WrongKind { .. } => {
                "checkpoints are folders, GGUF models are files: name a new one"
            }
            Self::NotNamedGguf { .. } => "a GGUF model is one file: OUT.gguf",
            Self::NoRoom { .. } => "name a place on another disk",
            Self::Io { .. } => "name a place that you may write to, on a disk with room",
            Self::Interrupted => "the same command starts over",
        }
    }
}
