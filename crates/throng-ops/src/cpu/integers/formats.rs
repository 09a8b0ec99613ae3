//! The formats of small integers: what their codes, scales and offsets are.

use throng_spec::DType;

use super::LINE;
use crate::cpu::kernels::{IntegersFn, LANES};
use crate::cpu::panels::BLOCK;
use crate::mxfp4;

/// Blocks that share the f16 of [`Scale::Shared`], 256 columns.
pub(crate) const SHARE: usize = 8;

/// How a format's scales or offsets are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// The exponent of a power of two, of which the half is meant: its integers are doubled.
    HalfE8M0,
    /// f16.
    F16,
    /// An 8-bit integer for each of so many equal parts of a block, times an f16 that [`SHARE`]
    /// blocks share. Their product is an exact f32.
    Shared { parts: usize },
}

impl Scale {
    /// Bytes of a tile's block. Of what blocks share each counts its part.
    pub(crate) const fn block_bytes(self) -> usize {
        LANES
            * match self {
                Self::HalfE8M0 => 1,
                Self::F16 => 2,
                Self::Shared { parts } => return LANES * parts + 2 * LANES / SHARE,
            }
    }

    /// Parts of a block that have one each.
    pub(crate) const fn parts(self) -> usize {
        match self {
            Self::HalfE8M0 | Self::F16 => 1,
            Self::Shared { parts } => parts,
        }
    }
}

/// A format: a weight is `scale · integer`, or `scale · integer + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// What the low four bits of a code say; without it integers have 8 bits and are what they are.
    pub table: Option<[i8; 16]>,
    /// Further bits of a code, which count 16 and 32. With some, the table has neighbours.
    pub high_bits: usize,
    /// What the scales are.
    pub scale: Scale,
    /// What the offsets are, if there are some; one a block.
    pub offset: Option<Scale>,
}

impl Format {
    /// Codes of so many bits, at least 4, that count from `first`.
    const fn counting(bits: usize, first: i8, scale: Scale) -> Self {
        let mut table = [0; 16];
        let mut code = 0;
        while code < 16 {
            table[code] = first + code as i8;
            code += 1;
        }
        Self { table: Some(table), high_bits: bits - 4, scale, offset: None }
    }

    /// The same with offsets of the scales' form.
    const fn with_offset(self) -> Self {
        Self { offset: Some(self.scale), ..self }
    }

    /// Bits of a code.
    pub(crate) const fn bits(&self) -> usize {
        if self.table.is_some() { 4 + self.high_bits } else { 8 }
    }

    /// Lines of a tile's block: one for each bit, as a block of 16 rows has 512 codes.
    pub(crate) const fn lines(&self) -> usize {
        self.bits()
    }

    /// Bytes of a tile's block: its lines, its scales and its offsets.
    pub(crate) const fn block_bytes(&self) -> [usize; 3] {
        let offset = match self.offset {
            Some(offset) => offset.block_bytes(),
            None => 0,
        };
        [self.lines() * LINE, self.scale.block_bytes(), offset]
    }

    /// Bytes of so many values of whole tiles, or `None` if that overflows.
    pub(crate) fn bytes(&self, values: usize) -> Option<usize> {
        (values / (LANES * BLOCK)).checked_mul(self.block_bytes().iter().sum())
    }

    /// What makes all integers unsigned when added: some instructions take them so.
    pub(crate) const fn shift(&self) -> i32 {
        let Some(table) = self.table else { return 128 };
        let (mut least, mut code) = (0, 0);
        while code < 16 {
            if table[code] < least {
                least = table[code];
            }
            code += 1;
        }
        -(least as i32)
    }

    /// The table with a number added, as bytes; nothing where codes stand for themselves then.
    pub(crate) const fn table_plus(&self, number: i32) -> Option<[u8; 16]> {
        let Some(table) = self.table else { return None };
        let (mut bytes, mut is_needed, mut code) = ([0; 16], false, 0);
        while code < 16 {
            bytes[code] = (table[code] as i32 + number) as u8;
            is_needed |= bytes[code] as usize != code;
            code += 1;
        }
        if is_needed { Some(bytes) } else { None }
    }
}

/// A format that a kernel is compiled for.
pub(crate) trait Codes {
    /// The format.
    const FORMAT: Format;
}

/// Defines a type for each format, named like the dtype that it keeps, and what goes by dtype.
macro_rules! formats {
    ($($(#[$doc:meta])* $dtype:ident: $format:expr,)*) => {
        $($(#[$doc])*
        pub(crate) struct $dtype;

        impl Codes for $dtype {
            const FORMAT: Format = $format;
        })*

        impl Format {
            /// The format that keeps a dtype without loss, if there is one.
            pub(crate) const fn of(dtype: DType) -> Option<Self> {
                match dtype {
                    $(DType::$dtype => Some($dtype::FORMAT),)*
                    _ => None,
                }
            }
        }

        /// A kernel for each format.
        #[derive(Clone, Copy)]
        #[allow(non_snake_case, reason = "fields are named like dtypes")]
        pub(crate) struct IntegersFns {
            $(pub $dtype: IntegersFn,)*
        }

        impl IntegersFns {
            /// The kernel for the format of a dtype.
            pub(crate) fn of(&self, dtype: DType) -> IntegersFn {
                match dtype {
                    $(DType::$dtype => self.$dtype,)*
                    other => unreachable!("{other} is not kept as integers"),
                }
            }
        }
    };
}

formats! {
    /// Pairs of E2M1 values, doubled, so that they are integers.
    Mxfp4: Format {
        table: Some(mxfp4::DOUBLED),
        high_bits: 0,
        scale: Scale::HalfE8M0,
        offset: None,
    },
    /// ggml's `q4_0`.
    Q4_0: Format::counting(4, -8, Scale::F16),
    /// ggml's `q4_1`.
    Q4_1: Format::counting(4, 0, Scale::F16).with_offset(),
    /// ggml's `q5_0`.
    Q5_0: Format::counting(5, -16, Scale::F16),
    /// ggml's `q5_1`.
    Q5_1: Format::counting(5, 0, Scale::F16).with_offset(),
    /// ggml's `q8_0`.
    Q8_0: Format { table: None, high_bits: 0, scale: Scale::F16, offset: None },
    /// ggml's `q4_K`.
    Q4K: Format::counting(4, 0, Scale::Shared { parts: 1 }).with_offset(),
    /// ggml's `q5_K`.
    Q5K: Format::counting(5, 0, Scale::Shared { parts: 1 }).with_offset(),
    /// ggml's `q6_K`.
    Q6K: Format::counting(6, -32, Scale::Shared { parts: 2 }),
}

/// A generic kernel compiled for each format.
macro_rules! for_formats {
    ($($kernel:ident)::+) => {
        $crate::cpu::integers::for_formats!(
            @ ($($kernel)::+) Mxfp4 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4K Q5K Q6K
        )
    };
    (@ $kernel:tt $($dtype:ident)*) => {
        $crate::cpu::integers::IntegersFns {
            $($dtype: $crate::cpu::integers::for_formats!(@@ $kernel $dtype),)*
        }
    };
    (@@ ($($kernel:ident)::+) $dtype:ident) => {
        $($kernel)::+::<$crate::cpu::integers::$dtype>
    };
}

pub(crate) use for_formats;
