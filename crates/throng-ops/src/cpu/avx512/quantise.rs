//! Rounding of activations to INT8: see the portable `quantise`, whose steps these are.

use std::arch::x86_64::*;

use super::vector::load_f32;
use crate::cpu::kernels::LANES;
use crate::cpu::panels::{BLOCK, HalfSums, Lane};
use crate::cpu::portable::{ROUND, padded_blocks};

/// See `QuantiseFn`.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
pub(super) fn quantise(
    x: &[f32],
    lane: Lane,
    integers: &mut [i8],
    scales: &mut [f32],
    sums: &mut [HalfSums],
) {
    let outs = lane.blocks::<_, BLOCK>(integers);
    let outs = outs.zip(lane.blocks(scales).zip(lane.blocks(sums)));
    for (x, (integers, ([scale], [sum]))) in padded_blocks(x, &mut [0.0; BLOCK]).zip(outs) {
        (*scale, *sum) = quantise_block(x, integers);
    }
}

/// Gives the scale and the sums of the integers.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn quantise_block(x: &[f32; BLOCK], integers: &mut [i8; BLOCK]) -> (f32, HalfSums) {
    let [a, b] = x.as_chunks::<LANES>().0 else { unreachable!("a block is two vectors") };
    let (a, b) = (load_f32(a), load_f32(b));
    // In this order, so that a NaN is passed over.
    let max = _mm512_max_ps(_mm512_abs_ps(a), _mm512_setzero_ps());
    let max = highest(_mm512_max_ps(_mm512_abs_ps(b), max));
    let inverse = _mm512_set1_ps(if max > 0.0 { 127.0 / max } else { 0.0 });
    let bytes = _mm256_set_m128i(round(b, inverse), round(a, inverse));
    // SAFETY: 32 bytes are there to be written.
    unsafe { _mm256_storeu_si256(integers.as_mut_ptr().cast(), bytes) };
    let sums = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), bytes);
    (max / 127.0, [total(_mm256_castsi256_si128(sums)), total(_mm256_extracti128_si256::<1>(sums))])
}

/// The integers nearest to a product.
#[inline]
#[target_feature(enable = "avx512f")]
fn round(x: __m512, factor: __m512) -> __m128i {
    let rounded = _mm512_add_ps(_mm512_mul_ps(x, factor), _mm512_set1_ps(ROUND));
    // They are in the low bits, where `ROUND` has none.
    _mm512_cvtepi32_epi8(_mm512_castps_si512(rounded))
}

/// The highest of all lanes, in as few steps as there are.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn highest(x: __m512) -> f32 {
    let x = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps::<1>(x));
    let x = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
    let x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)))
}

/// The sum of all lanes, which is at most 16 times 127.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn total(x: __m128i) -> i16 {
    let x = _mm_add_epi32(x, _mm_shuffle_epi32::<0b1110>(x));
    _mm_cvtsi128_si32(_mm_add_epi32(x, _mm_shuffle_epi32::<1>(x))) as i16
}

#[cfg(test)]
mod tests {
    use super::quantise;
    use crate::cpu::isa::Isa;
    use crate::cpu::panels::Lane;
    use crate::cpu::portable;

    #[test]
    fn integers_scales_and_sums_are_those_of_the_portable_loop() {
        if !Isa::Avx512.is_supported() {
            return;
        }
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, 1e-42, f32::MAX];
        for len in [1, 31, 32, 50, 576] {
            // Ordinary numbers, some whose inverse is infinite, and zeros.
            for size in [0.37, 1e-41, 0.0] {
                let x = (0..len).map(|i| ((i * 37 % 64) as f32 - 31.5) * size);
                let mut x: Vec<f32> = x.collect();
                compare(&x);
                for odd in odd {
                    x[len / 2] = odd;
                    compare(&x);
                }
            }
        }
    }

    fn compare(x: &[f32]) {
        let (lane, blocks) = (Lane { index: 1, vectors: 2 }, 2 * x.len().div_ceil(32));
        let empty = (vec![1i8; 32 * blocks], vec![1.0f32; blocks], vec![[1i16; 2]; blocks]);
        let [mut expected, mut got] = [empty.clone(), empty];
        let (integers, scales, sums) = &mut expected;
        portable::quantise(x, lane, integers, scales, sums);
        let (integers, scales, sums) = &mut got;
        // SAFETY: the machine has the instructions.
        unsafe { quantise(x, lane, integers, scales, sums) };
        let bits = |scales: &[f32]| -> Vec<u32> { scales.iter().map(|x| x.to_bits()).collect() };
        assert_eq!((&got.0, &got.2), (&expected.0, &expected.2), "{x:?}");
        assert_eq!(bits(&got.1), bits(&expected.1), "{x:?}");
    }
}
