//! Products of small integers: pairs of bytes are multiplied and added in 16 bits, then in 32.

use std::arch::x86_64::*;

use super::vector::{load_bytes, load_f16, load_scales, load_table, repeat, store};
use super::{HALF, MANY, half_of};
use crate::cpu::integers::{Codes, LINE, Scale, TileIntegers};
use crate::cpu::kernels::Products;
use crate::cpu::panels::{BLOCK, PANEL, PanelI8, PanelsI8};
use crate::cpu::prefetch::prefetch;

/// See `IntegersFn`.
#[target_feature(enable = "avx2,fma,f16c")]
pub(super) fn multiply<C: Codes>(weights: TileIntegers<'_>, x: PanelsI8<'_>, out: &mut [Products]) {
    for (panel, out) in x.iter().zip(out.chunks_mut(PANEL)) {
        for (index, out) in out.chunks_mut(MANY).enumerate() {
            let x = (panel, index * MANY);
            for half in 0..2 {
                match out.len() {
                    1 => multiply_n::<C, 1>(weights, x, half, out),
                    2 => multiply_n::<C, 2>(weights, x, half, out),
                    3 => multiply_n::<C, 3>(weights, x, half, out),
                    _ => multiply_n::<C, MANY>(weights, x, half, out),
                }
            }
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn multiply_n<C: Codes, const N: usize>(
    weights: TileIntegers<'_>,
    (x, first): (PanelI8<'_>, usize),
    half: usize,
    out: &mut [Products],
) {
    let lines = weights.codes.as_chunks::<{ LINE / 2 }>().0.as_chunks::<2>().0;
    let lines = lines.chunks_exact(const { C::FORMAT.lines() });
    let blocks = x.values.as_chunks::<BLOCK>().0.chunks_exact(x.vectors);
    let factors = x.scales.chunks_exact(x.vectors).zip(x.sums.chunks_exact(x.vectors));
    let mut totals = [_mm256_setzero_ps(); N];
    for (index, (lines, (x, (scales, sums)))) in lines.zip(blocks.zip(factors)).enumerate() {
        let x: &[[i8; BLOCK]; N] = x[first..].first_chunk().expect("vectors of the panel");
        let x_scales: &[f32; N] = scales[first..].first_chunk().expect("vectors of the panel");
        let x_sums: &[i32; N] = sums[first..].first_chunk().expect("vectors of the panel");
        if half == 0 {
            prefetch(lines.as_flattened().as_flattened());
        }
        let dots = if const { C::FORMAT.table.is_some() } {
            dot_codes::<C, N>(lines, half, x, x_sums)
        } else {
            dot_bytes(lines, half, x)
        };
        let (scales, offsets) = load_block::<C>(weights, index, half);
        for n in 0..N {
            let scale = _mm256_mul_ps(scales, _mm256_set1_ps(x_scales[n]));
            totals[n] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[n]), scale, totals[n]);
            if let Some(offsets) = offsets {
                let x_sum = _mm256_set1_ps(x_scales[n] * x_sums[n] as f32);
                totals[n] = _mm256_fmadd_ps(offsets, x_sum, totals[n]);
            }
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, half_of(out, half));
    }
}

/// Dot products with a block of 4-bit codes, made unsigned.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_codes<C: Codes, const N: usize>(
    lines: &[[[u8; LINE / 2]; 2]],
    half: usize,
    x: &[[i8; BLOCK]; N],
    x_sums: &[i32; N],
) -> [__m256i; N] {
    let values = _mm256_broadcastsi128_si256(load_table(const { &C::FORMAT.unsigned() }));
    let (low, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    // Pairs of products are added in 16 bits: 8 times 24 · 127 at most, so four lines fit.
    let mut sums = [[_mm256_setzero_si256(); 2]; N];
    for (i, line) in lines.iter().enumerate() {
        let codes = load_bytes(&line[half]);
        let columns = [
            _mm256_shuffle_epi8(values, _mm256_and_si256(codes, low)),
            _mm256_shuffle_epi8(values, _mm256_and_si256(_mm256_srli_epi16(codes, 4), low)),
        ];
        for (sums, x) in sums.iter_mut().zip(x) {
            let x = x.as_chunks().0;
            let x = [repeat(&x[2 * i]), repeat(&x[2 * i + 1])];
            sums[0] = _mm256_add_epi16(sums[0], _mm256_maddubs_epi16(columns[0], x[0]));
            sums[1] = _mm256_add_epi16(sums[1], _mm256_maddubs_epi16(columns[1], x[1]));
        }
    }
    let mut dots = [_mm256_setzero_si256(); N];
    for n in 0..N {
        let [a, b] = sums[n];
        let sum = _mm256_add_epi32(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones));
        let correction = _mm256_set1_epi32(-const { C::FORMAT.shift() } * x_sums[n]);
        dots[n] = _mm256_add_epi32(sum, correction);
    }
    dots
}

/// Dot products with a block of 8-bit integers: their signs go to what they are multiplied with.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_bytes<const N: usize>(
    lines: &[[[u8; LINE / 2]; 2]],
    half: usize,
    x: &[[i8; BLOCK]; N],
) -> [__m256i; N] {
    let ones = _mm256_set1_epi16(1);
    let mut dots = [_mm256_setzero_si256(); N];
    for (i, line) in lines.iter().enumerate() {
        let signed = load_bytes(&line[half]);
        let magnitudes = _mm256_abs_epi8(signed);
        for (dot, x) in dots.iter_mut().zip(x) {
            let x = _mm256_sign_epi8(repeat(&x.as_chunks().0[i]), signed);
            // Two times 128 · 127 at most, which fits in 16 bits.
            let pairs = _mm256_maddubs_epi16(magnitudes, x);
            *dot = _mm256_add_epi32(*dot, _mm256_madd_epi16(pairs, ones));
        }
    }
    dots
}

/// Scales of half a block, and its offsets if the format has some.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_block<C: Codes>(
    weights: TileIntegers<'_>,
    index: usize,
    half: usize,
) -> (__m256, Option<__m256>) {
    let scales = match const { C::FORMAT.scale } {
        Scale::HalfE8M0 => {
            let codes = &weights.scales.as_chunks().0[index];
            _mm256_mul_ps(load_scales(codes, half), _mm256_set1_ps(0.5))
        }
        Scale::F16 => load_f16(&weights.scales.as_chunks::<{ 2 * HALF }>().0[2 * index + half]),
    };
    if const { C::FORMAT.offset } {
        (scales, Some(load_f16(&weights.offsets.as_chunks::<{ 2 * HALF }>().0[2 * index + half])))
    } else {
        (scales, None)
    }
}
