//! A weight matrix as a checkpoint stores it, for packing.

use half::{bf16, f16};
use throng_spec::DType;

use crate::mxfp4;

/// A matrix `[groups, rows, cols]`, maybe in several parts, with its bias. The groups are the
/// experts of a mixture; a plain matrix is one group.
#[derive(Clone, Copy, Debug)]
pub struct MatrixSource<'a> {
    /// Matrices behind each other.
    pub groups: usize,
    /// Inputs.
    pub cols: usize,
    /// Parts to stack along the rows, each `[groups, its rows, cols]`.
    pub parts: &'a [MatrixPart<'a>],
    /// `[groups, rows]`, or nothing to add.
    pub bias: Option<&'a [f32]>,
}

/// Some rows of a matrix, as stored. See `throng_checkpoint::Tensor` for the bytes.
#[derive(Clone, Copy, Debug)]
pub struct MatrixPart<'a> {
    /// How the values are stored.
    pub dtype: DType,
    /// Rows of each group.
    pub rows: usize,
    /// The values, little-endian.
    pub data: &'a [u8],
    /// For MXFP4 the scales, otherwise empty.
    pub scales: &'a [u8],
}

/// The values of a stored vector or matrix, in f32.
pub fn decode(dtype: DType, data: &[u8], scales: &[u8]) -> Vec<f32> {
    let blocks = (data.len() + scales.len()) / dtype.block_bytes();
    let mut out = vec![0.0; blocks * dtype.block_len()];
    RowBytes { dtype, data, scales }.decode(&mut out);
    out
}

/// One row as stored.
pub(crate) struct RowBytes<'a> {
    pub dtype: DType,
    pub data: &'a [u8],
    pub scales: &'a [u8],
}

impl<'a> MatrixSource<'a> {
    /// Outputs of each group.
    pub fn rows(&self) -> usize {
        self.parts.iter().map(|part| part.rows).sum()
    }

    /// Bytes of the stored values.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.data.len() + part.scales.len()).sum()
    }

    /// The one dtype of all parts, if they agree.
    pub(crate) fn dtype(&self) -> Option<DType> {
        let first = self.parts.first()?.dtype;
        self.parts.iter().all(|part| part.dtype == first).then_some(first)
    }

    /// Panics unless the byte counts fit the shape: the checkpoint has checked them.
    pub(crate) fn check(&self) {
        for part in self.parts {
            let values = self.groups * part.rows * self.cols;
            let stored = part.data.len() + part.scales.len();
            assert_eq!(self.cols % part.dtype.block_len(), 0, "whole blocks in a row");
            assert_eq!(stored, part.dtype.bytes(values), "bytes of a matrix of {values} values");
        }
        if let Some(bias) = self.bias {
            assert_eq!(bias.len(), self.groups * self.rows(), "bias values");
        }
    }

    /// A row of a group as stored.
    pub(crate) fn row(&self, group: usize, mut row: usize) -> RowBytes<'a> {
        for part in self.parts {
            if row >= part.rows {
                row -= part.rows;
                continue;
            }
            let index = group * part.rows + row;
            let blocks = self.cols / part.dtype.block_len();
            let slice = |bytes: &'a [u8], len: usize| &bytes[index * len..][..len];
            return match part.dtype {
                DType::Mxfp4 => RowBytes {
                    dtype: part.dtype,
                    data: slice(part.data, blocks * mxfp4::BLOCK_BYTES),
                    scales: slice(part.scales, blocks),
                },
                dtype => {
                    RowBytes { dtype, data: slice(part.data, dtype.bytes(self.cols)), scales: &[] }
                }
            };
        }
        panic!("row {row} past the end of a matrix");
    }
}

impl RowBytes<'_> {
    /// The row's values.
    pub(crate) fn decode(&self, out: &mut [f32]) {
        match self.dtype {
            DType::F32 => {
                for (out, bytes) in out.iter_mut().zip(self.data.as_chunks().0) {
                    *out = f32::from_le_bytes(*bytes);
                }
            }
            DType::F16 => {
                for (out, bytes) in out.iter_mut().zip(self.data.as_chunks().0) {
                    *out = f16::from_le_bytes(*bytes).to_f32();
                }
            }
            DType::Bf16 => {
                for (out, bytes) in out.iter_mut().zip(self.data.as_chunks().0) {
                    *out = bf16::from_le_bytes(*bytes).to_f32();
                }
            }
            DType::Mxfp4 => {
                let blocks = self.data.chunks_exact(mxfp4::BLOCK_BYTES).zip(self.scales);
                for (out, (bytes, &scale)) in out.chunks_exact_mut(mxfp4::BLOCK).zip(blocks) {
                    mxfp4::decode(bytes, scale, out);
                }
            }
        }
    }
}
