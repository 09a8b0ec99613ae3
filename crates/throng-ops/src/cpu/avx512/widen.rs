//! Keys and values in 8 bits to bf16, 32 at a time.

use std::arch::x86_64::*;

use super::vector::{load_f32, load_table};
use crate::cpu::attention::{block_scales, widen_int8};
use crate::cpu::kernels::LANES;
use crate::e4m3::BF16_SMALL;

/// Values of a vector of bf16.
const ROW: usize = 32;

/// See `WidenFn`.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn fp8(block: &[u8], out: &mut [u16]) {
    let mut small = [0; ROW];
    small[..8].copy_from_slice(&BF16_SMALL);
    // SAFETY: 64 bytes are there to be read.
    let small = unsafe { _mm512_loadu_si512(small.as_ptr().cast()) };
    let [exponent, bias] = [_mm512_set1_epi16(0x78), _mm512_set1_epi16(120 << 7)];
    let [magnitude, nan] = [_mm512_set1_epi16(0x7f0), _mm512_set1_epi16(0x7fc0)];
    let sign = _mm512_set1_epi16(i16::MIN);
    for (codes, out) in block.as_chunks::<ROW>().0.iter().zip(out.as_chunks_mut::<ROW>().0) {
        // SAFETY: 32 bytes are there to be read.
        let codes = unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) };
        let codes = _mm512_cvtepi8_epi16(codes);
        let magnitudes = _mm512_and_si512(_mm512_slli_epi16(codes, 4), magnitude);
        let values = _mm512_add_epi16(magnitudes, bias);
        // Of an index, five bits count, two of which are of the exponent and so zero.
        let is_small = _mm512_testn_epi16_mask(codes, exponent);
        let values = _mm512_mask_permutexvar_epi16(values, is_small, codes, small);
        let is_nan = _mm512_cmpeq_epi16_mask(magnitudes, magnitude);
        let values = _mm512_mask_mov_epi16(values, is_nan, nan);
        // values | (codes & sign)
        store(_mm512_ternarylogic_epi32::<0xf8>(values, codes, sign), out);
    }
}

/// See `WidenFn`.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn int8(block: &[u8], out: &mut [u16]) {
    widen_int8(block, out);
}

/// See `WidenFn`.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) fn int8_bf16(block: &[u8], out: &mut [u16]) {
    let (half, row) = (out.len() / 2, out.len() / LANES);
    if !row.is_multiple_of(ROW) {
        return widen_int8(block, out);
    }
    let scales = block_scales(&block[2 * half..]);
    let (keys, values) = out.split_at_mut(half);
    widen(&block[..half], &scales.keys, keys);
    let rows = block[half..2 * half].chunks_exact(row).zip(values.chunks_exact_mut(row));
    for ((integers, out), scales) in rows.zip(&scales.values) {
        widen(integers, scales, out);
    }
}

/// Integers in rows that have the same scales.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn widen(integers: &[u8], scales: &[f32; ROW], out: &mut [u16]) {
    let scales = scales.as_chunks().0;
    let [low_scales, high_scales] = [load_f32(&scales[0]), load_f32(&scales[1])];
    for (integers, out) in integers.as_chunks::<ROW>().0.iter().zip(out.as_chunks_mut().0) {
        let integers = integers.as_chunks().0;
        let low = _mm512_mul_ps(to_f32(&integers[0]), low_scales);
        let high = _mm512_mul_ps(to_f32(&integers[1]), high_scales);
        // SAFETY: both are 64 bytes of which every pattern is valid.
        store(
            unsafe { std::mem::transmute::<__m512bh, __m512i>(_mm512_cvtne2ps_pbh(high, low)) },
            out,
        );
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn to_f32(integers: &[u8; LANES]) -> __m512 {
    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_table(integers)))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(values: __m512i, out: &mut [u16; ROW]) {
    // SAFETY: 64 bytes are there to be written.
    unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), values) }
}

#[cfg(test)]
mod tests {
    use super::{fp8, int8_bf16};
    use crate::cpu::attention::{widen_fp8, widen_int8};
    use crate::cpu::isa::Isa;

    /// Dimensions of a head: rows of values that fill vectors, and that do not.
    const DIMS: [usize; 3] = [64, 16, 10];

    #[test]
    fn every_code_becomes_what_the_portable_loop_makes_of_it() {
        for dim in DIMS {
            let codes: Vec<u8> = (0..32 * dim).map(|i| (i * 7) as u8).collect();
            let (mut ours, mut expected) = (vec![0; codes.len()], vec![0; codes.len()]);
            widen_fp8(&codes, &mut expected);
            if Isa::Avx512.is_supported() {
                // SAFETY: the machine has what it needs.
                unsafe { fp8(&codes, &mut ours) };
                assert_eq!(ours, expected);
            }
        }
    }

    #[test]
    fn integers_and_scales_become_what_the_portable_loop_makes_of_them() {
        for dim in DIMS {
            let mut block: Vec<u8> = (0..32 * dim).map(|i| (i * 11) as u8).collect();
            // From 2^-20 to 2^12.
            block.extend((0..32u16).flat_map(|i| ((107 + i) << 7 | i).to_le_bytes()));
            let (mut ours, mut expected) = (vec![0; 32 * dim], vec![0; 32 * dim]);
            widen_int8(&block, &mut expected);
            if Isa::Avx512Bf16.is_supported() {
                // SAFETY: the machine has what it needs.
                unsafe { int8_bf16(&block, &mut ours) };
                assert_eq!(ours, expected);
            }
        }
    }
}
