//! The kernels for x86-64 with AVX2 and FMA: a vector has half a tile's rows.
//!
//! Vectors stay out of closures: those would not be inlined into the standard library's functions,
//! which are compiled for the baseline.
//!
//! With 16 registers, a half and four tokens is as much as can be summed at once. As in `avx512`,
//! columns go to a sum's accumulators by their index alone.

mod attend;
mod vector;

use std::arch::x86_64::*;

use throng_spec::Activation;

use self::vector::{load_bytes, load_f16, load_f32, load_scales, load_table, repeat, store};
use super::isa::Isa;
use super::kernels::{Kernels, LANES, NIBBLES, Rows, RowsI8, TileMxfp4, TileOut, UNSIGNED};
use super::portable;
use crate::mxfp4::{BLOCK, VALUES};

/// The table.
pub(crate) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx2,
    f32_f32,
    f16_f32,
    bf16_f32,
    bf16_bf16: None,
    mxfp4_f32,
    mxfp4_i8,
    attend_f32: attend::attend::<f32>,
    attend_bf16: attend::attend::<u16>,
    quantise,
    narrow,
    rms_norm,
    layer_norm,
    activate,
};

/// Rows in a vector.
const HALF: usize = LANES / 2;

/// The most tokens or heads at once.
const MANY: usize = 4;

/// Calls a kernel on both halves of a tile and up to four tokens at a time.
macro_rules! for_halves {
    ($kernel:ident, $weights:expr, $x:expr, $tokens:expr, $out:expr) => {
        for (tokens, out) in $tokens.chunks(MANY).zip($out.chunks_mut(MANY)) {
            for half in 0..2 {
                match tokens.len() {
                    1 => $kernel::<1>($weights, $x, tokens, half, out),
                    2 => $kernel::<2>($weights, $x, tokens, half, out),
                    3 => $kernel::<3>($weights, $x, tokens, half, out),
                    _ => $kernel::<MANY>($weights, $x, tokens, half, out),
                }
            }
        }
    };
}

/// Defines functions of the portable loops, compiled for this instruction set.
macro_rules! portable {
    ($(fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        $(#[target_feature(enable = "avx2,fma")]
        fn $name($($argument: $type),*) {
            portable::$name($($argument),*);
        })*
    };
}

portable! {
    fn quantise(x: &[f32], integers: &mut [i8], scales: &mut [f32], corrections: &mut [i32]);
    fn narrow(x: &[f32], out: &mut [u16]);
    fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]);
    fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, out: &mut [f32]);
    fn activate(activation: Activation, x: &[f32], out: &mut [f32]);
}

/// Defines the kernel of weights that are stored column after column, given how half a column is
/// loaded.
macro_rules! columns {
    ($kernel:ident, $kernel_n:ident, $weight:ty, $load:ident) => {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn $kernel(weights: &[$weight], x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
            for_halves!($kernel_n, weights, x, tokens, out);
        }

        #[target_feature(enable = "avx2,fma,f16c")]
        fn $kernel_n<const N: usize>(
            weights: &[$weight],
            x: Rows<'_, f32>,
            tokens: &[u32],
            half: usize,
            out: &mut [[f32; LANES]],
        ) {
            let columns = weights.as_chunks::<HALF>().0.as_chunks::<4>().0;
            let x = x.pick::<N>(tokens).map(|x| &x.as_chunks::<2>().0[..columns.len()]);
            let mut sums = [[_mm256_setzero_ps(); 2]; N];
            for (k, columns) in columns.iter().enumerate() {
                let [even, odd] = [$load(&columns[half]), $load(&columns[2 + half])];
                for (sums, x) in sums.iter_mut().zip(x) {
                    sums[0] = _mm256_fmadd_ps(even, _mm256_set1_ps(x[k][0]), sums[0]);
                    sums[1] = _mm256_fmadd_ps(odd, _mm256_set1_ps(x[k][1]), sums[1]);
                }
            }
            for (out, sums) in out.iter_mut().zip(sums) {
                store(_mm256_add_ps(sums[0], sums[1]), half_of(out, half));
            }
        }
    };
}

columns!(f32_f32, f32_f32_n, f32, load_f32);
columns!(f16_f32, f16_f32_n, u16, load_f16);

#[target_feature(enable = "avx2,fma")]
fn bf16_f32(weights: &[u16], x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    for_halves!(bf16_f32_n, weights, x, tokens, out);
}

#[target_feature(enable = "avx2,fma")]
fn bf16_f32_n<const N: usize>(
    weights: &[u16],
    x: Rows<'_, f32>,
    tokens: &[u32],
    half: usize,
    out: &mut [[f32; LANES]],
) {
    let pairs = weights.as_chunks::<{ 2 * HALF }>().0.as_chunks::<2>().0;
    let x = x.pick::<N>(tokens).map(|x| &x.as_chunks::<2>().0[..pairs.len()]);
    let upper = _mm256_set1_epi32(0xffff_0000u32 as i32);
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    for (k, pairs) in pairs.iter().enumerate() {
        // SAFETY: 32 bytes are there to be read.
        let pairs = unsafe { _mm256_loadu_si256(pairs[half].as_ptr().cast()) };
        let even = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
        let odd = _mm256_castsi256_ps(_mm256_and_si256(pairs, upper));
        for (sums, x) in sums.iter_mut().zip(x) {
            sums[0] = _mm256_fmadd_ps(even, _mm256_set1_ps(x[k][0]), sums[0]);
            sums[1] = _mm256_fmadd_ps(odd, _mm256_set1_ps(x[k][1]), sums[1]);
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        store(_mm256_add_ps(sums[0], sums[1]), half_of(out, half));
    }
}

#[target_feature(enable = "avx2,fma")]
fn mxfp4_f32(weights: TileMxfp4<'_>, x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    for_halves!(mxfp4_f32_n, weights, x, tokens, out);
}

#[target_feature(enable = "avx2,fma")]
fn mxfp4_f32_n<const N: usize>(
    weights: TileMxfp4<'_>,
    x: Rows<'_, f32>,
    tokens: &[u32],
    half: usize,
    out: &mut [[f32; LANES]],
) {
    let blocks = weights.nibbles.as_chunks::<NIBBLES>().0;
    let x = x.pick::<N>(tokens).map(|x| &x.as_chunks::<BLOCK>().0[..blocks.len()]);
    let mut totals = [_mm256_setzero_ps(); N];
    for (k, (nibbles, scales)) in blocks.iter().zip(weights.scales.as_chunks().0).enumerate() {
        let mut sums = [[_mm256_setzero_ps(); 2]; N];
        for (i, line) in nibbles.as_chunks::<32>().0.as_chunks::<2>().0.iter().enumerate() {
            let mut codes = load_bytes(&line[half]);
            for j in 0..4 {
                let [low, high] = [values(codes), values(_mm256_srli_epi32(codes, 4))];
                codes = _mm256_srli_epi32(codes, 8);
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = [x[k][8 * i + j], x[k][8 * i + 4 + j]];
                    sums[0] = _mm256_fmadd_ps(low, _mm256_set1_ps(x[0]), sums[0]);
                    sums[1] = _mm256_fmadd_ps(high, _mm256_set1_ps(x[1]), sums[1]);
                }
            }
        }
        let scales = load_scales(scales, half);
        for (total, [a, b]) in totals.iter_mut().zip(sums) {
            *total = _mm256_fmadd_ps(_mm256_add_ps(a, b), scales, *total);
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, half_of(out, half));
    }
}

/// The values of the E2M1 codes in the low four bits of each lane.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn values(codes: __m256i) -> __m256 {
    let magnitudes = load_f32(&VALUES.as_chunks().0[0]);
    let sign = _mm256_slli_epi32(_mm256_and_si256(codes, _mm256_set1_epi32(8)), 28);
    // The shuffle looks at the low three bits.
    _mm256_xor_ps(_mm256_permutevar8x32_ps(magnitudes, codes), _mm256_castsi256_ps(sign))
}

#[target_feature(enable = "avx2,fma")]
fn mxfp4_i8(weights: TileMxfp4<'_>, x: RowsI8<'_>, tokens: &[u32], out: &mut TileOut) {
    for_halves!(mxfp4_i8_n, weights, x, tokens, out);
}

#[target_feature(enable = "avx2,fma")]
fn mxfp4_i8_n<'a, const N: usize>(
    weights: TileMxfp4<'_>,
    x: RowsI8<'a>,
    tokens: &[u32],
    half: usize,
    out: &mut [[f32; LANES]],
) {
    let blocks = weights.nibbles.as_chunks::<NIBBLES>().0;
    let fours = |x: &'a [i8]| &x.as_chunks::<4>().0.as_chunks::<8>().0[..blocks.len()];
    let integers = x.values.pick::<N>(tokens).map(fours);
    let x_scales = x.scales.pick::<N>(tokens).map(|x| &x[..blocks.len()]);
    let corrections = x.corrections.pick::<N>(tokens).map(|x| &x[..blocks.len()]);
    let values = _mm256_broadcastsi128_si256(load_table(&UNSIGNED));
    let (low, ones) = (_mm256_set1_epi8(15), _mm256_set1_epi16(1));
    let mut totals = [_mm256_setzero_ps(); N];
    for (k, (nibbles, scales)) in blocks.iter().zip(weights.scales.as_chunks().0).enumerate() {
        // Pairs of products are added in 16 bits: 8 times 24 · 127 at most, so four lines fit.
        let mut sums = [[_mm256_setzero_si256(); 2]; N];
        for (i, line) in nibbles.as_chunks::<32>().0.as_chunks::<2>().0.iter().enumerate() {
            let codes = load_bytes(&line[half]);
            let columns = [
                _mm256_shuffle_epi8(values, _mm256_and_si256(codes, low)),
                _mm256_shuffle_epi8(values, _mm256_and_si256(_mm256_srli_epi16(codes, 4), low)),
            ];
            for (sums, integers) in sums.iter_mut().zip(integers) {
                let x = [repeat(&integers[k][2 * i]), repeat(&integers[k][2 * i + 1])];
                sums[0] = _mm256_add_epi16(sums[0], _mm256_maddubs_epi16(columns[0], x[0]));
                sums[1] = _mm256_add_epi16(sums[1], _mm256_maddubs_epi16(columns[1], x[1]));
            }
        }
        let scales = load_scales(scales, half);
        for n in 0..N {
            let [a, b] = sums[n];
            let [a, b] = [_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones)];
            let sum =
                _mm256_add_epi32(_mm256_add_epi32(a, b), _mm256_set1_epi32(corrections[n][k]));
            let scale = _mm256_mul_ps(scales, _mm256_set1_ps(x_scales[n][k]));
            totals[n] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), scale, totals[n]);
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, half_of(out, half));
    }
}

#[inline]
fn half_of(out: &mut [f32; LANES], half: usize) -> &mut [f32; HALF] {
    &mut out.as_chunks_mut().0[half]
}
