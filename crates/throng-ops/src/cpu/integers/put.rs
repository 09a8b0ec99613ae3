//! Stored rows of integers to their lanes of a tile.

use throng_spec::DType;

use super::{Format, LINE, SHARE, Scale};
use crate::blocks;
use crate::cpu::kernels::LANES;
use crate::matrix::RowBytes;

/// Where a row's weights go in a tile: all blocks' lines, scales and offsets.
pub(crate) struct TileMut<'a> {
    /// What is kept.
    pub format: Format,
    /// As in [`super::TileIntegers`].
    pub codes: &'a mut [u8],
    /// As in [`super::TileIntegers`].
    pub scales: &'a mut [u8],
    /// As in [`super::TileIntegers`].
    pub offsets: &'a mut [u8],
}

/// The codes of a block's 32 columns, four columns a word, a byte each.
type Words = [u32; 8];

/// The low four bits of each byte of a word.
const LOW: u32 = 0x0f0f_0f0f;

impl TileMut<'_> {
    /// Puts a stored row in a lane.
    pub(crate) fn put(&mut self, lane: usize, row: &RowBytes<'_>) {
        let data = row.data;
        match row.dtype {
            DType::Mxfp4 if row.scales.is_empty() => {
                self.put_blocks(lane, data, |[scale, codes @ ..]: &[u8; 17]| {
                    (nibbles(codes), [*scale], [])
                });
            }
            DType::Mxfp4 => {
                let blocks = data.as_chunks().0.iter().zip(row.scales);
                let blocks = blocks.map(|(codes, scale)| (released(codes), [*scale], []));
                self.put_all(lane, blocks);
            }
            DType::Q4_0 => self.put_blocks(lane, data, |[a, b, codes @ ..]: &[u8; 18]| {
                (nibbles(codes), [*a, *b], [])
            }),
            DType::Q4_1 => self.put_blocks(lane, data, |[a, b, c, d, codes @ ..]: &[u8; 20]| {
                (nibbles(codes), [*a, *b], [*c, *d])
            }),
            DType::Q5_0 => self.put_blocks(lane, data, |[a, b, rest @ ..]: &[u8; 22]| {
                (nibbles_and_fifths(rest), [*a, *b], [])
            }),
            DType::Q5_1 => self.put_blocks(lane, data, |[a, b, c, d, rest @ ..]: &[u8; 24]| {
                (nibbles_and_fifths(rest), [*a, *b], [*c, *d])
            }),
            DType::Q8_0 if !row.scales.is_empty() => {
                let blocks = data.as_chunks::<32>().0.iter().zip(row.scales.as_chunks::<2>().0);
                self.put_all(lane, blocks.map(|(integers, scale)| (words(integers), *scale, [])));
            }
            DType::Q8_0 => self.put_blocks(lane, data, |[a, b, integers @ ..]: &[u8; 34]| {
                (words(integers), [*a, *b], [])
            }),
            DType::Q4K => self.put_shares(lane, data, q4_k),
            DType::Q5K => self.put_shares(lane, data, q5_k),
            DType::Q6K => self.put_shares(lane, data, q6_k),
            other => unreachable!("{other} is not kept as integers"),
        }
    }

    fn put_blocks<const B: usize, const S: usize, const O: usize>(
        &mut self,
        lane: usize,
        data: &[u8],
        parts: impl Fn(&[u8; B]) -> (Words, [u8; S], [u8; O]),
    ) {
        self.put_all(lane, data.as_chunks().0.iter().map(parts));
    }

    /// Puts codes, a scale of `S` bytes and an offset of `O` bytes a block.
    fn put_all<const S: usize, const O: usize>(
        &mut self,
        lane: usize,
        blocks: impl Iterator<Item = (Words, [u8; S], [u8; O])>,
    ) {
        for (index, (words, scale, offset)) in blocks.enumerate() {
            self.put_words(index, lane, words);
            let at = index * LANES + lane;
            self.scales[at * S..][..S].copy_from_slice(&scale);
            self.offsets[at * O..][..O].copy_from_slice(&offset);
        }
    }

    /// Puts blocks of [`SHARE`] times 32 columns that share factors.
    fn put_shares<const B: usize>(
        &mut self,
        lane: usize,
        data: &[u8],
        parts: impl Fn(&[u8; B]) -> Share,
    ) {
        for (index, block) in data.as_chunks().0.iter().enumerate() {
            let Share { words, scales, offsets } = parts(block);
            for (part, words) in words.into_iter().enumerate() {
                self.put_words(index * SHARE + part, lane, words);
            }
            put_factors(self.format.scale, self.scales, index, lane, &scales);
            if let Some(form) = self.format.offset {
                put_factors(form, self.offsets, index, lane, &offsets);
            }
        }
    }

    /// Puts the codes of a block.
    fn put_words(&mut self, index: usize, lane: usize, words: Words) {
        let count = self.format.lines();
        let lines = self.codes[index * count * LINE..][..count * LINE].as_chunks_mut::<4>().0;
        let mut put = |line: usize, word: u32| lines[line * LANES + lane] = word.to_le_bytes();
        if self.format.table.is_none() {
            words.into_iter().enumerate().for_each(|(line, word)| put(line, word));
            return;
        }
        for (line, [first, second]) in words.as_chunks().0.iter().enumerate() {
            put(line, first & LOW | (second & LOW) << 4);
        }
        let bits = self.format.high_bits;
        if bits == 0 {
            return;
        }
        let mut planes = [0; 2];
        for (i, word) in words.into_iter().enumerate() {
            planes[i * bits / 8] |= (word >> 4 & LOW) << (i * bits % 8);
        }
        for (line, plane) in planes.into_iter().enumerate().take(bits) {
            put(4 + line, plane);
        }
    }
}

/// Writes the f16 that some blocks share, and the integers of each, of a lane.
fn put_factors(form: Scale, out: &mut [u8], index: usize, lane: usize, factors: &Factors) {
    let bytes = SHARE * form.block_bytes();
    let (shared, each) = out[index * bytes..][..bytes].split_at_mut(2 * LANES);
    shared[2 * lane..][..2].copy_from_slice(&factors.shared);
    for (out, integer) in each.chunks_exact_mut(LANES).zip(factors.each) {
        out[lane] = integer;
    }
}

/// What [`Scale::Shared`] keeps of [`SHARE`] blocks of a row.
#[derive(Default)]
struct Factors {
    shared: [u8; 2],
    each: [u8; 2 * SHARE],
}

/// A stored block of 256 columns.
struct Share {
    words: [Words; SHARE],
    scales: Factors,
    offsets: Factors,
}

/// Bytes as words.
fn words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let words = bytes.as_chunks().0;
    std::array::from_fn(|i| u32::from_le_bytes(words[i]))
}

/// The order of released checkpoints: byte i has value 2i low and 2i + 1 high.
fn released(codes: &[u8; 16]) -> Words {
    let halves = codes.as_chunks().0;
    std::array::from_fn(|i| {
        let nibbles = u32::from(u16::from_le_bytes(halves[i]));
        let pairs = (nibbles | nibbles << 8) & 0x00ff_00ff;
        (pairs | pairs << 4) & LOW
    })
}

/// ggml's order: byte i has value i low and i + 16 high.
fn nibbles(codes: &[u8]) -> Words {
    let codes: [u32; 4] = words(codes);
    std::array::from_fn(|i| codes[i % 4] >> (i / 4 * 4) & LOW)
}

/// Four bytes with the fifth bits of the values from the first on, then their nibbles.
fn nibbles_and_fifths(bytes: &[u8]) -> Words {
    let [fifths] = words(&bytes[..4]);
    let low = nibbles(&bytes[4..]);
    std::array::from_fn(|i| {
        let bits = fifths >> (4 * i) & 15;
        // Bit k to bit 8k, all four by one multiplication: no two of its terms meet.
        low[i] | ((bits * 0x0020_4081) & 0x0101_0101) << 4
    })
}

/// See [`crate::blocks::q4_k`].
fn q4_k(block: &[u8; 144]) -> Share {
    let codes = std::array::from_fn(|part| {
        let words: Words = words(&block[16 + part / 2 * 32..][..32]);
        words.map(|word| word >> (part % 2 * 4) & LOW)
    });
    with_offsets(codes, block)
}

/// See [`crate::blocks::q5_k`].
fn q5_k(block: &[u8; 176]) -> Share {
    let fifths: Words = words(&block[16..48]);
    let codes = std::array::from_fn(|part| {
        let low: Words = words(&block[48 + part / 2 * 32..][..32]);
        std::array::from_fn(|i| {
            low[i] >> (part % 2 * 4) & LOW | (fifths[i] >> part & 0x0101_0101) << 4
        })
    });
    with_offsets(codes, block)
}

/// See [`crate::blocks::q6_k`].
fn q6_k(block: &[u8; 210]) -> Share {
    let codes = std::array::from_fn(|part| {
        // Each half of the parts has 64 bytes of low bits and 32 of high ones.
        let (half, part) = (part / 4, part % 4);
        let low: Words = words(&block[half * 64 + part % 2 * 32..][..32]);
        let high: Words = words(&block[128 + half * 32..][..32]);
        std::array::from_fn(|i| {
            low[i] >> (part / 2 * 4) & LOW | (high[i] >> (part * 2) & 0x0303_0303) << 4
        })
    });
    let [.., a, b] = *block;
    let each = std::array::from_fn(|part| block[192 + part]);
    Share { words: codes, scales: Factors { shared: [a, b], each }, offsets: Factors::default() }
}

/// Codes with the factors that `q4_k` and `q5_k` have. What these subtract is added here.
fn with_offsets(words: [Words; SHARE], block: &[u8]) -> Share {
    let mut scales = Factors { shared: [block[0], block[1]], ..Factors::default() };
    let mut offsets = Factors { shared: [block[2], block[3] ^ 0x80], ..Factors::default() };
    for part in 0..SHARE {
        (scales.each[part], offsets.each[part]) = blocks::sixes(block, part);
    }
    Share { words, scales, offsets }
}
