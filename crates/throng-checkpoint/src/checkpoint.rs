//! A model's files, opened and checked.

use std::path::Path;

use throng_spec::{ModelSpec, Role};

use crate::error::CheckpointError;
use crate::generation::Generation;
use crate::tensor::Tensor;

/// A model's files, opened and checked: every tensor of the spec is there with the right shape.
#[derive(Debug)]
pub struct Checkpoint {}

impl Checkpoint {
    /// Opens a folder in the released layout.
    ///
    /// # Errors
    /// A file is missing, truncated or corrupt, or says what cannot be.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        let _ = folder;
        todo!()
    }

    /// The same from files in memory, as pairs of name and content.
    ///
    /// # Errors
    /// As for [`Checkpoint::open`].
    pub fn embedded(files: &[(&str, &'static [u8])]) -> Result<Self, CheckpointError> {
        let _ = files;
        todo!()
    }

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        todo!()
    }

    /// The tensor that plays a role of the spec.
    pub fn tensor(&self, role: Role) -> Tensor<'_> {
        let _ = role;
        todo!()
    }

    /// The content of `tokenizer.json`.
    pub fn tokenizer_json(&self) -> &[u8] {
        todo!()
    }

    /// Sampling defaults.
    pub fn generation(&self) -> &Generation {
        todo!()
    }
}
