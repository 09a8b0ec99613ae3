//! Products of small integers, four at a time in each lane, by VNNI.

use std::arch::x86_64::*;

use super::vector::{load_bytes, load_f16, load_scales, load_table, repeat, store};
use crate::cpu::integers::{Codes, LINE, Scale, TileIntegers};
use crate::cpu::kernels::Products;
use crate::cpu::panels::{BLOCK, PANEL, PanelI8, PanelsI8};
use crate::cpu::prefetch::prefetch;

/// Most vectors at once: their totals and the columns of a block fill two thirds of the registers.
const MOST: usize = 8;

/// See `IntegersFn`.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(crate) fn multiply<C: Codes>(weights: TileIntegers<'_>, x: PanelsI8<'_>, out: &mut [Products]) {
    for (panel, out) in x.iter().zip(out.chunks_mut(PANEL)) {
        for (index, out) in out.chunks_mut(MOST).enumerate() {
            let first = index * MOST;
            match out.len() {
                1 => multiply_n::<C, 1>(weights, panel, first, out),
                2 => multiply_n::<C, 2>(weights, panel, first, out),
                3 => multiply_n::<C, 3>(weights, panel, first, out),
                4 => multiply_n::<C, 4>(weights, panel, first, out),
                5 => multiply_n::<C, 5>(weights, panel, first, out),
                6 => multiply_n::<C, 6>(weights, panel, first, out),
                7 => multiply_n::<C, 7>(weights, panel, first, out),
                _ => multiply_n::<C, MOST>(weights, panel, first, out),
            }
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn multiply_n<C: Codes, const N: usize>(
    weights: TileIntegers<'_>,
    x: PanelI8<'_>,
    first: usize,
    out: &mut [Products],
) {
    let shift = const { C::FORMAT.shift() };
    let lines = weights.codes.chunks_exact(const { C::FORMAT.lines() } * LINE);
    let blocks = x.values.as_chunks::<BLOCK>().0.chunks_exact(x.vectors);
    let factors = x.scales.chunks_exact(x.vectors).zip(x.sums.chunks_exact(x.vectors));
    let mut totals = [_mm512_setzero_ps(); N];
    for (index, (lines, (x, (scales, sums)))) in lines.zip(blocks.zip(factors)).enumerate() {
        let x: &[[i8; BLOCK]; N] = x[first..].first_chunk().expect("vectors of the panel");
        let x_scales: &[f32; N] = scales[first..].first_chunk().expect("vectors of the panel");
        let x_sums: &[i32; N] = sums[first..].first_chunk().expect("vectors of the panel");
        prefetch(lines);
        let columns = load_unsigned::<C>(lines);
        let (scales, offsets) = load_block::<C>(weights, index);
        for n in 0..N {
            // Weights have been shifted up, which the sum of what they are multiplied with undoes.
            let mut sum = _mm512_set1_epi32(-shift * x_sums[n]);
            for (columns, x) in columns.iter().zip(x[n].as_chunks::<4>().0) {
                sum = _mm512_dpbusd_epi32(sum, *columns, repeat(x));
            }
            let x_scale = _mm512_set1_ps(x_scales[n]);
            let scale = _mm512_mul_ps(scales, x_scale);
            totals[n] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, totals[n]);
            if let Some(offsets) = offsets {
                let x_sum = _mm512_set1_ps(x_scales[n] * x_sums[n] as f32);
                totals[n] = _mm512_fmadd_ps(offsets, x_sum, totals[n]);
            }
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, out);
    }
}

/// The integers of a block, made unsigned: four columns of each row a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_unsigned<C: Codes>(lines: &[u8]) -> [__m512i; 8] {
    let mut columns = [_mm512_setzero_si512(); 8];
    let lines = lines.as_chunks::<LINE>().0;
    if const { C::FORMAT.table.is_none() } {
        let flip = _mm512_set1_epi8(i8::MIN);
        for (columns, line) in columns.iter_mut().zip(lines) {
            *columns = _mm512_xor_si512(load_bytes(line), flip);
        }
    } else {
        let table = const { &C::FORMAT.unsigned() };
        for (columns, line) in columns.as_chunks_mut::<2>().0.iter_mut().zip(lines) {
            *columns = look_up(line, table);
        }
    }
    columns
}

/// What a table says of the low and of the high halves of a line's bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn look_up(line: &[u8; LINE], table: &[u8; 16]) -> [__m512i; 2] {
    let table = _mm512_broadcast_i32x4(load_table(table));
    let low = _mm512_set1_epi8(15);
    let codes = load_bytes(line);
    let high = _mm512_and_si512(_mm512_srli_epi16(codes, 4), low);
    [_mm512_shuffle_epi8(table, _mm512_and_si512(codes, low)), _mm512_shuffle_epi8(table, high)]
}

/// Scales of a block, and its offsets if the format has some.
#[inline]
#[target_feature(enable = "avx512f")]
pub(crate) fn load_block<C: Codes>(
    weights: TileIntegers<'_>,
    index: usize,
) -> (__m512, Option<__m512>) {
    let scales = match const { C::FORMAT.scale } {
        Scale::HalfE8M0 => {
            let codes = &weights.scales.as_chunks().0[index];
            _mm512_mul_ps(load_scales(codes), _mm512_set1_ps(0.5))
        }
        Scale::F16 => load_f16(&weights.scales.as_chunks::<32>().0[index]),
    };
    if const { C::FORMAT.offset } {
        (scales, Some(load_f16(&weights.offsets.as_chunks::<32>().0[index])))
    } else {
        (scales, None)
    }
}
