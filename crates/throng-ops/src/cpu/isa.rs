//! Instruction sets that the kernels are written for, and what the machine has of them.

/// An instruction set. Each is a level: it contains those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// Whatever the compiler's baseline is.
    Scalar,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
    /// The same with bf16 dot products.
    Avx512Bf16,
    /// The same with AMX: products of whole tiles, of INT8 and of bf16.
    Avx512Amx,
}

/// More threads than any machine of today has cores.
pub(crate) const MAX_THREADS: usize = 1024;

/// What the CPU backend cannot do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CpuError {
    /// The machine lacks the instruction set.
    #[error("this machine has no {0}; the best it has is {best}", best = Isa::detect())]
    Unsupported(Isa),
    /// No threads, or more than make sense.
    #[error("{0} threads; between 1 and {MAX_THREADS} can be had")]
    Threads(usize),
    /// The system did not start the threads.
    #[error("cannot start {threads} threads: {reason}")]
    Spawn {
        /// Threads asked for.
        threads: usize,
        /// Why not.
        reason: std::io::ErrorKind,
    },
}

impl Isa {
    /// All of them, the simplest first.
    pub const ALL: [Self; 5] =
        [Self::Scalar, Self::Avx2, Self::Avx512, Self::Avx512Bf16, Self::Avx512Amx];

    /// Whether this machine has it.
    #[cfg(target_arch = "x86_64")]
    pub fn is_supported(self) -> bool {
        match self {
            Self::Scalar => true,
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            Self::Avx512 => {
                Self::Avx2.is_supported()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            Self::Avx512Bf16 => {
                Self::Avx512.is_supported() && is_x86_feature_detected!("avx512bf16")
            }
            Self::Avx512Amx => Self::Avx512Bf16.is_supported() && super::amx::is_usable(),
        }
    }

    /// Whether this machine has it.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn is_supported(self) -> bool {
        self == Self::Scalar
    }

    /// The best that this machine has.
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_supported()).unwrap_or(Self::Scalar)
    }

    /// The name used on the command line and in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Avx512Amx => "avx512-amx",
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
