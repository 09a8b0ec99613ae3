//! Products of small integers: pairs of bytes are multiplied and added in 16 bits, then in 32.

use std::arch::x86_64::*;

use super::vector::{load_bytes, load_f16, load_half, load_scales, load_table, repeat, store};
use super::{HALF, MANY, half_of};
use crate::cpu::integers::{Codes, Format, LINE, SHARE, Scale, TileIntegers};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, HalfSums, PANEL, PanelI8, PanelsI8};
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
        let x_sums: &[HalfSums; N] = sums[first..].first_chunk().expect("vectors of the panel");
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
            for part in 0..const { C::FORMAT.scale.parts() } {
                let scale = _mm256_mul_ps(scales[part], _mm256_set1_ps(x_scales[n]));
                totals[n] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots[n][part]), scale, totals[n]);
            }
            if let Some(offsets) = offsets {
                let x_sum = _mm256_set1_ps(x_scales[n] * f32::from(x_sums[n][0] + x_sums[n][1]));
                totals[n] = _mm256_fmadd_ps(offsets, x_sum, totals[n]);
            }
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, half_of(out, half));
    }
}

/// Whether 16 bits hold what [`dot_codes`] adds up in them: of a whole block 8 products with up to
/// 127, of a half 4. Integers of 8 bits do not go there.
const fn fits(format: &Format) -> bool {
    let Some(table) = format.table else { return true };
    let (mut most, mut code) = (0, 0);
    while code < 16 {
        let low = table[code] as i32 + format.shift();
        most = if low > most { low } else { most };
        code += 1;
    }
    most += ((1 << format.high_bits) - 1) << 4;
    most * 127 * 8 / format.scale.parts() as i32 <= i16::MAX as i32
}

/// Dot products with the parts of a block of codes, made unsigned.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_codes<C: Codes, const N: usize>(
    lines: &[[[u8; LINE / 2]; 2]],
    half: usize,
    x: &[[i8; BLOCK]; N],
    x_sums: &[HalfSums; N],
) -> [[__m256i; 2]; N] {
    const { assert!(fits(&C::FORMAT), "sums of a part's products in 16 bits") };
    let parts = const { C::FORMAT.scale.parts() };
    let mut dots = [[_mm256_setzero_si256(); 2]; N];
    for part in 0..parts {
        let mut sums = [[_mm256_setzero_si256(); 2]; N];
        for i in part * 4 / parts..(part + 1) * 4 / parts {
            let columns = load_columns::<C>(lines, half, i);
            for (sums, x) in sums.iter_mut().zip(x) {
                let x = x.as_chunks::<4>().0;
                let x = [repeat(&x[2 * i]), repeat(&x[2 * i + 1])];
                sums[0] = _mm256_add_epi16(sums[0], _mm256_maddubs_epi16(columns[0], x[0]));
                sums[1] = _mm256_add_epi16(sums[1], _mm256_maddubs_epi16(columns[1], x[1]));
            }
        }
        let ones = _mm256_set1_epi16(1);
        // What undoes the shift of the weights, of both halves or of one.
        let times = const { C::FORMAT.shift() as i16 }.wrapping_neg();
        let times = match parts {
            1 => _mm256_set1_epi16(times),
            _ => _mm256_set1_epi32(i32::from(times as u16) << (16 * part)),
        };
        for ((dots, x_sums), [a, b]) in dots.iter_mut().zip(x_sums).zip(sums) {
            let sum = _mm256_add_epi32(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones));
            let correction = _mm256_madd_epi16(repeat(x_sums), times);
            dots[part] = _mm256_add_epi32(sum, correction);
        }
    }
    dots
}

/// Twice four columns of half the rows from a line of a block, unsigned.
#[inline]
#[target_feature(enable = "avx2")]
fn load_columns<C: Codes>(lines: &[[[u8; LINE / 2]; 2]], half: usize, line: usize) -> [__m256i; 2] {
    let low = _mm256_set1_epi8(15);
    let codes = load_bytes(&lines[line][half]);
    let mut columns = [codes, _mm256_srli_epi16(codes, 4)];
    for (k, columns) in columns.iter_mut().enumerate() {
        *columns = _mm256_and_si256(*columns, low);
        if let Some(table) = const { &C::FORMAT.table_plus(C::FORMAT.shift()) } {
            let table = _mm256_broadcastsi128_si256(load_table(table));
            *columns = _mm256_shuffle_epi8(table, *columns);
        }
        let bits = const { C::FORMAT.high_bits };
        if bits > 0 {
            let at = (2 * line + k) * bits;
            let plane = load_bytes(&lines[4 + at / 8][half]);
            // To bit 4 of the bytes; what comes from a neighbour is masked.
            let high = match at % 8 {
                at @ 0..4 => _mm256_sll_epi16(plane, _mm_cvtsi32_si128(4 - at as i32)),
                at => _mm256_srl_epi16(plane, _mm_cvtsi32_si128(at as i32 - 4)),
            };
            let high = _mm256_and_si256(high, _mm256_set1_epi8((16 << bits) - 16));
            *columns = _mm256_add_epi8(*columns, high);
        }
    }
    columns
}

/// Dot products with a block of 8-bit integers: their signs go to what they are multiplied with.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_bytes<const N: usize>(
    lines: &[[[u8; LINE / 2]; 2]],
    half: usize,
    x: &[[i8; BLOCK]; N],
) -> [[__m256i; 2]; N] {
    let ones = _mm256_set1_epi16(1);
    let mut dots = [[_mm256_setzero_si256(); 2]; N];
    for (i, line) in lines.iter().enumerate() {
        let signed = load_bytes(&line[half]);
        let magnitudes = _mm256_abs_epi8(signed);
        for (dot, x) in dots.iter_mut().zip(x) {
            let x = _mm256_sign_epi8(repeat(&x.as_chunks::<4>().0[i]), signed);
            // Two times 128 · 127 at most, which fits in 16 bits.
            let pairs = _mm256_maddubs_epi16(magnitudes, x);
            dot[0] = _mm256_add_epi32(dot[0], _mm256_madd_epi16(pairs, ones));
        }
    }
    dots
}

/// Scales of the parts of half a tile's block, and its offsets if the format has some.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_block<C: Codes>(
    weights: TileIntegers<'_>,
    index: usize,
    half: usize,
) -> ([__m256; 2], Option<__m256>) {
    let form = const { C::FORMAT.scale };
    let first = load_factors(form, weights.scales, (index, 0), half);
    let last = match const { C::FORMAT.scale.parts() } {
        1 => first,
        _ => load_factors(form, weights.scales, (index, 1), half),
    };
    let Some(form) = (const { C::FORMAT.offset }) else { return ([first, last], None) };
    ([first, last], Some(load_factors(form, weights.offsets, (index, 0), half)))
}

/// The scales or offsets of a block's part.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_factors(form: Scale, stored: &[u8], (index, part): (usize, usize), half: usize) -> __m256 {
    match form {
        Scale::HalfE8M0 => {
            let codes = &stored.as_chunks().0[index];
            _mm256_mul_ps(load_scales(codes, half), _mm256_set1_ps(0.5))
        }
        Scale::F16 => load_f16(&stored.as_chunks::<{ 2 * HALF }>().0[2 * index + half]),
        Scale::Shared { parts } => {
            let bytes = SHARE * form.block_bytes();
            let (shared, each) = stored[index / SHARE * bytes..][..bytes].split_at(2 * LANES);
            let each = load_half(&each.as_chunks().0[index % SHARE * parts + part], half);
            let each = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(each));
            _mm256_mul_ps(each, load_f16(&shared.as_chunks::<{ 2 * HALF }>().0[half]))
        }
    }
}
