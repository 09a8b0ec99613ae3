//! Memory to vectors of 16 lanes and back.

use std::arch::x86_64::*;

use crate::cpu::kernels::LANES;

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_f32(values: &[f32; 16]) -> __m512 {
    // SAFETY: 64 bytes are there to be read.
    unsafe { _mm512_loadu_ps(values.as_ptr()) }
}

/// f16 to f32.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_f16<T, const N: usize>(values: &[T; N]) -> __m512 {
    const { assert!(size_of::<[T; N]>() == 32, "16 halves") };
    // SAFETY: 32 bytes are there to be read, and are numbers whatever they are.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(values.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn store(values: __m512, out: &mut [f32; 16]) {
    // SAFETY: 64 bytes are there to be written.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), values) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_pairs(pairs: &[u16; 2 * LANES]) -> __m512i {
    // SAFETY: 64 bytes are there to be read.
    unsafe { _mm512_loadu_si512(pairs.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_bytes(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: 64 bytes are there to be read.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Four bytes in all lanes.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn repeat<T, const N: usize>(word: &[T; N]) -> __m512i {
    const { assert!(size_of::<[T; N]>() == 4, "one lane") };
    // SAFETY: four bytes are there to be read, and are a number whatever they are.
    _mm512_set1_epi32(unsafe { word.as_ptr().cast::<i32>().read_unaligned() })
}

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_table(table: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are there to be read.
    unsafe { _mm_loadu_si128(table.as_ptr().cast()) }
}

/// E8M0 codes to f32: a code is the exponent's bits. (The smallest, 2^-127, becomes 0, and the
/// code of NaN infinity.)
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load_scales(codes: &[u8; LANES]) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu8_epi32(load_table(codes)), 23))
}
