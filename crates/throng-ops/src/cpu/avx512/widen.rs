//! Keys and values in 8 bits to bf16, 32 at a time.

use std::arch::x86_64::*;

use throng_spec::e4m3::{BF16_SMALL, NAN};

use super::vector::{load_f32, load_table};
use crate::cpu::attention::{block_scales, widen_fp8, widen_int8};
use crate::cpu::kernels::LANES;

/// Values of a vector of bf16.
const ROW: usize = 32;

/// See `WidenFn`. Of the two codes of NaN only the one that is ever kept is known here.
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn fp8(block: &[u8], out: &mut [u16]) {
    // A code's magnitude, moved to where that of bf16 is, needs the difference of the exponents'
    // biases; what is below the normal values needs something else each.
    let mut small = [0; ROW];
    for (magnitude, (small, bf16)) in small.iter_mut().zip(BF16_SMALL).enumerate() {
        *small = bf16 - ((magnitude as u16) << 4);
    }
    // SAFETY: 64 bytes are there to be read.
    let small = unsafe { _mm512_loadu_si512(small.as_ptr().cast()) };
    let [exponent, bias] = [_mm512_set1_epi16(0x78), _mm512_set1_epi16(120 << 7)];
    let value = _mm512_set1_epi16(0x87f0u16 as i16);
    let mut most = _mm256_set1_epi8(i8::MIN);
    for (codes, out) in block.as_chunks::<ROW>().0.iter().zip(out.as_chunks_mut::<ROW>().0) {
        // SAFETY: 32 bytes are there to be read.
        let codes = unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) };
        most = _mm256_max_epi8(most, codes);
        let codes = _mm512_cvtepi8_epi16(codes);
        let values = _mm512_and_si512(_mm512_slli_epi16(codes, 4), value);
        // Of an index, five bits count, two of which are of the exponent and so zero.
        let is_small = _mm512_testn_epi16_mask(codes, exponent);
        let bias = _mm512_mask_permutexvar_epi16(bias, is_small, codes, small);
        store(_mm512_add_epi16(values, bias), out);
    }
    // Hardly ever is there one, so it is looked for once.
    if _mm256_movemask_epi8(_mm256_cmpeq_epi8(most, _mm256_set1_epi8(NAN as i8))) != 0 {
        widen_fp8(block, out);
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
        // With and without NaN; the other code of it is never kept.
        let kept = |i: usize| Some((i * 7) as u8).filter(|&code| code != 0xff).unwrap_or(0x80);
        let finite = |i: usize| Some(kept(i)).filter(|&code| code != 0x7f).unwrap_or(0x7e);
        for (dim, nan) in DIMS.into_iter().flat_map(|dim| [(dim, true), (dim, false)]) {
            let code = |i| if nan { kept(i) } else { finite(i) };
            let codes: Vec<u8> = (0..32 * dim).map(code).collect();
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
