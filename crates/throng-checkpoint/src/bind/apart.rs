//! Matrices in blocks whose scales are a tensor of their own, as safetensors have them. Names are
//! those of compressed-tensors (<https://github.com/vllm-project/compressed-tensors>): beside
//! `….weight_scale` lie INT8 in `….weight`, or the nibbles of MXFP4 in `….weight_packed`.

use std::ops::Range;

use throng_spec::{DType, Layout};

use super::{Binder, Piece, Span, check_shape, wrong_dtype};
use crate::archive::Kind;
use crate::error::CheckpointError;
use crate::names::{Format, PACKED, SCALE};

/// What the name of a tensor with a matrix's values may end in, after the matrix's own.
pub(super) fn ends_of_values() -> impl Iterator<Item = &'static str> {
    ["", PACKED].into_iter()
}

impl Binder<'_> {
    /// The matrix of this name and shape, if there is a tensor of scales for it. What types
    /// its values may be of is for messages.
    pub(super) fn apart(
        &self,
        name: &str,
        shape: &[usize],
        types: &'static str,
    ) -> Result<Option<Piece>, CheckpointError> {
        let (scales, packed) = (format!("{name}{SCALE}"), format!("{name}{PACKED}"));
        let is_alone = shape.len() < 2 || self.weights.find(&scales).is_err();
        if self.names.format != Format::Released || is_alone {
            return Ok(None);
        }
        if self.weights.find(&packed).is_ok() {
            let nibbles = |blocks: &[usize]| match blocks {
                [outer @ .., blocks] => [outer, &[blocks * nibble_bytes()]].concat(),
                [] => Vec::new(),
            };
            return self.mxfp4_as(&packed, &scales, shape, nibbles).map(Some);
        }
        let blocks = self.blocks_of(&scales, shape, DType::Q8_0)?;
        let data = self.span(name, &Kind::Integers, types, shape)?;
        let scale_kind = Kind::Numbers(DType::F16);
        let scales = Some(self.span(&scales, &scale_kind, "f16", &blocks)?);
        let (dtype, layout) = (DType::Q8_0, Layout::Rows);
        Ok(Some(Piece { dtype, layout, shape: shape.to_vec(), data, scales, grid: None }))
    }

    /// A matrix of experts, stored as nibbles `[.., rows, blocks, 16]` and scales.
    pub(super) fn mxfp4(
        &self,
        blocks: &str,
        scales: &str,
        shape: &[usize],
    ) -> Result<Piece, CheckpointError> {
        self.mxfp4_as(blocks, scales, shape, |blocks| [blocks, &[nibble_bytes()]].concat())
    }

    /// The same where the nibbles' shape is made so of the scales'.
    fn mxfp4_as(
        &self,
        nibbles: &str,
        scales: &str,
        shape: &[usize],
        nibbles_shape: impl Fn(&[usize]) -> Vec<usize>,
    ) -> Result<Piece, CheckpointError> {
        let (dtype, layout) = (DType::Mxfp4, Layout::Rows);
        let blocks = self.blocks_of(scales, shape, dtype)?;
        let data = self.span(nibbles, &Kind::Bytes, "u8", &nibbles_shape(&blocks))?;
        let scales = Some(self.span(scales, &Kind::Bytes, "u8", &blocks)?);
        Ok(Piece { dtype, layout, shape: shape.to_vec(), data, scales, grid: None })
    }

    /// The shape of a matrix counted in blocks, which is that of its scales.
    fn blocks_of(
        &self,
        scales: &str,
        shape: &[usize],
        dtype: DType,
    ) -> Result<Vec<usize>, CheckpointError> {
        let (&found, outer) = shape.split_last().expect("matrices have dimensions");
        let block = dtype.block_len();
        if !found.is_multiple_of(block) {
            let (_, archive, _) = self.find(scales)?;
            let (file, tensor) = (archive.file.clone(), scales.to_owned());
            return Err(CheckpointError::PartialBlock { file, tensor, found, block });
        }
        Ok([outer, &[found / block]].concat())
    }

    /// Where the tensor of this name lies, of what it must be.
    fn span(
        &self,
        name: &str,
        kind: &Kind,
        expected: &'static str,
        shape: &[usize],
    ) -> Result<Span, CheckpointError> {
        let (index, archive, entry) = self.find(name)?;
        if entry.kind != *kind {
            return Err(wrong_dtype(archive, name, entry, expected));
        }
        check_shape(archive, name, entry, shape)?;
        Ok(Span { archive: index, range: entry.range.clone() })
    }
}

/// Bytes of an MXFP4 block without its scale.
const fn nibble_bytes() -> usize {
    DType::Mxfp4.block_bytes() - DType::Mxfp4.scale_bytes()
}

impl Piece {
    /// Some rows of a matrix `[rows, cols]` that lies row after row.
    pub(super) fn rows(mut self, rows: Range<usize>) -> Self {
        let all = self.shape[0];
        let cut = |span: &mut Span| {
            let row = span.range.len() / all;
            let start = span.range.start;
            span.range = start + rows.start * row..start + rows.end * row;
        };
        cut(&mut self.data);
        self.scales.as_mut().map(cut);
        self.shape[0] = rows.len();
        self
    }
}
