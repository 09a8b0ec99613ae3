//! Memory to vectors of 8 lanes and back.

use std::arch::x86_64::*;

use crate::cpu::kernels::LANES;

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_f32(values: &[f32; 8]) -> __m256 {
    // SAFETY: 32 bytes are there to be read.
    unsafe { _mm256_loadu_ps(values.as_ptr()) }
}

/// f16 to f32.
#[inline]
#[target_feature(enable = "avx2,f16c")]
pub(super) fn load_f16<T, const N: usize>(values: &[T; N]) -> __m256 {
    const { assert!(size_of::<[T; N]>() == 16, "8 halves") };
    // SAFETY: 16 bytes are there to be read, and are numbers whatever they are.
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(values.as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store(values: __m256, out: &mut [f32; 8]) {
    // SAFETY: 32 bytes are there to be written.
    unsafe { _mm256_storeu_ps(out.as_mut_ptr(), values) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_bytes(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes are there to be read.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

/// Four bytes in all lanes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn repeat<T, const N: usize>(word: &[T; N]) -> __m256i {
    const { assert!(size_of::<[T; N]>() == 4, "one lane") };
    // SAFETY: four bytes are there to be read, and are a number whatever they are.
    _mm256_set1_epi32(unsafe { word.as_ptr().cast::<i32>().read_unaligned() })
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_table(table: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are there to be read.
    unsafe { _mm_loadu_si128(table.as_ptr().cast()) }
}

/// E8M0 codes to f32: a code is the exponent's bits. (The smallest, 2^-127, becomes 0, and the
/// code of NaN infinity.)
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_scales(codes: &[u8; LANES], half: usize) -> __m256 {
    _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu8_epi32(load_half(codes, half)), 23))
}

/// A half of a tile's bytes.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_half(bytes: &[u8; LANES], half: usize) -> __m128i {
    let bytes = load_table(bytes);
    if half == 0 { bytes } else { _mm_srli_si128(bytes, 8) }
}
