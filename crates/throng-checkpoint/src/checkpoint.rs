//! A model's files, opened and checked.

use std::collections::HashMap;
use std::path::Path;

use throng_spec::{ModelSpec, Role};

use crate::bind::{Binder, Piece, Span};
use crate::chat_template::ChatTemplate;
use crate::error::CheckpointError;
use crate::files::Files;
use crate::generation::Generation;
use crate::mmap::Bytes;
use crate::tensor::Tensor;
use crate::weights::Weights;

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

/// A model's files, opened and checked: every tensor of the spec is there with the right shape.
#[derive(Debug)]
pub struct Checkpoint {
    spec: ModelSpec,
    generation: Generation,
    chat_template: Option<ChatTemplate>,
    tokenizer: Bytes,
    weights: Weights,
    tensors: HashMap<Role, Vec<Piece>>,
}

impl Checkpoint {
    /// Opens a folder in the released layout. Weights are mapped into memory, not read: they must
    /// not change while the checkpoint is in use.
    ///
    /// # Errors
    /// A file is missing, truncated or corrupt, or says what cannot be.
    pub fn open(folder: &Path) -> Result<Self, CheckpointError> {
        Self::load(&Files::Folder(folder))
    }

    /// The same from files in memory, as pairs of name and content. What is opened is cloned: a
    /// reference to what the program embeds, or an `Arc`.
    ///
    /// # Errors
    /// As for [`Checkpoint::open`].
    pub fn embedded<T>(files: &[(&str, T)]) -> Result<Self, CheckpointError>
    where
        T: AsRef<[u8]> + Clone + Send + Sync + 'static,
    {
        Self::load(&Files::Memory(&|name| {
            let (_, content) = files.iter().find(|(other, _)| *other == name)?;
            Some(Bytes::Memory(Box::new(content.clone())))
        }))
    }

    fn load(files: &Files<'_>) -> Result<Self, CheckpointError> {
        files.check()?;
        let config = files.json(CONFIG)?.ok_or_else(|| files.missing(CONFIG))?;
        let spec = ModelSpec::from_config(&config)
            .map_err(|source| CheckpointError::Config { file: files.label(CONFIG), source })?;
        let generation = Generation::read(files, &config, spec.vocab)?;
        let chat_template = ChatTemplate::read(files)?;
        let tokenizer = files.read(TOKENIZER)?.ok_or_else(|| files.missing(TOKENIZER))?;
        let weights = Weights::open(files)?;
        let binder = Binder::new(&weights, spec.architecture);
        let tensors = spec
            .tensors()
            .into_iter()
            .map(|(role, shape)| Ok((role, binder.bind(role, &shape)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { spec, generation, chat_template, tokenizer, weights, tensors })
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

    fn piece<'a>(&'a self, piece: &'a Piece) -> Tensor<'a> {
        Tensor {
            dtype: piece.dtype,
            layout: piece.layout,
            shape: &piece.shape,
            data: self.bytes(&piece.data),
            scales: piece.scales.as_ref().map_or(&[], |span| self.bytes(span)),
        }
    }

    /// The content of `tokenizer.json`.
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
        self.weights.archives[span.archive].bytes(span.range.clone())
    }
}
