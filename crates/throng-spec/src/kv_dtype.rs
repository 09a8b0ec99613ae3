//! Element types of the KV cache.

/// How keys and values are kept in the KV cache.
///
/// What is kept of a token depends on that token alone. So a scale is that of one key or value of one
/// head: one of a whole block would change what is kept of earlier tokens with each that joins them,
/// and then an answer would depend on how its prompt was cut into steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KvDtype {
    /// IEEE 754 single precision.
    F32,
    /// The upper half of an f32.
    Bf16,
    /// E4M3 of the OCP 8-bit Floating Point Specification (2023): four bits of exponent, three of
    /// mantissa, up to 448. There are no scales, so it takes exactly half of bf16.
    Fp8,
    /// Integers from -127 to 127 and, for each key and each value of a head, a scale in bf16: its
    /// largest magnitude / 127.
    Int8,
}

impl KvDtype {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::F32, Self::Bf16, Self::Fp8, Self::Int8];

    /// The name used on the command line and in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Fp8 => "fp8",
            Self::Int8 => "int8",
        }
    }

    /// Bytes of one key or value of a head with so many dimensions, its scale included.
    pub const fn head_bytes(self, dim: usize) -> usize {
        match self {
            Self::F32 => 4 * dim,
            Self::Bf16 => 2 * dim,
            Self::Fp8 => dim,
            Self::Int8 => dim + 2,
        }
    }
}

impl std::fmt::Display for KvDtype {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
