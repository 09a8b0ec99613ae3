//! Weights kept as small integers in blocks of 32 columns that share a scale, or two halves of which
//! have one each: the formats, and how a tile of them lies in memory.
//!
//! Per tile of 16 rows and block, in lines of 64 bytes of which each row has 4:
//!
//! * 4-bit codes, four lines: byte j of a row in line i has the codes of columns 8i + j (low) and
//!   8i + 4 + j (high).
//! * A fifth bit of such codes, one line more: bit i of byte j of a row is that of column 4i + j.
//! * A fifth and a sixth bit, two lines more: bits 2(i mod 4) and above of byte j of a row in line
//!   i / 4 are those of column 4i + j.
//! * 8-bit integers, eight lines: byte j of a row in line i is column 4i + j.
//!
//! Beside them the 16 scales of each block, or of its halves in turn, and for some formats 16 offsets.
//! Where blocks share a factor of theirs, the 16 of these come first, and the blocks' own behind them.

mod formats;
mod put;
mod weights;

use half::f16;

pub(crate) use self::formats::{
    Codes, Format, IntegersFns, Mxfp4, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0, SHARE, Scale,
    for_formats,
};
pub(crate) use self::weights::Integers;
use super::kernels::LANES;
use super::panels::BLOCK;
use crate::mxfp4;

/// Bytes of a line: four of each row of a tile.
pub(crate) const LINE: usize = 4 * LANES;

/// A tile of such weights.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TileIntegers<'a> {
    /// The lines of all blocks.
    pub codes: &'a [u8],
    /// [`LANES`] scales a block, or a part of it.
    pub scales: &'a [u8],
    /// [`LANES`] offsets a block, or none.
    pub offsets: &'a [u8],
}

/// One block of a tile, as numbers.
pub(crate) struct Block {
    /// What multiplies the integers of each row, in the first and in the second half of the block.
    pub scales: [[f32; LANES]; 2],
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
            scales: [0, 1].map(|half| {
                std::array::from_fn(|lane| factor(format.scale, self.scales, (index, half), lane))
            }),
            offsets: std::array::from_fn(|lane| self.offset(format, index, lane)),
            integers: std::array::from_fn(|lane| integers(format, lines, lane)),
        })
    }

    /// One row.
    pub(crate) fn row(self, format: Format, lane: usize, out: &mut [f32]) {
        let lines = self.codes.chunks_exact(format.lines() * LINE);
        for ((index, lines), out) in lines.enumerate().zip(out.chunks_mut(BLOCK)) {
            let scales = [0, 1].map(|half| factor(format.scale, self.scales, (index, half), lane));
            let offset = self.offset(format, index, lane);
            let integers = integers(format, lines, lane);
            for (column, (out, integer)) in out.iter_mut().zip(integers).enumerate() {
                *out = f32::from(integer) * scales[2 * column / BLOCK] + offset;
            }
        }
    }

    fn offset(self, format: Format, block: usize, lane: usize) -> f32 {
        format.offset.map_or(0.0, |offset| factor(offset, self.offsets, (block, 0), lane))
    }
}

/// A lane's scale or offset in a half of a block.
fn factor(form: Scale, stored: &[u8], (block, half): (usize, usize), lane: usize) -> f32 {
    let index = block * LANES + lane;
    match form {
        Scale::HalfE8M0 => mxfp4::scale(stored[index]) * 0.5,
        Scale::F16 => f16_at(stored, index),
        Scale::Shared { parts } => {
            let bytes = SHARE * form.block_bytes();
            let (shared, each) = stored[block / SHARE * bytes..][..bytes].split_at(2 * LANES);
            let part = block % SHARE * parts + half * parts / 2;
            f32::from(each[part * LANES + lane] as i8) * f16_at(shared, lane)
        }
    }
}

fn f16_at(halves: &[u8], index: usize) -> f32 {
    f16::from_le_bytes(halves.as_chunks().0[index]).to_f32()
}

/// A row's integers in a tile's block.
fn integers(format: Format, lines: &[u8], lane: usize) -> [i8; BLOCK] {
    let byte = |line: usize, column: usize| lines[line * LINE + 4 * lane + column % 4];
    std::array::from_fn(|column| {
        let four = column / 4;
        let Some(table) = format.table else { return byte(four, column) as i8 };
        let low = byte(four / 2, column) >> (four % 2 * 4) & 15;
        let bits = format.high_bits;
        let high = match bits {
            0 => 0,
            _ => byte(4 + four * bits / 8, column) >> (four * bits % 8) & ((1 << bits) - 1),
        };
        table[usize::from(low)] + (high << 4) as i8
    })
}
