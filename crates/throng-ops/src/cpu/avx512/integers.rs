//! Products of small integers, four at a time in each lane, by VNNI.

use std::arch::x86_64::*;

use super::vector::{load_bytes, load_f16, load_scales, load_table, repeat, store};
use crate::cpu::integers::{Codes, LINE, SHARE, Scale, TileIntegers};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, HalfSums, PANEL, PanelI8, PanelsI8};
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
    let parts = const { C::FORMAT.scale.parts() };
    let lines = weights.codes.chunks_exact(const { C::FORMAT.lines() } * LINE);
    let blocks = x.values.as_chunks::<BLOCK>().0.chunks_exact(x.vectors);
    let factors = x.scales.chunks_exact(x.vectors).zip(x.sums.chunks_exact(x.vectors));
    let mut totals = [_mm512_setzero_ps(); N];
    for (index, (lines, (x, (scales, sums)))) in lines.zip(blocks.zip(factors)).enumerate() {
        let x: &[[i8; BLOCK]; N] = x[first..].first_chunk().expect("vectors of the panel");
        let x_scales: &[f32; N] = scales[first..].first_chunk().expect("vectors of the panel");
        let x_sums: &[HalfSums; N] = sums[first..].first_chunk().expect("vectors of the panel");
        prefetch(lines);
        let columns = load_integers::<C, false>(lines);
        let (scales, offsets) = load_block::<C>(weights, index);
        for n in 0..N {
            let x_scale = _mm512_set1_ps(x_scales[n]);
            let x: &[[i8; 4]; 8] = x[n].as_chunks().0.first_chunk().expect("fours of a block");
            let mut dots = [shifted_by::<C>(&x_sums[n], 0), shifted_by::<C>(&x_sums[n], 1)];
            for k in 0..8 {
                let dot = &mut dots[k * parts / 8];
                *dot = _mm512_dpbusd_epi32(*dot, columns[k], repeat(&x[k]));
            }
            for part in 0..parts {
                let scale = _mm512_mul_ps(scales[part], x_scale);
                totals[n] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[part]), scale, totals[n]);
            }
            if let Some(offsets) = offsets {
                let x_sum = _mm512_set1_ps(x_scales[n] * f32::from(x_sums[n][0] + x_sums[n][1]));
                totals[n] = _mm512_fmadd_ps(offsets, x_sum, totals[n]);
            }
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, out);
    }
}

/// What undoes that the weights of a block's part have been shifted up: the sum of what they are
/// multiplied with, as often as they were.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn shifted_by<C: Codes>(x_sums: &HalfSums, part: usize) -> __m512i {
    let times = const { C::FORMAT.shift() as i16 }.wrapping_neg();
    let times = match const { C::FORMAT.scale.parts() } {
        1 => _mm512_set1_epi16(times),
        _ => _mm512_set1_epi32(i32::from(times as u16) << (16 * part)),
    };
    _mm512_madd_epi16(times, repeat(x_sums))
}

/// The integers of a block, four columns of each row a vector. If not `SIGNED`, they are shifted up.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(crate) fn load_integers<C: Codes, const SIGNED: bool>(lines: &[u8]) -> [__m512i; 8] {
    let mut columns = [_mm512_setzero_si512(); 8];
    let lines = lines.as_chunks::<LINE>().0;
    if const { C::FORMAT.table.is_none() } {
        let flip = _mm512_set1_epi8(if SIGNED { 0 } else { i8::MIN });
        for (columns, line) in columns.iter_mut().zip(lines) {
            *columns = _mm512_xor_si512(load_bytes(line), flip);
        }
        return columns;
    }
    let (lines, planes) = lines.split_at(4);
    let table = const { C::FORMAT.table_plus(if SIGNED { 0 } else { C::FORMAT.shift() }) };
    for (columns, line) in columns.as_chunks_mut::<2>().0.iter_mut().zip(lines) {
        *columns = look_up(line, table.as_ref());
    }
    let bits = const { C::FORMAT.high_bits };
    if bits > 0 {
        let mask = _mm512_set1_epi8((16 << bits) - 16);
        for (i, columns) in columns.iter_mut().enumerate() {
            let (plane, at) = (load_bytes(&planes[i * bits / 8]), i * bits % 8);
            // To bit 4 of the bytes; what comes from a neighbour is masked.
            let high = _mm512_rorv_epi32(plane, _mm512_set1_epi32(at as i32 - 4));
            *columns = _mm512_add_epi8(*columns, _mm512_and_si512(high, mask));
        }
    }
    columns
}

/// What a table says of the low and of the high halves of a line's bytes; without one the halves.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn look_up(line: &[u8; LINE], table: Option<&[u8; 16]>) -> [__m512i; 2] {
    let low = _mm512_set1_epi8(15);
    let codes = load_bytes(line);
    let high = _mm512_and_si512(_mm512_srli_epi16(codes, 4), low);
    let codes = [_mm512_and_si512(codes, low), high];
    let Some(table) = table else { return codes };
    let table = _mm512_broadcast_i32x4(load_table(table));
    [_mm512_shuffle_epi8(table, codes[0]), _mm512_shuffle_epi8(table, codes[1])]
}

/// Scales of a block's parts, and its offsets if the format has some.
#[inline]
#[target_feature(enable = "avx512f")]
pub(crate) fn load_block<C: Codes>(
    weights: TileIntegers<'_>,
    index: usize,
) -> ([__m512; 2], Option<__m512>) {
    let form = const { C::FORMAT.scale };
    let first = load_factors(form, weights.scales, index, 0);
    let last = match const { C::FORMAT.scale.parts() } {
        1 => first,
        _ => load_factors(form, weights.scales, index, 1),
    };
    let Some(form) = (const { C::FORMAT.offset }) else { return ([first, last], None) };
    ([first, last], Some(load_factors(form, weights.offsets, index, 0)))
}

/// The scales or offsets of a block's part.
#[inline]
#[target_feature(enable = "avx512f")]
fn load_factors(form: Scale, stored: &[u8], index: usize, part: usize) -> __m512 {
    match form {
        Scale::HalfE8M0 => {
            _mm512_mul_ps(load_scales(&stored.as_chunks().0[index]), _mm512_set1_ps(0.5))
        }
        Scale::F16 => load_f16(&stored.as_chunks::<{ 2 * LANES }>().0[index]),
        Scale::Shared { parts } => {
            let bytes = SHARE * form.block_bytes();
            let (shared, each) = stored[index / SHARE * bytes..][..bytes].split_at(2 * LANES);
            let each = load_table(&each.as_chunks().0[index % SHARE * parts + part]);
            let each = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(each));
            _mm512_mul_ps(each, load_f16(&shared.as_chunks::<{ 2 * LANES }>().0[0]))
        }
    }
}
