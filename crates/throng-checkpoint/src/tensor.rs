//! The bytes of one tensor.

use throng_spec::DType;

/// A tensor as it is stored, borrowed from its file. Shape and byte counts have been checked.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// How its values are stored.
    pub dtype: DType,
    /// Values along each dimension, outermost first.
    pub shape: &'a [usize],
    /// The values, little-endian. For [`DType::Mxfp4`] the nibbles: 16 bytes a block.
    pub data: &'a [u8],
    /// For [`DType::Mxfp4`] one E8M0 scale a block, otherwise empty.
    pub scales: &'a [u8],
}
