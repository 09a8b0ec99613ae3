//! What is inspected: a checkpoint's files, or the shape of a released model.

use std::path::Path;

use anyhow::Result;
use throng_checkpoint::Checkpoint;
use throng_spec::{ModelSpec, QuantisationRequest, Stored, builtin};

use crate::failure::Failure;
use crate::source::{Files, Source};

/// A model's shape, and how its tensors are stored.
pub struct Subject {
    /// Its name: the folder's, or the released model's.
    pub name: String,
    pub spec: ModelSpec,
    pub tensors: Vec<Stored>,
}

impl Subject {
    /// A released model by its name, or else what `-m` would load.
    ///
    /// # Errors
    /// Nothing has the name, or the checkpoint is not what it should be.
    pub fn find(name: &str) -> Result<Self> {
        if let Some(config) = builtin::config(name) {
            let spec = ModelSpec::from_config(&config)?;
            let tensors = spec.released();
            return Ok(Self { name: name.to_lowercase(), spec, tensors });
        }
        let source = Source::resolve(Path::new(name))?;
        if matches!(&source.files, Files::Path(path) if !path.exists()) {
            let message = format!("{name} is neither a checkpoint nor the name of a model");
            let hint = "`throng help inspect` lists the names that need no file";
            return Err(Failure { message, hint }.into());
        }
        Ok(Self::of(&source.name, &source.open()?))
    }

    /// The same with its weights quantised as asked.
    ///
    /// # Errors
    /// They cannot be: they are already, or rows are no whole blocks.
    pub fn quantised(mut self, request: &QuantisationRequest) -> Result<Self> {
        let quantisation = request.resolve(&self.spec, &self.tensors)?;
        self.tensors = quantisation.apply(&self.spec, &self.tensors);
        Ok(self)
    }

    fn of(name: &str, checkpoint: &Checkpoint) -> Self {
        let tensors = throng_model::stored(checkpoint);
        Self { name: name.to_owned(), spec: checkpoint.spec().clone(), tensors }
    }
}
