//! Roles to the stored tensors that play them, checked: what is odd about a file ends here.

use std::ops::Range;

use safetensors::tensor::Dtype;
use throng_spec::{DType, Layout, Role};

use crate::archive::Entry;
use crate::error::CheckpointError;
use crate::names::{self, Form, Names};
use crate::weights::Weights;

/// Bytes of an MXFP4 block without its scale.
const NIBBLE_BYTES: usize = DType::Mxfp4.block_bytes() - 1;

/// A stored tensor, or a part of one, that makes up a role's tensor, alone or with others.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) dtype: DType,
    pub(crate) layout: Layout,
    /// Of its share in the role's tensor.
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Span,
    /// For MXFP4 alone.
    pub(crate) scales: Option<Span>,
}

/// A range within one of the archives.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) archive: usize,
    pub(crate) range: Range<usize>,
}

/// Finds tensors by an architecture's names.
pub(crate) struct Binder<'a> {
    weights: &'a Weights,
    names: &'static Names,
    prefix: &'static str,
}

impl<'a> Binder<'a> {
    /// With the prefix that the file's embedding has, or the usual one if there is no embedding.
    pub(crate) fn new(weights: &'a Weights, architecture: &str) -> Self {
        let names = Names::of(architecture);
        let has_embedding = |prefix: &&&str| match names.form(prefix, Role::Embedding) {
            (start, Form::Rows([name])) => weights.find(&format!("{start}{name}")).is_ok(),
            _ => false,
        };
        let prefix = names.prefixes.iter().find(has_embedding).unwrap_or(&names.prefixes[0]);
        Self { weights, names, prefix }
    }

    /// Finds the pieces of a role's tensor of the given shape and checks their dtypes and shapes.
    pub(crate) fn bind(&self, role: Role, shape: &[usize]) -> Result<Vec<Piece>, CheckpointError> {
        let (start, form) = self.names.form(self.prefix, role);
        match form {
            Form::Rows(names) => {
                let shape = share_of_rows(shape, names.len());
                let piece = |name: &&str| self.whole(format!("{start}{name}"), shape.clone());
                names.iter().map(piece).collect()
            }
            Form::Experts(names) => {
                let [experts, matrix @ ..] = shape else {
                    unreachable!("the first dimension of a tensor of experts counts them")
                };
                let shape = share_of_rows(matrix, names.len());
                let all = (0..*experts).flat_map(|expert| names.iter().map(move |n| (expert, n)));
                all.map(|(expert, name)| {
                    let name = names::of_expert(name, expert);
                    self.whole(format!("{start}{name}"), shape.clone())
                })
                .collect()
            }
            Form::Columns(name, share, of) => {
                Ok(vec![self.columns(format!("{start}{name}"), shape, (share, of))?])
            }
            Form::Mxfp4(name) => Ok(vec![self.mxfp4(&format!("{start}{name}"), shape)?]),
        }
    }

    /// A tensor of plain numbers, of this stored shape.
    fn plain(
        &self,
        name: String,
        shape: &[usize],
    ) -> Result<(DType, usize, Entry), CheckpointError> {
        let (archive, entry) = self.weights.find(&name)?;
        let file = &self.weights.archives[archive].file;
        let dtype = match entry.dtype {
            Dtype::F32 => DType::F32,
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::Bf16,
            _ => return Err(wrong_dtype(file, name, &entry, "BF16, F16 or F32")),
        };
        check_shape(file, &name, &entry, shape)?;
        Ok((dtype, archive, entry))
    }

    fn whole(&self, name: String, shape: Vec<usize>) -> Result<Piece, CheckpointError> {
        let (dtype, archive, entry) = self.plain(name, &shape)?;
        let data = Span { archive, range: entry.range };
        Ok(Piece { dtype, layout: Layout::Rows, shape, data, scales: None })
    }

    /// A share of a matrix that is stored by columns, or of a vector.
    fn columns(
        &self,
        name: String,
        shape: &[usize],
        (share, of): (usize, usize),
    ) -> Result<Piece, CheckpointError> {
        let (rows, inputs) = (shape[0], &shape[1..]);
        let pitch = rows * of;
        let (dtype, archive, entry) = self.plain(name, &[inputs, &[pitch]].concat())?;
        // From the first value of the share to its last.
        let values = inputs.first().map_or(rows, |cols| (cols - 1) * pitch + rows);
        let begin = entry.range.start + dtype.bytes(share * rows);
        let data = Span { archive, range: begin..begin + dtype.bytes(values) };
        let layout = if inputs.is_empty() { Layout::Rows } else { Layout::Columns { pitch } };
        Ok(Piece { dtype, layout, shape: shape.to_vec(), data, scales: None })
    }

    /// A matrix of experts, stored as nibbles and scales.
    fn mxfp4(&self, name: &str, shape: &[usize]) -> Result<Piece, CheckpointError> {
        let weights = self.weights;
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
        let scales = Some(part(names::SCALES, &scales_shape)?);
        let (dtype, layout) = (DType::Mxfp4, Layout::Rows);
        Ok(Piece { dtype, layout, shape: shape.to_vec(), data, scales })
    }
}

/// The shape of each of so many tensors whose rows make up one of the given shape.
fn share_of_rows(shape: &[usize], tensors: usize) -> Vec<usize> {
    let mut shape = shape.to_vec();
    if tensors > 1 {
        shape[0] /= tensors;
    }
    shape
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
