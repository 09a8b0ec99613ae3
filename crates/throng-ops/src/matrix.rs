//! A weight matrix as a checkpoint stores it, for packing.

use half::{bf16, f16};
use throng_spec::{DType, Layout, ScaleGrid};

use crate::{blocks, mxfp4};

/// A matrix `[groups, rows, cols]`, maybe in several parts, with its bias. The groups are the
/// experts of a mixture; a plain matrix is one group.
#[derive(Clone, Copy, Debug)]
pub struct MatrixSource<'a> {
    /// Matrices behind each other.
    pub groups: usize,
    /// Inputs.
    pub cols: usize,
    /// Each `[its groups, its rows, cols]`. All have either all groups or one; if one, the parts of
    /// the first group come first.
    pub parts: &'a [MatrixPart<'a>],
    /// How a group's rows are made of those of its parts.
    pub order: RowOrder,
    /// `[groups, rows]`, or nothing to add.
    pub bias: Option<&'a [f32]>,
    /// What the values are quantised to, row by row, before anything is made of them; nothing keeps
    /// them as stored. See [`throng_spec::quantise`].
    pub quantise: Option<DType>,
}

/// How a matrix's rows are made of those of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// Part after part.
    Stacked,
    /// Row 0 of each part, then row 1 of each, and so on; the parts have equally many.
    Interleaved,
}

/// Some rows of a matrix, as stored. See `throng_checkpoint::Tensor` for the bytes.
#[derive(Clone, Copy, Debug)]
pub struct MatrixPart<'a> {
    /// How the values are stored.
    pub dtype: DType,
    /// In which order; by columns only for one group and dtypes without blocks.
    pub layout: Layout,
    /// Groups that it has rows of: all of the matrix's, or one.
    pub groups: usize,
    /// Rows of each group.
    pub rows: usize,
    /// The values, little-endian.
    pub data: &'a [u8],
    /// The scales of FP8, group after group, and of the forms of MXFP4 and Q8_0 that have them apart.
    /// Otherwise empty, for both in GGUF's form too.
    pub scales: &'a [u8],
    /// How the scales of FP8 lie, and only those.
    pub grid: Option<ScaleGrid>,
}

/// The values of a stored vector, in f32. It lies as a matrix of one column would.
///
/// # Panics
/// It is in FP8, which only matrices are.
pub fn decode(dtype: DType, layout: Layout, data: &[u8], scales: &[u8]) -> Vec<f32> {
    let blocks = (data.len() + scales.len()) / dtype.block_bytes();
    let mut stored = vec![0.0; blocks * dtype.block_len()];
    RowBytes { dtype, data, scales, grid: None, stride: 1 }.decode(&mut stored);
    (0..stored.len()).map(|row| stored[layout.stored_row(row)]).collect()
}

/// One row as stored.
pub(crate) struct RowBytes<'a> {
    pub dtype: DType,
    /// From the row's first value to its last.
    pub data: &'a [u8],
    /// Empty but for FP8, and MXFP4 and Q8_0 with their scales apart.
    pub scales: &'a [u8],
    /// How the scales of FP8 lie.
    pub grid: Option<ScaleGrid>,
    /// Values from one of the row to the next; 1 for dtypes with blocks.
    pub stride: usize,
}

impl<'a> MatrixSource<'a> {
    /// Outputs of each group.
    pub fn rows(&self) -> usize {
        self.parts_of(0).0.iter().map(|part| part.rows).sum()
    }

    /// How the values of each part are, once they are quantised.
    pub(crate) fn dtypes(&self) -> impl Iterator<Item = DType> + Clone {
        self.parts.iter().map(|part| self.quantise.unwrap_or(part.dtype))
    }

    /// Bytes of the stored values.
    pub fn bytes(&self) -> usize {
        let bytes = |part: &MatrixPart<'_>| {
            let scales = part.grid.map_or(0, |_| part.scales.len());
            part.dtype.bytes(part.groups * part.rows * self.cols) + scales
        };
        self.parts.iter().map(bytes).sum()
    }

    /// The parts that have a group's rows, and which of their groups it is.
    fn parts_of(&self, group: usize) -> (&'a [MatrixPart<'a>], usize) {
        let each = self.parts.first().map_or(1, |part| part.groups);
        let runs = self.groups / each;
        let count = self.parts.len() / runs;
        (&self.parts[group / each * count..][..count], group % each)
    }

    /// Panics unless the byte counts fit the shape: the checkpoint has checked them.
    pub(crate) fn check(&self) {
        let each = self.parts.first().map_or(1, |part| part.groups);
        assert!(each == 1 || each == self.groups, "groups of a part");
        assert!(self.parts.len().is_multiple_of(self.groups / each), "parts of a group");
        for part in self.parts {
            let (rows, values) = (part.rows, part.groups * part.rows * self.cols);
            let in_grid =
                part.grid.map_or(0, |grid| part.groups * grid.bytes([part.rows, self.cols]));
            assert_eq!(part.dtype == DType::Fp8, part.grid.is_some(), "FP8 has scales in a grid");
            let stored = part.data.len() + part.scales.len() - in_grid;
            let expected = match part.layout {
                Layout::Rows => part.dtype.bytes(values),
                Layout::Pairs { head } => {
                    assert!(head.is_multiple_of(2) && rows.is_multiple_of(head), "whole heads");
                    part.dtype.bytes(values)
                }
                Layout::Columns { pitch } => {
                    assert!(part.groups == 1 && part.dtype.block_len() == 1 && rows <= pitch);
                    part.dtype.bytes((self.cols - 1) * pitch + rows)
                }
            };
            assert_eq!(part.groups, each, "groups of a part");
            assert_eq!(self.cols % part.dtype.block_len(), 0, "whole blocks in a row");
            assert_eq!(stored, expected, "bytes of a matrix of {values} values");
            let (scales, blocks) = (part.scales.len(), values / part.dtype.block_len());
            let apart = blocks * part.dtype.scale_bytes() + in_grid;
            assert!(scales == in_grid || scales == apart, "a scale for each block");
            let again = part.dtype.has_blocks() && self.quantise.is_some();
            assert!(!again, "quantised weights are not quantised again");
        }
        let block = self.quantise.map_or(1, DType::block_len);
        assert!(self.cols.is_multiple_of(block), "whole blocks in a row to be quantised");
        for group in 0..self.groups {
            let (parts, _) = self.parts_of(group);
            let rows = parts.iter().map(|part| part.rows);
            assert_eq!(rows.clone().sum::<usize>(), self.rows(), "rows of a group");
            let alike = rows.clone().all(|count| count == parts[0].rows);
            assert!(self.order == RowOrder::Stacked || alike, "rows to interleave");
        }
        if let Some(bias) = self.bias {
            assert_eq!(bias.len(), self.groups * self.rows(), "bias values");
        }
    }

    /// A row of a group as stored.
    pub(crate) fn row(&self, group: usize, mut row: usize) -> RowBytes<'a> {
        let (parts, group) = self.parts_of(group);
        if self.order == RowOrder::Interleaved {
            return parts[row % parts.len()].row(group, row / parts.len(), self.cols);
        }
        for part in parts {
            if row < part.rows {
                return part.row(group, row, self.cols);
            }
            row -= part.rows;
        }
        panic!("row {row} past the end of a matrix");
    }
}

impl<'a> MatrixPart<'a> {
    fn row(&self, group: usize, row: usize, cols: usize) -> RowBytes<'a> {
        let Self { dtype, data, scales, grid, .. } = *self;
        let index = group * self.rows + self.layout.stored_row(row);
        let slice = |bytes: &'a [u8], len: usize| &bytes[index * len..][..len];
        match self.layout {
            Layout::Columns { pitch } => {
                let values = (cols - 1) * pitch + 1;
                let data = &data[dtype.bytes(row)..][..dtype.bytes(values)];
                RowBytes { dtype, data, scales, grid, stride: pitch }
            }
            _ if let Some(form) = grid => {
                let bytes = form.bytes([self.rows, cols]);
                let scales = &scales[group * bytes..][..bytes];
                let scales = form.of_row(scales, index - group * self.rows, cols);
                RowBytes { dtype, data: slice(data, cols), scales, grid, stride: 1 }
            }
            _ if !scales.is_empty() => {
                let (blocks, scale) = (cols / dtype.block_len(), dtype.scale_bytes());
                let data = slice(data, blocks * (dtype.block_bytes() - scale));
                let scales = slice(scales, blocks * scale);
                RowBytes { dtype, data, scales, grid, stride: 1 }
            }
            _ => RowBytes { dtype, data: slice(data, dtype.bytes(cols)), scales, grid, stride: 1 },
        }
    }
}

impl<'a> RowBytes<'a> {
    /// The row's values, `N` bytes each.
    pub(crate) fn words<const N: usize>(&self) -> impl Iterator<Item = &'a [u8; N]> {
        self.data.as_chunks::<N>().0.iter().step_by(self.stride)
    }

    /// The blocks of an MXFP4 row, in the order of released checkpoints, each with its scale.
    pub(crate) fn mxfp4(&self) -> impl Iterator<Item = ([u8; mxfp4::BLOCK_BYTES], u8)> {
        let apart = self.data.as_chunks().0.iter().copied().zip(self.scales.iter().copied());
        let together = if self.scales.is_empty() { self.data } else { &[] };
        apart.chain(together.as_chunks().0.iter().map(mxfp4::from_gguf))
    }

    /// The row's values.
    pub(crate) fn decode(&self, out: &mut [f32]) {
        match self.dtype {
            DType::F32 => {
                for (out, bytes) in out.iter_mut().zip(self.words()) {
                    *out = f32::from_le_bytes(*bytes);
                }
            }
            DType::F16 => {
                for (out, bytes) in out.iter_mut().zip(self.words()) {
                    *out = f16::from_le_bytes(*bytes).to_f32();
                }
            }
            DType::Bf16 => {
                for (out, bytes) in out.iter_mut().zip(self.words()) {
                    *out = bf16::from_le_bytes(*bytes).to_f32();
                }
            }
            DType::Fp8 => {
                let grid = self.grid.expect("a matrix in FP8 was checked to have a grid of scales");
                grid.decode(self.data, self.scales, out);
            }
            DType::Mxfp4 => {
                for (out, (bytes, scale)) in out.chunks_exact_mut(mxfp4::BLOCK).zip(self.mxfp4()) {
                    mxfp4::decode(&bytes, scale, out);
                }
            }
            DType::Q4_0 => blocks::decode(self.data, out, blocks::q4_0),
            DType::Q4_1 => blocks::decode(self.data, out, blocks::q4_1),
            DType::Q5_0 => blocks::decode(self.data, out, blocks::q5_0),
            DType::Q5_1 => blocks::decode(self.data, out, blocks::q5_1),
            DType::Q8_0 if !self.scales.is_empty() => {
                let blocks = self.data.as_chunks().0.iter().zip(self.scales.as_chunks().0);
                for (out, (integers, scale)) in out.as_chunks_mut().0.iter_mut().zip(blocks) {
                    blocks::q8_0_apart(integers, *scale, out);
                }
            }
            DType::Q8_0 => blocks::decode(self.data, out, blocks::q8_0),
            DType::Q4K => blocks::decode(self.data, out, blocks::q4_k),
            DType::Q5K => blocks::decode(self.data, out, blocks::q5_k),
            DType::Q6K => blocks::decode(self.data, out, blocks::q6_k),
        }
    }
}
