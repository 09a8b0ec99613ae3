//! Why a model could not be quantised into a folder, and the way out of it.

use crate::error::CheckpointError;
use crate::writing::WriteError;

/// A model that cannot be written with smaller weights. Each message is one line;
/// [`QuantiseError::hint`] has a second one.
#[derive(Debug, thiserror::Error)]
pub enum QuantiseError {
    /// Not the files that a new folder is made of.
    #[error("only a folder as models are released can be quantised into another, not {found}")]
    NotReleased {
        /// What it is.
        found: &'static str,
    },
    /// There is nothing to be done.
    #[error("nothing would be quantised: the weights asked for have their types already")]
    Nothing,
    /// Its files cannot be read.
    #[error(transparent)]
    Read(#[from] CheckpointError),
    /// The new ones cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl QuantiseError {
    /// What to do about it, as one sentence.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotReleased { .. } => {
                Some("weights of any form can be quantised while they are loaded")
            }
            Self::Nothing => Some("name a smaller type for attention, head or experts"),
            Self::Read(error) => error.hint(),
            Self::Write(error) => Some(error.hint()),
        }
    }
}
