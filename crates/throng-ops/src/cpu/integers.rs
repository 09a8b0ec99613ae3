//! Weights kept as small integers in blocks of 32 columns that share a scale: the formats, and how a
//! tile of them lies in memory.
//!
//! Per tile of 16 rows and block, in lines of 64 bytes of which each row has 4:
//!
//! * 4-bit codes, four lines: byte j of a row in line i has the codes of columns 8i + j (low) and
//!   8i + 4 + j (high).
//! * 8-bit integers, eight lines: byte j of a row in line i is column 4i + j.
//!
//! Beside them the 16 scales of each block, and for some formats 16 offsets.

mod put;
mod weights;

use half::f16;
use throng_spec::DType;

pub(crate) use self::weights::Integers;
use super::kernels::LANES;
use super::panels::BLOCK;
use crate::mxfp4;

/// Bytes of a line: four of each row of a tile.
pub(crate) const LINE: usize = 4 * LANES;

/// How a format's scales are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// The exponent of a power of two, of which the half is meant: its integers are doubled.
    HalfE8M0,
    /// f16.
    F16,
}

/// A format: a weight is `scale · integer`, or `scale · integer + offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// The integers of 4-bit codes; without it integers have 8 bits and are what they are.
    pub table: Option<[i8; 16]>,
    /// What the scales are.
    pub scale: Scale,
    /// Whether there are offsets, in f16.
    pub offset: bool,
}

impl Format {
    /// Pairs of E2M1 values, doubled, so that they are integers.
    pub(crate) const MXFP4: Self =
        Self { table: Some(mxfp4::DOUBLED), scale: Scale::HalfE8M0, offset: false };
    /// ggml's `q4_0`.
    pub(crate) const Q4_0: Self = Self { table: Some(from(-8)), scale: Scale::F16, offset: false };
    /// ggml's `q4_1`.
    pub(crate) const Q4_1: Self = Self { table: Some(from(0)), scale: Scale::F16, offset: true };
    /// ggml's `q8_0`.
    pub(crate) const Q8_0: Self = Self { table: None, scale: Scale::F16, offset: false };

    /// The format that keeps a dtype without loss, if there is one.
    pub(crate) const fn of(dtype: DType) -> Option<Self> {
        match dtype {
            DType::Mxfp4 => Some(Self::MXFP4),
            DType::Q4_0 => Some(Self::Q4_0),
            DType::Q4_1 => Some(Self::Q4_1),
            DType::Q8_0 => Some(Self::Q8_0),
            _ => None,
        }
    }

    /// Lines of a tile's block.
    pub(crate) const fn lines(&self) -> usize {
        if self.table.is_some() { 4 } else { 8 }
    }

    /// Bytes of a tile's block: its lines, its scales and its offsets.
    pub(crate) const fn block_bytes(&self) -> [usize; 3] {
        let scale = match self.scale {
            Scale::HalfE8M0 => 1,
            Scale::F16 => 2,
        };
        let offset = if self.offset { 2 } else { 0 };
        [self.lines() * LINE, LANES * scale, LANES * offset]
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

    /// The integers of 4-bit codes with [`Format::shift`] added.
    pub(crate) const fn unsigned(&self) -> [u8; 16] {
        let mut unsigned = [0; 16];
        if let Some(table) = self.table {
            let mut code = 0;
            while code < 16 {
                unsigned[code] = (table[code] as i32 + self.shift()) as u8;
                code += 1;
            }
        }
        unsigned
    }
}

const fn from(first: i8) -> [i8; 16] {
    let mut table = [0; 16];
    let mut code = 0;
    while code < 16 {
        table[code] = first + code as i8;
        code += 1;
    }
    table
}

/// A format that a kernel is compiled for.
pub(crate) trait Codes {
    /// The format.
    const FORMAT: Format;
}

/// See [`Format::MXFP4`].
pub(crate) struct Mxfp4;

/// See [`Format::Q4_0`].
pub(crate) struct Q4_0;

/// See [`Format::Q4_1`].
pub(crate) struct Q4_1;

/// See [`Format::Q8_0`].
pub(crate) struct Q8_0;

impl Codes for Mxfp4 {
    const FORMAT: Format = Format::MXFP4;
}

impl Codes for Q4_0 {
    const FORMAT: Format = Format::Q4_0;
}

impl Codes for Q4_1 {
    const FORMAT: Format = Format::Q4_1;
}

impl Codes for Q8_0 {
    const FORMAT: Format = Format::Q8_0;
}

/// A tile of such weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileIntegers<'a> {
    /// The lines of all blocks.
    pub codes: &'a [u8],
    /// [`LANES`] scales a block.
    pub scales: &'a [u8],
    /// [`LANES`] offsets a block, or none.
    pub offsets: &'a [u8],
}

/// One block of a tile, as numbers.
pub(crate) struct Block {
    /// What multiplies the integers of each row.
    pub scales: [f32; LANES],
    /// What is added to them.
    pub offsets: [f32; LANES],
    /// The integers, row by row.
    pub integers: [[i8; BLOCK]; LANES],
}

impl TileIntegers<'_> {
    /// The blocks as numbers, one after the other.
    pub(crate) fn blocks(self, format: Format) -> impl Iterator<Item = Block> {
        let lines = self.codes.chunks_exact(format.lines() * LINE);
        lines.enumerate().map(move |(index, lines)| Block {
            scales: std::array::from_fn(|lane| self.scale(format, index, lane)),
            offsets: std::array::from_fn(|lane| self.offset(format, index, lane)),
            integers: std::array::from_fn(|lane| integers(format, lines, lane)),
        })
    }

    /// One row.
    pub(crate) fn row(self, format: Format, lane: usize, out: &mut [f32]) {
        let lines = self.codes.chunks_exact(format.lines() * LINE);
        for ((index, lines), out) in lines.enumerate().zip(out.chunks_mut(BLOCK)) {
            let scale = self.scale(format, index, lane);
            let offset = self.offset(format, index, lane);
            for (out, integer) in out.iter_mut().zip(integers(format, lines, lane)) {
                *out = f32::from(integer) * scale + offset;
            }
        }
    }

    fn scale(self, format: Format, block: usize, lane: usize) -> f32 {
        let index = block * LANES + lane;
        match format.scale {
            Scale::HalfE8M0 => mxfp4::scale(self.scales[index]) * 0.5,
            Scale::F16 => f16_at(self.scales, index),
        }
    }

    fn offset(self, format: Format, block: usize, lane: usize) -> f32 {
        if format.offset { f16_at(self.offsets, block * LANES + lane) } else { 0.0 }
    }
}

fn f16_at(halves: &[u8], index: usize) -> f32 {
    f16::from_le_bytes(halves.as_chunks().0[index]).to_f32()
}

/// A row's integers in a tile's block.
fn integers(format: Format, lines: &[u8], lane: usize) -> [i8; BLOCK] {
    std::array::from_fn(|column| match format.table {
        Some(table) => {
            let byte = lines[column / 8 * LINE + 4 * lane + column % 4];
            table[usize::from(byte >> (column % 8 / 4 * 4) & 15)]
        }
        None => lines[column / 4 * LINE + 4 * lane + column % 4] as i8,
    })
}
