//! Stored rows of integers to their lanes of a tile.

use throng_spec::DType;

use crate::cpu::kernels::LANES;
use crate::matrix::RowBytes;

/// Where a row's weights go in a tile: all blocks' lines, scales and offsets, and its lane.
pub(crate) struct TileMut<'a> {
    /// As in [`super::TileIntegers`].
    pub codes: &'a mut [u8],
    /// As in [`super::TileIntegers`].
    pub scales: &'a mut [u8],
    /// As in [`super::TileIntegers`].
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
