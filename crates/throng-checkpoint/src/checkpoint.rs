//! A model's files, opened and checked.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use safetensors::tensor::Dtype;
use throng_spec::{DType, ModelSpec, Role};

use crate::archive::Entry;
use crate::error::CheckpointError;
use crate::files::Files;
use crate::generation::Generation;
use crate::mmap::Bytes;
use crate::names;
use crate::tensor::Tensor;
use crate::weights::Weights;

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

/// Bytes of an MXFP4 block without its scale.
const NIBBLE_BYTES: usize = DType::Mxfp4.block_bytes() - 1;

/// A model's files, opened and checked: every tensor of the spec is there with the right shape.
#[derive(Debug)]
pub struct Checkpoint {
    spec: ModelSpec,
    generation: Generation,
    tokenizer: Bytes,
    weights: Weights,
    tensors: HashMap<Role, Stored>,
}

/// Where a role's tensor lies.
#[derive(Debug)]
struct Stored {
    dtype: DType,
    shape: Vec<usize>,
    data: Span,
    /// For MXFP4 alone.
    scales: Option<Span>,
}

/// A range within one of the archives.
#[derive(Debug)]
struct Span {
    archive: usize,
    range: Range<usize>,
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

    /// The same from files in memory, as pairs of name and content.
    ///
    /// # Errors
    /// As for [`Checkpoint::open`].
    pub fn embedded(files: &[(&str, &'static [u8])]) -> Result<Self, CheckpointError> {
        Self::load(&Files::Memory(files))
    }

    fn load(files: &Files<'_>) -> Result<Self, CheckpointError> {
        files.check()?;
        let config = files.json(CONFIG)?.ok_or_else(|| files.missing(CONFIG))?;
        let spec = ModelSpec::from_config(&config)
            .map_err(|source| CheckpointError::Config { file: files.label(CONFIG), source })?;
        let generation = Generation::read(files, &config, spec.vocab)?;
        let tokenizer = files.read(TOKENIZER)?.ok_or_else(|| files.missing(TOKENIZER))?;
        let weights = Weights::open(files)?;
        let tensors = spec
            .tensors()
            .into_iter()
            .map(|(role, shape)| Ok((role, bind(&weights, role, shape)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { spec, generation, tokenizer, weights, tensors })
    }

    /// The model's shape.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The tensor that plays a role of the spec.
    ///
    /// # Panics
    /// The role is none of [`ModelSpec::tensors`].
    pub fn tensor(&self, role: Role) -> Tensor<'_> {
        let stored = &self.tensors[&role];
        Tensor {
            dtype: stored.dtype,
            shape: &stored.shape,
            data: self.bytes(&stored.data),
            scales: stored.scales.as_ref().map_or(&[], |span| self.bytes(span)),
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

    fn bytes(&self, span: &Span) -> &[u8] {
        self.weights.archives[span.archive].bytes(span.range.clone())
    }
}

/// Finds a role's tensor and checks its dtype and shape.
fn bind(weights: &Weights, role: Role, shape: Vec<usize>) -> Result<Stored, CheckpointError> {
    let name = names::stored(role);
    if names::is_mxfp4(role) {
        return bind_mxfp4(weights, &name, shape);
    }
    let (archive, entry) = weights.find(&name)?;
    let file = &weights.archives[archive].file;
    let dtype = match entry.dtype {
        Dtype::F32 => DType::F32,
        Dtype::F16 => DType::F16,
        Dtype::BF16 => DType::Bf16,
        _ => return Err(wrong_dtype(file, name, &entry, "BF16, F16 or F32")),
    };
    check_shape(file, &name, &entry, &shape)?;
    let data = Span { archive, range: entry.range };
    Ok(Stored { dtype, shape, data, scales: None })
}

/// The same for a matrix of experts, stored as nibbles and scales.
fn bind_mxfp4(weights: &Weights, name: &str, shape: Vec<usize>) -> Result<Stored, CheckpointError> {
    if let (Err(_), Ok((archive, entry))) =
        (weights.find(&format!("{name}{}", names::BLOCKS)), weights.find(name))
    {
        return Err(CheckpointError::UnquantisedExperts {
            file: weights.archives[archive].file.clone(),
            tensor: name.to_owned(),
            found: format!("{:?}", entry.dtype),
        });
    }
    let (row, outer) = shape.split_last().expect("matrices of experts have three dimensions");
    let scales_shape = [outer, &[row / DType::Mxfp4.block_len()]].concat();
    let blocks_shape = [&scales_shape[..], &[NIBBLE_BYTES]].concat();
    let part = |suffix: &str, shape: &[usize]| {
        let name = format!("{name}{suffix}");
        let (archive, entry) = weights.find(&name)?;
        let file = &weights.archives[archive].file;
        if entry.dtype != Dtype::U8 {
            return Err(wrong_dtype(file, name, &entry, "U8"));
        }
        check_shape(file, &name, &entry, shape)?;
        Ok(Span { archive, range: entry.range })
    };
    let data = part(names::BLOCKS, &blocks_shape)?;
    let scales = part(names::SCALES, &scales_shape)?;
    Ok(Stored { dtype: DType::Mxfp4, shape, data, scales: Some(scales) })
}

fn wrong_dtype(
    file: &str,
    tensor: String,
    entry: &Entry,
    expected: &'static str,
) -> CheckpointError {
    let found = format!("{:?}", entry.dtype);
    CheckpointError::WrongDtype { file: file.to_owned(), tensor, found, expected }
}

fn check_shape(
    file: &str,
    tensor: &str,
    entry: &Entry,
    expected: &[usize],
) -> Result<(), CheckpointError> {
    if entry.shape == expected {
        return Ok(());
    }
    Err(CheckpointError::WrongShape {
        file: file.to_owned(),
        tensor: tensor.to_owned(),
        found: entry.shape.clone(),
        expected: expected.to_vec(),
    })
}
