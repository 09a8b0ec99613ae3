//! A model's files, opened and checked.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::Path;

use throng_spec::{ModelSpec, Role};

use crate::bind::{Binder, Piece, Span};
use crate::chat_template::ChatTemplate;
use crate::error::CheckpointError;
use crate::files::Files;
use crate::generation::Generation;
use crate::mmap::Bytes;
use crate::names::Names;
use crate::parts::Parts;
use crate::tensor::Tensor;
use crate::weights::Weights;
use crate::{gguf, released};

/// A model's files, opened and checked: every tensor of the spec is there with the right shape.
#[derive(Debug)]
pub struct Checkpoint {
    spec: ModelSpec,
    generation: Generation,
    chat_template: Option<ChatTemplate>,
    tokenizer: Bytes,
    pub(crate) weights: Weights,
    pub(crate) tensors: HashMap<Role, Vec<Piece>>,
    /// What the files call the tensors.
    pub(crate) names: &'static Names,
    /// What all names but the head's begin with.
    pub(crate) prefix: &'static str,
}

impl Checkpoint {
    /// Opens a GGUF file (the first, if the model is split), or a folder that either has one or is
    /// as models are released: `config.json`, `tokenizer.json` and safetensors. Weights are mapped
    /// into memory, not read: they must not change while the checkpoint is in use.
    ///
    /// # Errors
    /// A file is missing, truncated or corrupt, or says what cannot be.
    pub fn open(path: &Path) -> Result<Self, CheckpointError> {
        if !path.is_file() {
            return Self::load(&Files::Folder(path));
        }
        match (path.parent(), path.file_name().and_then(OsStr::to_str)) {
            (Some(folder), Some(name)) if name.ends_with(gguf::EXTENSION) => {
                Self::assemble(gguf::read(&Files::Folder(folder), name)?)
            }
            _ => Err(CheckpointError::NotAModel { path: path.display().to_string() }),
        }
    }

    /// The same from files in memory, as pairs of name and content.
    /// What is opened is cloned: a reference to what the program embeds, or an `Arc`.
    ///
    /// # Errors
    /// As for [`Checkpoint::open`].
    pub fn embedded<T>(files: &[(&str, T)]) -> Result<Self, CheckpointError>
    where
        T: AsRef<[u8]> + Clone + Send + Sync + 'static,
    {
        Self::load(&Files::Memory(&files))
    }

    fn load(files: &Files<'_>) -> Result<Self, CheckpointError> {
        files.check()?;
        if files.has(released::CONFIG) {
            return Self::assemble(released::read(files)?);
        }
        if files.has(gguf::NAME) {
            return Self::assemble(gguf::read(files, gguf::NAME)?);
        }
        let mut models = files.ending_in(gguf::EXTENSION)?;
        models.retain(|name| !gguf::is_continuation(name));
        match &models[..] {
            [] => Err(files.missing(released::CONFIG)),
            [name] => Self::assemble(gguf::read(files, name)?),
            _ => {
                let folder = files.label("");
                Err(CheckpointError::SeveralModels { folder, models: models.join(", ") })
            }
        }
    }

    fn assemble(parts: Parts) -> Result<Self, CheckpointError> {
        let Parts { spec, generation, chat_template, tokenizer, weights, names, scalings } = parts;
        let binder = Binder::new(&weights, &spec, names, &scalings);
        let tensors = spec
            .tensors()
            .into_iter()
            .map(|(role, shape)| Ok((role, binder.bind(role, &shape)?)))
            .collect::<Result<_, _>>()?;
        binder.check_all_used()?;
        let prefix = binder.prefix();
        Ok(Self { spec, generation, chat_template, tokenizer, weights, tensors, names, prefix })
    }

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The tensor that plays a role of the spec, where one tensor does.
    ///
    /// # Panics
    /// The role is none of [`ModelSpec::tensors`], or several pieces make it up.
    pub fn tensor(&self, role: Role) -> Tensor<'_> {
        let pieces = &self.tensors[&role];
        assert_eq!(pieces.len(), 1, "{role:?} is stored in pieces");
        self.piece(&pieces[0])
    }

    /// The stored tensors that make up the tensor of a role. Their rows (or values, for a vector)
    /// alternate: row 0 of each, then row 1 of each. A tensor of experts is either stored with all
    /// experts in each piece, or the pieces of the first expert come first, then the second's.
    ///
    /// # Panics
    /// The role is none of [`ModelSpec::tensors`].
    pub fn pieces(&self, role: Role) -> impl ExactSizeIterator<Item = Tensor<'_>> {
        self.tensors[&role].iter().map(|piece| self.piece(piece))
    }

    pub(crate) fn piece<'a>(&'a self, piece: &'a Piece) -> Tensor<'a> {
        Tensor {
            dtype: piece.dtype,
            layout: piece.layout,
            shape: &piece.shape,
            data: self.bytes(&piece.data),
            scales: piece.scales.as_ref().map_or(&[], |span| self.bytes(span)),
            grid: piece.grid,
        }
    }

    /// Says that a role's tensor was read and will not be again soon: the system may take back the
    /// memory that its mapped pages occupy.
    ///
    /// # Panics
    /// The role is none of [`ModelSpec::tensors`].
    pub fn release(&self, role: Role) {
        for piece in &self.tensors[&role] {
            for span in std::iter::once(&piece.data).chain(&piece.scales) {
                self.weights.archives[span.archive].bytes.release(span.range.clone());
            }
        }
    }

    /// The content of `tokenizer.json`, or what a GGUF file has in its place in that form.
    pub fn tokenizer_json(&self) -> &[u8] {
        &self.tokenizer
    }

    /// Sampling defaults.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// How conversations are written, where a file says so. Models of OpenAI's need none.
    pub fn chat_template(&self) -> Option<&ChatTemplate> {
        self.chat_template.as_ref()
    }

    fn bytes(&self, span: &Span) -> &[u8] {
        &self.weights.archives[span.archive].bytes[span.range.clone()]
    }
}
