//! Products of MXFP4 weights and bf16 vectors. E2M1 values times a power of two are bf16 numbers, so
//! weights become bf16 without loss.

use std::arch::x86_64::*;
use std::cell::RefCell;

use super::bf16::{PAIR, Weights, for_each_group};
use crate::cpu::aligned::Aligned;
use crate::cpu::integers::{LINE, TileIntegers};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, PANEL, Panels};

/// The E8M0 code of the largest scale that is taken as it is: 2^120. Larger ones are taken as that.
const LARGEST: u8 = 247;

/// The bf16 bits of each E2M1 code times the largest scale, twice, because the look-up takes five bits.
/// There is no negative zero, since 0 is what must not become less.
const VALUES: [u16; 32] = {
    // 0.5, 1, 1.5, 2, 3, 4, 6.
    const MAGNITUDES: [u16; 8] = [0, 0x3f00, 0x3f80, 0x3fc0, 0x4000, 0x4040, 0x4080, 0x40c0];
    let mut values = [0; 32];
    let mut code = 0;
    while code < 32 {
        let magnitude = MAGNITUDES[code % 8];
        if magnitude > 0 {
            let sign = if code % 16 < 8 { 0 } else { 0x8000 };
            values[code] = sign | magnitude + (LARGEST as u16 - 127 << 7);
        }
        code += 1;
    }
    values
};

/// Blocks that are unpacked at a time where all sums are in registers: of two tiles 16 KiB, which
/// stay in the first-level cache.
const CHUNK: usize = 8;

/// Values of an unpacked block.
const BLOCK_VALUES: usize = BLOCK * LANES;

thread_local! {
    /// Unpacked blocks of two tiles, kept from product to product.
    static UNPACKED: RefCell<Option<Aligned<u16>>> = const { RefCell::new(None) };
}

/// See `IntegersBf16Fn`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn multiply(weights: TileIntegers<'_>, x: Panels<'_, u16>, out: &mut [Products]) {
    let each = x.width() / BLOCK;
    UNPACKED.with_borrow_mut(|unpacked| {
        let len = PAIR * each * BLOCK_VALUES;
        let unpacked = match unpacked {
            Some(unpacked) if unpacked.len() >= len => unpacked,
            _ => unpacked.insert(Aligned::zeroed(len)),
        };
        let (first, second) = unpacked.split_at_mut(each * BLOCK_VALUES);
        let unpacked = [first, second].map(|tile| tile.as_chunks_mut().0.as_chunks_mut().0);
        let packed = Packed {
            blocks: weights.codes.as_chunks().0.as_chunks().0,
            scales: weights.scales.as_chunks().0,
            each,
        };
        packed.multiply(unpacked, x, out);
    });
}

/// Blocks of one tile or more.
struct Packed<'a> {
    blocks: &'a [[[u8; LINE]; 4]],
    scales: &'a [[u8; LANES]],
    /// Blocks of each tile.
    each: usize,
}

impl Packed<'_> {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn multiply(&self, unpacked: [&mut [Weights]; PAIR], x: Panels<'_, u16>, out: &mut [Products]) {
        let [first, second] = unpacked;
        let each = self.each;
        // With more than one group of panels, all blocks are unpacked before the first comes.
        let at_once = x.vectors() > PAIR * PANEL;
        let chunk = if at_once { each } else { CHUNK };
        for (pair, out) in out.chunks_mut(PAIR * x.vectors()).enumerate() {
            let two = out.len() > x.vectors();
            let tile = pair * PAIR * each;
            let unpack_from =
                |start: usize, count: usize, first: &mut [Weights], second: &mut [Weights]| {
                    self.unpack(tile + start, &mut first[..count]);
                    if two {
                        self.unpack(tile + each + start, &mut second[..count]);
                    }
                };
            if at_once {
                unpack_from(0, each, first, second);
            }
            for_each_group(x, out, &mut |group| {
                group.begin();
                for start in (0..each).step_by(chunk) {
                    let count = chunk.min(each - start);
                    if !at_once {
                        unpack_from(start, count, first, second);
                    }
                    group.add(start, &first[..count], &second[..count]);
                }
                group.end();
            });
        }
    }

    /// Unpacks blocks from one on.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn unpack(&self, start: usize, out: &mut [Weights]) {
        let blocks = self.blocks[start..].iter().zip(&self.scales[start..]);
        for ((block, scales), out) in blocks.zip(out) {
            prefetch(block);
            unpack(block, scales, out);
        }
    }
}

/// Has the block that is a chunk further brought from memory, while the products of this chunk are
/// made: those do not ask for weights, so the processor would not think of it.
#[inline]
#[target_feature(enable = "avx512f")]
fn prefetch(block: &[[u8; LINE]; 4]) {
    let ahead = block.as_ptr().wrapping_add(4 * CHUNK);
    for line in 0..4 {
        _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(line).cast());
    }
}

/// A block in bf16. Word w of line i holds the codes of four columns of row w / 2; shifted down by
/// 4 s, the low halves of all words are line 4 i + s of the block.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn unpack(lines: &[[u8; LINE]; 4], scales: &[u8; LANES], out: &mut Weights) {
    // SAFETY: 64 bytes are there to be read, and 16.
    let (values, scales) = unsafe {
        (_mm512_loadu_si512(VALUES.as_ptr().cast()), _mm_loadu_si128(scales.as_ptr().cast()))
    };
    // A smaller scale takes from the exponents: at most so much that 0.5 becomes zero, which the
    // processor makes of such small numbers anyhow.
    let less = _mm_subs_epu8(_mm_set1_epi8(LARGEST as i8), scales);
    let less = _mm_min_epu8(less, _mm_set1_epi8(LARGEST as i8 - 1));
    let less = _mm512_slli_epi32(_mm512_cvtepu8_epi32(less), 7);
    let less = _mm512_or_si512(less, _mm512_slli_epi32(less, 16));
    for (line, out) in lines.iter().zip(out.as_chunks_mut::<4>().0) {
        // SAFETY: 64 bytes are there to be read.
        let codes = unsafe { _mm512_loadu_si512(line.as_ptr().cast()) };
        let shifted = [
            codes,
            _mm512_srli_epi16(codes, 4),
            _mm512_srli_epi16(codes, 8),
            _mm512_srli_epi16(codes, 12),
        ];
        for (codes, out) in shifted.into_iter().zip(out) {
            let bits = _mm512_subs_epu16(_mm512_permutexvar_epi16(codes, values), less);
            // SAFETY: 64 bytes are there to be written.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), bits) };
        }
    }
}

#[cfg(test)]
mod tests {
    use half::bf16;

    use super::{LARGEST, VALUES};
    use crate::mxfp4;

    #[test]
    fn values_times_the_largest_scale() {
        let scale = mxfp4::scale(LARGEST);
        for (code, bits) in VALUES.iter().enumerate() {
            assert_eq!(bf16::from_bits(*bits).to_f32(), mxfp4::VALUES[code % 16] * scale);
        }
    }
}
