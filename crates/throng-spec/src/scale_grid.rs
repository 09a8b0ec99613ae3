//! Scales that are a tensor of their own, each for a rectangle of a matrix: what weights in FP8 are
//! multiplied with.

use half::{bf16, f16};

use crate::dtype::DType;
use crate::e4m3;

/// How the scales of a matrix `[rows, cols]` of [`DType::Fp8`] lie: as a matrix themselves, row after
/// row, with one for each rectangle of values. A rectangle at the end of a row or of a column may be
/// cut short. A value is its code's times its scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ScaleGrid {
    /// How a scale is stored: f32, bf16 or f16.
    pub dtype: DType,
    /// Rows of a rectangle; at least 1.
    pub rows: usize,
    /// Columns of a rectangle; at least 1.
    pub cols: usize,
}

impl ScaleGrid {
    /// Scales from top to bottom and from left to right of a matrix of this shape.
    pub const fn shape(&self, [rows, cols]: [usize; 2]) -> [usize; 2] {
        [rows.div_ceil(self.rows), cols.div_ceil(self.cols)]
    }

    /// Bytes of the scales of a matrix of this shape.
    pub const fn bytes(&self, matrix: [usize; 2]) -> usize {
        let [down, across] = self.shape(matrix);
        self.dtype.bytes(down * across)
    }

    /// Those of the scales of a matrix of `cols` columns that are a row's.
    ///
    /// # Panics
    /// The matrix has no such row.
    pub fn of_row<'a>(&self, scales: &'a [u8], row: usize, cols: usize) -> &'a [u8] {
        let line = self.dtype.bytes(cols.div_ceil(self.cols));
        &scales[row / self.rows * line..][..line]
    }

    /// Scales as numbers.
    ///
    /// # Panics
    /// They are stored neither as f32 nor as bf16 nor as f16.
    pub fn numbers<'a>(&self, scales: &'a [u8]) -> impl Iterator<Item = f32> + use<'a> {
        let dtype = self.dtype;
        scales.chunks_exact(dtype.block_bytes()).map(move |bytes| match (dtype, bytes) {
            (DType::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (DType::Bf16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
            (DType::F16, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
            (other, _) => unreachable!("no scale is stored as {other}"),
        })
    }

    /// The values of a row, from its codes and its scales.
    pub fn decode(&self, codes: &[u8], scales: &[u8], out: &mut [f32]) {
        let rectangles = codes.chunks(self.cols).zip(out.chunks_mut(self.cols));
        for ((codes, out), scale) in rectangles.zip(self.numbers(scales)) {
            for (&code, out) in codes.iter().zip(out) {
                *out = e4m3::to_f32(code) * scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use super::ScaleGrid;
    use crate::dtype::DType;

    /// Scales 1, 2, 4 and so on.
    fn powers(dtype: DType, count: usize) -> Vec<u8> {
        let power = |i: usize| (1u32 << i) as f32;
        let bytes = |x: f32| match dtype {
            DType::F32 => x.to_le_bytes().to_vec(),
            DType::Bf16 => bf16::from_f32(x).to_le_bytes().to_vec(),
            _ => f16::from_f32(x).to_le_bytes().to_vec(),
        };
        (0..count).flat_map(|i| bytes(power(i))).collect()
    }

    #[test]
    fn a_scale_is_that_of_its_rectangle() {
        // The code of 1.
        let (one, matrix) = (0x38, [5, 7]);
        for dtype in [DType::F32, DType::Bf16, DType::F16] {
            for (rows, cols, shape) in
                [(5, 7, [1, 1]), (1, 7, [5, 1]), (2, 3, [3, 3]), (1, 4, [5, 2]), (9, 9, [1, 1])]
            {
                let grid = ScaleGrid { dtype, rows, cols };
                assert_eq!(grid.shape(matrix), shape);
                let scales = powers(dtype, shape[0] * shape[1]);
                assert_eq!(grid.bytes(matrix), scales.len());
                for row in 0..matrix[0] {
                    let mut out = [0.0; 7];
                    grid.decode(&[one; 7], grid.of_row(&scales, row, 7), &mut out);
                    for (col, value) in out.into_iter().enumerate() {
                        let index = row / rows * shape[1] + col / cols;
                        assert_eq!(value, (1u32 << index) as f32, "{grid:?}: {row}, {col}");
                    }
                }
            }
        }
    }
}
