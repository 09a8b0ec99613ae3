//! The bytes of one tensor.

use throng_spec::{DType, Layout, ScaleGrid};

/// A tensor as it is stored, borrowed from its file. Shape and byte counts have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// How its values are stored.
    pub dtype: DType,
    /// In which order, for a matrix.
    pub layout: Layout,
    /// Values along each dimension, outermost first.
    pub shape: &'a [usize],
    /// The values, little-endian; of a share of a matrix's columns, from the first value to the
    /// last, with those of other shares in between. Of blocks with their scales apart what is not
    /// scales.
    pub data: &'a [u8],
    /// For [`DType::Mxfp4`] and [`DType::Q8_0`] in safetensors the scale of each block, E8M0 or f16; for
    /// [`DType::Fp8`] as `grid` says, all finite. Otherwise empty: in GGUF files the scales are among
    /// the data.
    pub scales: &'a [u8],
    /// How the scales of [`DType::Fp8`] lie, and only those. Such a tensor is a matrix `[rows, cols]`.
    pub grid: Option<ScaleGrid>,
}

impl Tensor<'_> {
    /// Bytes of scales that the dtype does not count: those of FP8.
    pub fn scale_bytes(&self) -> usize {
        self.grid.map_or(0, |_| self.scales.len())
    }
}
