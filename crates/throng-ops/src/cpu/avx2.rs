//! The kernels for x86-64 with AVX2 and FMA: a vector has half a tile's rows.
//!
//! Vectors stay out of closures: those would not be inlined into the standard library's functions,
//! which are compiled for the baseline.
//!
//! With 16 registers, a half and four tokens is as much as can be summed at once. As in `avx512`,
//! columns go to a sum's accumulators by their index alone.

mod attend;
mod integers;
mod vector;

use std::arch::x86_64::*;

use throng_spec::Activation;

use self::integers::multiply;
use self::vector::{load_bytes, load_f16, load_f32, load_scales, store};
use super::integers::{LINE, TileIntegers, for_formats};
use super::isa::Isa;
use super::kernels::{Kernels, LANES, Products};
use super::panels::{BLOCK, HalfSums, Lane, PANEL, Panel, Panels};
use super::portable;
use super::products::Joined;
use crate::mxfp4::VALUES;

/// The table.
pub(crate) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx2,
    f32_f32,
    f16_f32,
    bf16_f32,
    bf16_bf16: None,
    mxfp4_f32,
    integers_i8: for_formats!(multiply),
    release: || {},
    attend_f32: attend::attend::<f32>,
    attend_bf16: attend::attend::<u16>,
    attend_bf16_f32: attend::attend::<u16>,
    widen_fp8: attend::widen_fp8,
    widen_int8: attend::widen_int8,
    quantise,
    narrow,
    rms_norm,
    layer_norm,
    rotate,
    join,
    activate,
};

/// Rows in a vector.
const HALF: usize = LANES / 2;

/// The most vectors or heads at once.
const MANY: usize = 4;

/// Calls a kernel on both halves of a tile and up to four vectors of a panel, until all panels are
/// done.
macro_rules! for_panels {
    ($kernel:ident, $weights:expr, $x:expr, $out:expr) => {
        for (panel, out) in $x.iter().zip($out.chunks_mut(PANEL)) {
            for (index, out) in out.chunks_mut(MANY).enumerate() {
                for half in 0..2 {
                    match out.len() {
                        1 => $kernel::<1>($weights, (panel, index * MANY), half, out),
                        2 => $kernel::<2>($weights, (panel, index * MANY), half, out),
                        3 => $kernel::<3>($weights, (panel, index * MANY), half, out),
                        _ => $kernel::<MANY>($weights, (panel, index * MANY), half, out),
                    }
                }
            }
        }
    };
}

/// See `Kernels::join`: left to itself, the compiler gathers a lane of many products at once.
#[target_feature(enable = "avx2")]
fn join(products: &[Products], bias: &Products, half: usize, joined: &mut [Joined]) {
    for (products, joined) in products.iter().zip(joined) {
        let joined = &mut joined.as_chunks_mut::<LANES>().0[half];
        let halves = products.as_chunks::<HALF>().0.iter().zip(bias.as_chunks().0);
        for ((products, bias), joined) in halves.zip(joined.as_chunks_mut().0) {
            store(_mm256_add_ps(load_f32(products), load_f32(bias)), joined);
        }
    }
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
    fn quantise(x: &[f32], lane: Lane, q: &mut [i8], scales: &mut [f32], sums: &mut [HalfSums]);
    fn narrow(x: &[f32], lane: Lane, out: &mut [u16]);
    fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]);
    fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, out: &mut [f32]);
    fn rotate(cos: &[f32], sin: &[f32], heads: &mut [f32]);
    fn activate(activation: Activation, x: &[f32], out: &mut [f32]);
}

/// The blocks of `N` vectors of a panel from the one at `first` on.
fn blocks<T, const N: usize>(
    (x, first): (Panel<'_, T>, usize),
) -> impl Iterator<Item = &[[T; BLOCK]; N]> {
    let blocks = x.values.as_chunks().0.chunks_exact(x.vectors);
    blocks.map(move |block| block[first..].first_chunk().expect("vectors of the panel"))
}

/// Defines the kernel of weights that are stored column after column, given how half a column is
/// loaded.
macro_rules! columns {
    ($kernel:ident, $kernel_n:ident, $weight:ty, $load:ident) => {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn $kernel(weights: &[$weight], x: Panels<'_, f32>, out: &mut [Products]) {
            for_panels!($kernel_n, weights, x, out);
        }

        #[target_feature(enable = "avx2,fma,f16c")]
        fn $kernel_n<const N: usize>(
            weights: &[$weight],
            x: (Panel<'_, f32>, usize),
            half: usize,
            out: &mut [Products],
        ) {
            let weights = weights.as_chunks::<HALF>().0.as_chunks::<4>().0;
            let weights = weights.as_chunks::<{ BLOCK / 2 }>().0;
            let mut sums = [[_mm256_setzero_ps(); 2]; N];
            for (columns, x) in weights.iter().zip(blocks::<_, N>(x)) {
                for (k, columns) in columns.iter().enumerate() {
                    let [even, odd] = [$load(&columns[half]), $load(&columns[2 + half])];
                    for (sums, x) in sums.iter_mut().zip(x) {
                        sums[0] = _mm256_fmadd_ps(even, _mm256_set1_ps(x[2 * k]), sums[0]);
                        sums[1] = _mm256_fmadd_ps(odd, _mm256_set1_ps(x[2 * k + 1]), sums[1]);
                    }
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
fn bf16_f32(weights: &[u16], x: Panels<'_, f32>, out: &mut [Products]) {
    for_panels!(bf16_f32_n, weights, x, out);
}

#[target_feature(enable = "avx2,fma")]
fn bf16_f32_n<const N: usize>(
    weights: &[u16],
    x: (Panel<'_, f32>, usize),
    half: usize,
    out: &mut [Products],
) {
    let weights = weights.as_chunks::<{ 2 * HALF }>().0.as_chunks::<2>().0;
    let weights = weights.as_chunks::<{ BLOCK / 2 }>().0;
    let upper = _mm256_set1_epi32(0xffff_0000u32 as i32);
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    for (pairs, x) in weights.iter().zip(blocks::<_, N>(x)) {
        for (k, pairs) in pairs.iter().enumerate() {
            // SAFETY: 32 bytes are there to be read.
            let pairs = unsafe { _mm256_loadu_si256(pairs[half].as_ptr().cast()) };
            let even = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
            let odd = _mm256_castsi256_ps(_mm256_and_si256(pairs, upper));
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[0] = _mm256_fmadd_ps(even, _mm256_set1_ps(x[2 * k]), sums[0]);
                sums[1] = _mm256_fmadd_ps(odd, _mm256_set1_ps(x[2 * k + 1]), sums[1]);
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        store(_mm256_add_ps(sums[0], sums[1]), half_of(out, half));
    }
}

#[target_feature(enable = "avx2,fma")]
fn mxfp4_f32(weights: TileIntegers<'_>, x: Panels<'_, f32>, out: &mut [Products]) {
    for_panels!(mxfp4_f32_n, weights, x, out);
}

#[target_feature(enable = "avx2,fma")]
fn mxfp4_f32_n<const N: usize>(
    weights: TileIntegers<'_>,
    x: (Panel<'_, f32>, usize),
    half: usize,
    out: &mut [Products],
) {
    let lines = weights.codes.as_chunks::<{ LINE / 2 }>().0.as_chunks::<2>().0;
    let weights = lines.as_chunks::<4>().0.iter().zip(weights.scales.as_chunks().0);
    let mut totals = [_mm256_setzero_ps(); N];
    for ((lines, scales), x) in weights.zip(blocks::<_, N>(x)) {
        let mut sums = [[_mm256_setzero_ps(); 2]; N];
        for (i, line) in lines.iter().enumerate() {
            let mut codes = load_bytes(&line[half]);
            for j in 0..4 {
                let [low, high] = [values(codes), values(_mm256_srli_epi32(codes, 4))];
                codes = _mm256_srli_epi32(codes, 8);
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = [x[8 * i + j], x[8 * i + 4 + j]];
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

#[inline]
fn half_of(out: &mut [f32; LANES], half: usize) -> &mut [f32; HALF] {
    &mut out.as_chunks_mut().0[half]
}
