//! Element types of stored tensors.

/// How the numbers of a tensor are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// OCP microscaling FP4: blocks of 32 E2M1 values and one E8M0 scale (bias 127).
    /// Two values a byte, low nibble first.
    Mxfp4,
}

impl DType {
    /// Values that share one scale: the row length of a matrix is a multiple of it.
    pub const fn block_len(self) -> usize {
        match self {
            Self::Mxfp4 => 32,
            Self::F32 | Self::F16 | Self::Bf16 => 1,
        }
    }

    /// Bytes that one block occupies, its scale included.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::Mxfp4 => 17,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Bytes that `len` values occupy; `len` is a multiple of [`DType::block_len`].
    pub const fn bytes(self, len: usize) -> usize {
        len / self.block_len() * self.block_bytes()
    }

    /// The name used in tables and error messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Mxfp4 => "mxfp4",
        }
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
