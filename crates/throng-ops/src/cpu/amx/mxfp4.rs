//! Products of MXFP4 weights and bf16 vectors. E2M1 values times a power of two are bf16 numbers, so
//! weights become bf16 without loss.

use std::arch::x86_64::*;
use std::cell::RefCell;

use super::bf16::{Group, PAIR, Weights, for_each_group};
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
            values[code] = sign | (magnitude + ((LARGEST as u16 - 127) << 7));
        }
        code += 1;
    }
    values
};

/// Blocks that are unpacked before the first is multiplied, where all sums are in registers: far
/// enough for the stores to be done, near enough to stay in the first-level cache.
const LEAD: usize = 4;

/// Blocks that weights are asked for from memory before they are unpacked: while the products of
/// others are made the processor would not think of it.
const AHEAD: usize = 16;

/// Values of an unpacked block.
const BLOCK_VALUES: usize = BLOCK * LANES;

thread_local! {
    /// Unpacked blocks of two tiles, kept from product to product.
    static UNPACKED: RefCell<Aligned<u16>> = RefCell::default();
}

/// See `IntegersBf16Fn`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(super) fn multiply(weights: TileIntegers<'_>, x: Panels<'_, u16>, out: &mut [Products]) {
    let each = x.width() / BLOCK;
    UNPACKED.with_borrow_mut(|unpacked| {
        let room = each.max(2 * LEAD);
        unpacked.grow(PAIR * room * BLOCK_VALUES);
        let (first, second) = unpacked.split_at_mut(room * BLOCK_VALUES);
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
        for (pair, out) in out.chunks_mut(PAIR * x.vectors()).enumerate() {
            let two = out.len() > x.vectors();
            let tile = pair * PAIR * each;
            if at_once {
                for block in 0..each {
                    self.unpack(tile + block, &mut first[block]);
                    if two {
                        self.unpack(tile + each + block, &mut second[block]);
                    }
                }
            }
            for_each_group(x, out, &mut |group| {
                group.begin();
                if at_once {
                    group.add(0, &first[..each], &second[..each]);
                } else {
                    self.unpack_and_add(tile, two, group, first, second);
                }
                group.end();
            });
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn unpack_and_add(
        &self,
        tile: usize,
        two: bool,
        group: &Group<'_>,
        first: &mut [Weights],
        second: &mut [Weights],
    ) {
        for step in 0..self.each + LEAD {
            let place = step % (2 * LEAD);
            if step < self.each {
                self.unpack(tile + step, &mut first[place]);
                if two {
                    self.unpack(tile + self.each + step, &mut second[place]);
                }
            }
            if let Some(block) = step.checked_sub(LEAD) {
                let place = block % (2 * LEAD);
                group.add(block, &first[place..place + 1], &second[place..place + 1]);
            }
        }
    }

    /// Unpacks a block.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    fn unpack(&self, block: usize, out: &mut Weights) {
        let lines = &self.blocks[block];
        let ahead = lines.as_ptr().wrapping_add(lines.len() * AHEAD);
        for line in 0..lines.len() {
            _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(line).cast());
        }
        unpack(lines, &self.scales[block], out);
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
