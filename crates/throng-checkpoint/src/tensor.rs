//! The bytes of one tensor.

use throng_spec::{DType, Layout};

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
    /// last, with those of other shares in between. For [`DType::Mxfp4`] with its scales apart the
    /// nibbles: 16 bytes a block.
    pub data: &'a [u8],
    /// For [`DType::Mxfp4`] in the form of released safetensors one E8M0 scale a block. Otherwise
    /// empty: in GGUF's form, the scales of MXFP4 are among the data.
    pub scales: &'a [u8],
}
