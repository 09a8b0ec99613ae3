//! Element types of stored tensors.

/// How the numbers of a tensor are stored.
///
/// The types `q*` are ggml's, as GGUF files have them: blocks of small integers that share f16
/// scales, all of a block in one run of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 half precision.
    F16,
    /// The upper half of an f32.
    Bf16,
    /// OCP E4M3 ([`crate::e4m3`]), an 8-bit float, with scales in a tensor of their own whose form is a
    /// [`ScaleGrid`](crate::ScaleGrid).
    Fp8,
    /// OCP microscaling FP4: blocks of 32 E2M1 values and one E8M0 scale (bias 127). Stored in one
    /// of two forms. Released safetensors: nibbles and scales apart, byte i of a block has value 2i
    /// in its low half and 2i + 1 in its high half. GGUF: the scale, then 16 bytes, byte i has
    /// value i in its low half and i + 16 in its high half.
    Mxfp4,
    /// 4-bit integers from -8 and a scale.
    Q4_0,
    /// 4-bit integers from 0, a scale and an offset.
    Q4_1,
    /// 5-bit integers from -16 and a scale.
    Q5_0,
    /// 5-bit integers from 0, a scale and an offset.
    Q5_1,
    /// 8-bit integers and a scale. Stored in one of two forms. GGUF: the scale, then 32 integers.
    /// Safetensors: integers and scales apart.
    Q8_0,
    /// 4-bit integers; each 32 have a 6-bit scale and a 6-bit offset, themselves scaled.
    Q4K,
    /// 5-bit integers; each 32 have a 6-bit scale and a 6-bit offset, themselves scaled.
    Q5K,
    /// 6-bit integers from -32; each 16 have an 8-bit scale, itself scaled.
    Q6K,
}

impl DType {
    /// Every type.
    pub const ALL: [Self; 13] = [
        Self::F32,
        Self::F16,
        Self::Bf16,
        Self::Fp8,
        Self::Mxfp4,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Name, values a block, bytes a block.
    const fn facts(self) -> (&'static str, usize, usize) {
        match self {
            Self::F32 => ("f32", 1, 4),
            Self::F16 => ("f16", 1, 2),
            Self::Bf16 => ("bf16", 1, 2),
            Self::Fp8 => ("fp8", 1, 1),
            Self::Mxfp4 => ("mxfp4", 32, 17),
            Self::Q4_0 => ("q4_0", 32, 18),
            Self::Q4_1 => ("q4_1", 32, 20),
            Self::Q5_0 => ("q5_0", 32, 22),
            Self::Q5_1 => ("q5_1", 32, 24),
            Self::Q8_0 => ("q8_0", 32, 34),
            Self::Q4K => ("q4_k", 256, 144),
            Self::Q5K => ("q5_k", 256, 176),
            Self::Q6K => ("q6_k", 256, 210),
        }
    }

    /// Values of a block, which share a scale: the row length of a matrix is a multiple of it. 1 for
    /// types without blocks.
    pub const fn block_len(self) -> usize {
        self.facts().1
    }

    /// Bytes that one block occupies, its scales included.
    pub const fn block_bytes(self) -> usize {
        self.facts().2
    }

    /// Bytes of a block's scale where scales are stored apart from values; 0 for types that never
    /// are, and for those without blocks.
    pub const fn scale_bytes(self) -> usize {
        match self {
            Self::Mxfp4 => 1,
            Self::Q8_0 => 2,
            _ => 0,
        }
    }

    /// Whether values are small numbers that share scales.
    pub const fn is_quantised(self) -> bool {
        self.has_blocks() || matches!(self, Self::Fp8)
    }

    /// Whether so many values of a row share a scale. Kernels multiply by such weights as they are
    /// stored, so they are not quantised again; FP8 is widened to 16 bits and may be.
    pub const fn has_blocks(self) -> bool {
        self.block_len() > 1
    }

    /// Bytes that `len` values occupy; `len` is a multiple of [`DType::block_len`]. Those of FP8 have
    /// scales beside them, which are not counted.
    pub const fn bytes(self, len: usize) -> usize {
        len / self.block_len() * self.block_bytes()
    }

    /// The name used in tables and error messages.
    pub const fn name(self) -> &'static str {
        self.facts().0
    }
}

impl std::fmt::Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
