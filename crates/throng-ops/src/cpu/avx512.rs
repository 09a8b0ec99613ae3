//! The kernels for x86-64 with AVX-512: one vector has all 16 rows of a tile.
//!
//! Vectors stay out of closures: those would not be inlined into the standard library's functions,
//! which are compiled for the baseline.
//!
//! Where a row's sum has several accumulators, so that additions need not wait for each other,
//! columns go to them by their index alone. The number of tokens changes nothing in that.

mod attend;
mod integers;
mod quantise;
mod softmax;
mod vector;
mod widen;

use std::arch::x86_64::*;

use throng_spec::Activation;

pub(super) use self::attend::attend;
pub(super) use self::integers::{load_block, load_integers, multiply};
use self::quantise::quantise;
pub(super) use self::softmax::weights;
use self::vector::{load_bytes, load_f16, load_f32, load_pairs, load_scales, repeat, store};
use super::integers::{LINE, TileIntegers, for_formats};
use super::isa::Isa;
use super::kernels::{Kernels, LANES, Products};
use super::panels::{BLOCK, Lane, PANEL, Panel, Panels};
use super::portable;
use super::products::Joined;
use crate::mxfp4::VALUES;

/// The table for machines without bf16 dot products.
pub(crate) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512,
    f32_f32,
    f16_f32,
    bf16_f32,
    bf16_bf16: None,
    mxfp4_f32,
    integers_i8: for_formats!(multiply),
    release: || {},
    attend_f32: attend::<f32>,
    attend_bf16: attend::<u16>,
    attend_bf16_f32: attend::<u16>,
    widen_fp8: widen::fp8,
    widen_int8: widen::int8,
    quantise,
    narrow,
    rms_norm,
    layer_norm,
    rotate,
    join,
    activate,
};

/// The table for machines with them.
pub(crate) static KERNELS_BF16: Kernels = Kernels {
    isa: Isa::Avx512Bf16,
    bf16_bf16: Some(bf16_bf16),
    widen_int8: widen::int8_bf16,
    ..KERNELS
};

/// Calls a kernel that is generic over the number of vectors with up to as many of a panel as are
/// listed, until all panels are done.
macro_rules! for_panels {
    ($kernel:ident, $weights:expr, $x:expr, $out:expr; $most:literal: $($n:literal)*) => {
        for (panel, out) in $x.iter().zip($out.chunks_mut(PANEL)) {
            for (index, out) in out.chunks_mut($most).enumerate() {
                match out.len() {
                    $($n => $kernel::<$n>($weights, panel, index * $most, out),)*
                    n => panic!("{n} vectors at once"),
                }
            }
        }
    };
}

/// Defines functions of the portable loops, compiled for this instruction set.
macro_rules! portable {
    ($(fn $name:ident($($argument:ident: $type:ty),*);)*) => {
        $(#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
        fn $name($($argument: $type),*) {
            portable::$name($($argument),*);
        })*
    };
}

portable! {
    fn narrow(x: &[f32], lane: Lane, out: &mut [u16]);
    fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]);
    fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, out: &mut [f32]);
    fn rotate(cos: &[f32], sin: &[f32], heads: &mut [f32]);
    fn activate(activation: Activation, x: &[f32], out: &mut [f32]);
}

/// See `Kernels::join`: left to itself, the compiler gathers a lane of many products at once.
#[target_feature(enable = "avx512f")]
fn join(products: &[Products], bias: &Products, half: usize, joined: &mut [Joined]) {
    let bias = load_f32(bias);
    for (products, joined) in products.iter().zip(joined) {
        let sum = _mm512_add_ps(load_f32(products), bias);
        store(sum, &mut joined.as_chunks_mut().0[half]);
    }
}

/// The blocks of `N` vectors of a panel from the one at `first` on.
fn blocks<T, const N: usize>(
    x: Panel<'_, T>,
    first: usize,
) -> impl Iterator<Item = &[[T; BLOCK]; N]> {
    let blocks = x.values.as_chunks().0.chunks_exact(x.vectors);
    blocks.map(move |block| block[first..].first_chunk().expect("vectors of the panel"))
}

/// Defines the kernel of weights that are stored column after column, given how a column is loaded.
macro_rules! columns {
    ($kernel:ident, $kernel_n:ident, $weight:ty, $load:ident) => {
        #[target_feature(enable = "avx512f")]
        fn $kernel(weights: &[$weight], x: Panels<'_, f32>, out: &mut [Products]) {
            for_panels!($kernel_n, weights, x, out; 8: 1 2 3 4 5 6 7 8);
        }

        #[target_feature(enable = "avx512f")]
        fn $kernel_n<const N: usize>(
            weights: &[$weight],
            x: Panel<'_, f32>,
            first: usize,
            out: &mut [Products],
        ) {
            let weights = weights.as_chunks::<LANES>().0.as_chunks::<2>().0;
            let weights = weights.as_chunks::<{ BLOCK / 2 }>().0;
            let mut sums = [[_mm512_setzero_ps(); 2]; N];
            for (columns, x) in weights.iter().zip(blocks::<_, N>(x, first)) {
                for (k, columns) in columns.iter().enumerate() {
                    let [even, odd] = [$load(&columns[0]), $load(&columns[1])];
                    for (sums, x) in sums.iter_mut().zip(x) {
                        sums[0] = _mm512_fmadd_ps(even, _mm512_set1_ps(x[2 * k]), sums[0]);
                        sums[1] = _mm512_fmadd_ps(odd, _mm512_set1_ps(x[2 * k + 1]), sums[1]);
                    }
                }
            }
            for (out, sums) in out.iter_mut().zip(sums) {
                store(_mm512_add_ps(sums[0], sums[1]), out);
            }
        }
    };
}

columns!(f32_f32, f32_f32_n, f32, load_f32);
columns!(f16_f32, f16_f32_n, u16, load_f16);

#[target_feature(enable = "avx512f")]
fn bf16_f32(weights: &[u16], x: Panels<'_, f32>, out: &mut [Products]) {
    for_panels!(bf16_f32_n, weights, x, out; 8: 1 2 3 4 5 6 7 8);
}

#[target_feature(enable = "avx512f")]
fn bf16_f32_n<const N: usize>(
    weights: &[u16],
    x: Panel<'_, f32>,
    first: usize,
    out: &mut [Products],
) {
    let weights = weights.as_chunks::<{ 2 * LANES }>().0.as_chunks::<{ BLOCK / 2 }>().0;
    let upper = _mm512_set1_epi32(0xffff_0000u32 as i32);
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    for (pairs, x) in weights.iter().zip(blocks::<_, N>(x, first)) {
        for (k, pairs) in pairs.iter().enumerate() {
            let pairs = load_pairs(pairs);
            let even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
            let odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, upper));
            for (sums, x) in sums.iter_mut().zip(x) {
                sums[0] = _mm512_fmadd_ps(even, _mm512_set1_ps(x[2 * k]), sums[0]);
                sums[1] = _mm512_fmadd_ps(odd, _mm512_set1_ps(x[2 * k + 1]), sums[1]);
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        store(_mm512_add_ps(sums[0], sums[1]), out);
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn bf16_bf16(weights: &[u16], x: Panels<'_, u16>, out: &mut [Products]) {
    let tiles = weights.chunks_exact(LANES * x.width());
    for (weights, out) in tiles.zip(out.chunks_exact_mut(x.vectors())) {
        for_panels!(bf16_bf16_n, weights, x, out; 8: 1 2 3 4 5 6 7 8);
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn bf16_bf16_n<const N: usize>(
    weights: &[u16],
    x: Panel<'_, u16>,
    first: usize,
    out: &mut [Products],
) {
    let weights = weights.as_chunks::<{ 2 * LANES }>().0.as_chunks::<{ BLOCK / 2 }>().0;
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    for (pairs, x) in weights.iter().zip(blocks::<_, N>(x, first)) {
        for (k, pairs) in pairs.as_chunks::<2>().0.iter().enumerate() {
            let pairs = [as_bf16(load_pairs(&pairs[0])), as_bf16(load_pairs(&pairs[1]))];
            for (sums, x) in sums.iter_mut().zip(x) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    let x = as_bf16(repeat(&x.as_chunks::<2>().0[2 * k + i]));
                    *sum = _mm512_dpbf16_ps(*sum, pairs[i], x);
                }
            }
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        store(_mm512_add_ps(sums[0], sums[1]), out);
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn as_bf16(pairs: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes of which every pattern is valid.
    unsafe { std::mem::transmute::<__m512i, __m512bh>(pairs) }
}

/// With more than four vectors the sums would not fit in the registers.
#[target_feature(enable = "avx512f")]
fn mxfp4_f32(weights: TileIntegers<'_>, x: Panels<'_, f32>, out: &mut [Products]) {
    for_panels!(mxfp4_f32_n, weights, x, out; 4: 1 2 3 4);
}

#[target_feature(enable = "avx512f")]
fn mxfp4_f32_n<const N: usize>(
    weights: TileIntegers<'_>,
    x: Panel<'_, f32>,
    first: usize,
    out: &mut [Products],
) {
    let weights = weights
        .codes
        .as_chunks::<LINE>()
        .0
        .as_chunks::<4>()
        .0
        .iter()
        .zip(weights.scales.as_chunks().0);
    let values = load_f32(&VALUES);
    let mut totals = [_mm512_setzero_ps(); N];
    for ((lines, scales), x) in weights.zip(blocks::<_, N>(x, first)) {
        let mut sums = [[_mm512_setzero_ps(); 4]; N];
        for (i, line) in lines.iter().enumerate() {
            // The shuffle looks at the low four bits of a lane, so codes are shifted down there.
            let mut codes = load_bytes(line);
            for j in 0..4 {
                let low = _mm512_permutexvar_ps(codes, values);
                let high = _mm512_permutexvar_ps(_mm512_srli_epi32(codes, 4), values);
                codes = _mm512_srli_epi32(codes, 8);
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = [x[8 * i + j], x[8 * i + 4 + j]];
                    sums[j] = _mm512_fmadd_ps(low, _mm512_set1_ps(x[0]), sums[j]);
                    sums[j] = _mm512_fmadd_ps(high, _mm512_set1_ps(x[1]), sums[j]);
                }
            }
        }
        let scales = load_scales(scales);
        for (total, [a, b, c, d]) in totals.iter_mut().zip(sums) {
            let sum = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
            *total = _mm512_fmadd_ps(sum, scales, *total);
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, out);
    }
}
