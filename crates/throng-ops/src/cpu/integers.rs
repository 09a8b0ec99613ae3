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

use half::f16;
use throng_spec::DType;

use super::kernels::LANES;
use super::panels::BLOCK;
use crate::matrix::RowBytes;
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

/// Where a row's weights go in a tile: all blocks' lines, scales and offsets, and its lane.
pub(crate) struct TileMut<'a> {
    /// As in [`TileIntegers`].
    pub codes: &'a mut [u8],
    /// As in [`TileIntegers`].
    pub scales: &'a mut [u8],
    /// As in [`TileIntegers`].
    pub offsets: &'a mut [u8],
}

impl TileMut<'_> {
    /// Puts a stored row in a lane.
    pub(crate) fn put(&mut self, lane: usize, row: &RowBytes<'_>) {
        match row.dtype {
            DType::Mxfp4 if row.scales.is_empty() => {
                self.put_blocks(lane, row.data, |[scale, codes @ ..]: &[u8; 17]| {
                    (lines_from_ggml(codes), [*scale], [])
                });
            }
            DType::Mxfp4 => {
                let blocks = row.data.as_chunks().0.iter().zip(row.scales);
                let blocks =
                    blocks.map(|(codes, scale)| (lines_from_released(codes), [*scale], []));
                self.put_all(lane, blocks);
            }
            DType::Q4_0 => self.put_blocks(lane, row.data, |[a, b, codes @ ..]: &[u8; 18]| {
                (lines_from_ggml(codes), [*a, *b], [])
            }),
            DType::Q4_1 => {
                self.put_blocks(lane, row.data, |[a, b, c, d, codes @ ..]: &[u8; 20]| {
                    (lines_from_ggml(codes), [*a, *b], [*c, *d])
                })
            }
            DType::Q8_0 => self.put_blocks(lane, row.data, |[a, b, integers @ ..]: &[u8; 34]| {
                let words = integers.as_chunks::<4>().0;
                (std::array::from_fn::<_, 8, _>(|i| words[i]), [*a, *b], [])
            }),
            other => unreachable!("{other} is not kept as integers"),
        }
    }

    fn put_blocks<const B: usize, const L: usize, const S: usize, const O: usize>(
        &mut self,
        lane: usize,
        data: &[u8],
        parts: impl Fn(&[u8; B]) -> ([[u8; 4]; L], [u8; S], [u8; O]),
    ) {
        self.put_all(lane, data.as_chunks().0.iter().map(parts));
    }

    /// Puts `L` lines' words, a scale of `S` bytes and an offset of `O` bytes a block.
    fn put_all<const L: usize, const S: usize, const O: usize>(
        &mut self,
        lane: usize,
        blocks: impl Iterator<Item = ([[u8; 4]; L], [u8; S], [u8; O])>,
    ) {
        let lines = self.codes.as_chunks_mut::<4>().0.chunks_exact_mut(L * LANES);
        for ((index, (words, scale, offset)), lines) in blocks.enumerate().zip(lines) {
            for (i, word) in words.into_iter().enumerate() {
                lines[i * LANES + lane] = word;
            }
            let at = index * LANES + lane;
            self.scales[at * S..][..S].copy_from_slice(&scale);
            self.offsets[at * O..][..O].copy_from_slice(&offset);
        }
    }
}

/// A row's words in the lines of a block, from the order of released checkpoints: byte i has
/// value 2i low and 2i + 1 high.
fn lines_from_released(codes: &[u8; 16]) -> [[u8; 4]; 4] {
    let words = codes.as_chunks::<4>().0;
    std::array::from_fn(|i| {
        let word = u32::from_le_bytes(words[i]);
        (spread(word & 0xffff) | spread(word >> 16) << 4).to_le_bytes()
    })
}

/// Four nibbles to the low halves of four bytes.
fn spread(nibbles: u32) -> u32 {
    let pairs = (nibbles | nibbles << 8) & 0x00ff_00ff;
    (pairs | pairs << 4) & 0x0f0f_0f0f
}

/// The same from ggml's order: byte i has value i low and i + 16 high.
fn lines_from_ggml(codes: &[u8; 16]) -> [[u8; 4]; 4] {
    let words = codes.as_chunks::<4>().0;
    std::array::from_fn(|i| {
        let [first, second] = [0, 1].map(|k| u32::from_le_bytes(words[i % 2 * 2 + k]));
        let low = 0x0f0f_0f0f;
        let word = match i {
            0 | 1 => first & low | (second & low) << 4,
            _ => first >> 4 & low | second & !low,
        };
        word.to_le_bytes()
    })
}
