//! The kernels for x86-64 with AVX-512: one vector has all 16 rows of a tile.
//!
//! Vectors stay out of closures: those would not be inlined into the standard library's functions,
//! which are compiled for the baseline.
//!
//! Where a row's sum has several accumulators, so that additions need not wait for each other,
//! columns go to them by their index alone. The number of tokens changes nothing in that.

mod attend;
mod vector;

use std::arch::x86_64::*;

use throng_spec::Activation;

use self::vector::{
    load_bytes, load_f16, load_f32, load_pairs, load_scales, load_table, repeat, store,
};
use super::isa::Isa;
use super::kernels::{Kernels, LANES, NIBBLES, Rows, RowsI8, TileMxfp4, TileOut, UNSIGNED};
use super::portable;
use crate::mxfp4::{BLOCK, VALUES};

/// The table for machines without bf16 dot products.
pub(crate) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512,
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

/// The table for machines with them.
pub(crate) static KERNELS_BF16: Kernels =
    Kernels { isa: Isa::Avx512Bf16, bf16_bf16: Some(bf16_bf16), ..KERNELS };

/// Calls a kernel that is generic over the number of tokens with that number.
macro_rules! for_tokens {
    ($kernel:ident, $weights:expr, $x:expr, $tokens:expr, $out:expr; $($n:literal)*) => {
        match $tokens.len() {
            $($n => $kernel::<$n>($weights, $x, $tokens, $out),)*
            n => panic!("{n} tokens at once"),
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
    fn quantise(x: &[f32], integers: &mut [i8], scales: &mut [f32], corrections: &mut [i32]);
    fn narrow(x: &[f32], out: &mut [u16]);
    fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]);
    fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], epsilon: f32, out: &mut [f32]);
    fn activate(activation: Activation, x: &[f32], out: &mut [f32]);
}

/// Defines the kernel of weights that are stored column after column, given how a column is loaded.
macro_rules! columns {
    ($kernel:ident, $kernel_n:ident, $weight:ty, $load:ident) => {
        #[target_feature(enable = "avx512f")]
        fn $kernel(weights: &[$weight], x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
            for_tokens!($kernel_n, weights, x, tokens, out; 1 2 3 4 5 6 7 8);
        }

        #[target_feature(enable = "avx512f")]
        fn $kernel_n<const N: usize>(
            weights: &[$weight],
            x: Rows<'_, f32>,
            tokens: &[u32],
            out: &mut TileOut,
        ) {
            let columns = weights.as_chunks::<LANES>().0.as_chunks::<2>().0;
            let x = x.pick::<N>(tokens).map(|x| &x.as_chunks::<2>().0[..columns.len()]);
            let mut sums = [[_mm512_setzero_ps(); 2]; N];
            for (k, columns) in columns.iter().enumerate() {
                let [even, odd] = [$load(&columns[0]), $load(&columns[1])];
                for (sums, x) in sums.iter_mut().zip(x) {
                    sums[0] = _mm512_fmadd_ps(even, _mm512_set1_ps(x[k][0]), sums[0]);
                    sums[1] = _mm512_fmadd_ps(odd, _mm512_set1_ps(x[k][1]), sums[1]);
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
fn bf16_f32(weights: &[u16], x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    for_tokens!(bf16_f32_n, weights, x, tokens, out; 1 2 3 4 5 6 7 8);
}

#[target_feature(enable = "avx512f")]
fn bf16_f32_n<const N: usize>(
    weights: &[u16],
    x: Rows<'_, f32>,
    tokens: &[u32],
    out: &mut TileOut,
) {
    let pairs = weights.as_chunks::<{ 2 * LANES }>().0;
    let x = x.pick::<N>(tokens).map(|x| &x.as_chunks::<2>().0[..pairs.len()]);
    let upper = _mm512_set1_epi32(0xffff_0000u32 as i32);
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    for (k, pairs) in pairs.iter().enumerate() {
        let pairs = load_pairs(pairs);
        let even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
        let odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, upper));
        for (sums, x) in sums.iter_mut().zip(x) {
            sums[0] = _mm512_fmadd_ps(even, _mm512_set1_ps(x[k][0]), sums[0]);
            sums[1] = _mm512_fmadd_ps(odd, _mm512_set1_ps(x[k][1]), sums[1]);
        }
    }
    for (out, sums) in out.iter_mut().zip(sums) {
        store(_mm512_add_ps(sums[0], sums[1]), out);
    }
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn bf16_bf16(weights: &[u16], x: Rows<'_, u16>, tokens: &[u32], out: &mut TileOut) {
    for_tokens!(bf16_bf16_n, weights, x, tokens, out; 1 2 3 4 5 6 7 8);
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn bf16_bf16_n<const N: usize>(
    weights: &[u16],
    x: Rows<'_, u16>,
    tokens: &[u32],
    out: &mut TileOut,
) {
    let pairs = weights.as_chunks::<{ 2 * LANES }>().0.as_chunks::<2>().0;
    let x = x.pick::<N>(tokens).map(|x| &x.as_chunks::<2>().0.as_chunks::<2>().0[..pairs.len()]);
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    for (k, pairs) in pairs.iter().enumerate() {
        let [first, second] = [as_bf16(load_pairs(&pairs[0])), as_bf16(load_pairs(&pairs[1]))];
        for (sums, x) in sums.iter_mut().zip(x) {
            let [x0, x1] = [as_bf16(repeat(&x[k][0])), as_bf16(repeat(&x[k][1]))];
            sums[0] = _mm512_dpbf16_ps(sums[0], first, x0);
            sums[1] = _mm512_dpbf16_ps(sums[1], second, x1);
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

/// Two calls at most: with more than four tokens the sums would not fit in the registers.
#[target_feature(enable = "avx512f")]
fn mxfp4_f32(weights: TileMxfp4<'_>, x: Rows<'_, f32>, tokens: &[u32], out: &mut TileOut) {
    for (tokens, out) in tokens.chunks(4).zip(out.as_chunks_mut::<4>().0) {
        for_tokens!(mxfp4_f32_n, weights, x, tokens, out; 1 2 3 4);
    }
}

#[target_feature(enable = "avx512f")]
fn mxfp4_f32_n<const N: usize>(
    weights: TileMxfp4<'_>,
    x: Rows<'_, f32>,
    tokens: &[u32],
    out: &mut [[f32; LANES]; 4],
) {
    let blocks = weights.nibbles.as_chunks::<NIBBLES>().0;
    let x = x.pick::<N>(tokens).map(|x| &x.as_chunks::<BLOCK>().0[..blocks.len()]);
    let values = load_f32(&VALUES);
    let mut totals = [_mm512_setzero_ps(); N];
    for (k, (nibbles, scales)) in blocks.iter().zip(weights.scales.as_chunks().0).enumerate() {
        let mut sums = [[_mm512_setzero_ps(); 4]; N];
        for (i, line) in nibbles.as_chunks::<64>().0.iter().enumerate() {
            // The shuffle looks at the low four bits of a lane, so codes are shifted down there.
            let mut codes = load_bytes(line);
            for j in 0..4 {
                let low = _mm512_permutexvar_ps(codes, values);
                let high = _mm512_permutexvar_ps(_mm512_srli_epi32(codes, 4), values);
                codes = _mm512_srli_epi32(codes, 8);
                for (sums, x) in sums.iter_mut().zip(x) {
                    let x = [x[k][8 * i + j], x[k][8 * i + 4 + j]];
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

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn mxfp4_i8(weights: TileMxfp4<'_>, x: RowsI8<'_>, tokens: &[u32], out: &mut TileOut) {
    for_tokens!(mxfp4_i8_n, weights, x, tokens, out; 1 2 3 4 5 6 7 8);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn mxfp4_i8_n<'a, const N: usize>(
    weights: TileMxfp4<'_>,
    x: RowsI8<'a>,
    tokens: &[u32],
    out: &mut TileOut,
) {
    let blocks = weights.nibbles.as_chunks::<NIBBLES>().0;
    let fours = |x: &'a [i8]| &x.as_chunks::<4>().0.as_chunks::<8>().0[..blocks.len()];
    let integers = x.values.pick::<N>(tokens).map(fours);
    let x_scales = x.scales.pick::<N>(tokens).map(|x| &x[..blocks.len()]);
    let corrections = x.corrections.pick::<N>(tokens).map(|x| &x[..blocks.len()]);
    // The dot product takes unsigned weights: values are shifted up, and the sum corrected.
    let values = _mm512_broadcast_i32x4(load_table(&UNSIGNED));
    let low = _mm512_set1_epi8(15);
    let mut totals = [_mm512_setzero_ps(); N];
    for (k, (nibbles, scales)) in blocks.iter().zip(weights.scales.as_chunks().0).enumerate() {
        let mut columns = [_mm512_setzero_si512(); 8];
        for (columns, line) in columns.as_chunks_mut::<2>().0.iter_mut().zip(nibbles.as_chunks().0)
        {
            let codes = load_bytes(line);
            columns[0] = _mm512_shuffle_epi8(values, _mm512_and_si512(codes, low));
            let codes = _mm512_srli_epi16(codes, 4);
            columns[1] = _mm512_shuffle_epi8(values, _mm512_and_si512(codes, low));
        }
        let scales = load_scales(scales);
        for n in 0..N {
            let mut sums = [_mm512_set1_epi32(corrections[n][k]), _mm512_setzero_si512()];
            for (columns, x) in columns.chunks_exact(2).zip(integers[n][k].as_chunks::<2>().0) {
                let x = [repeat(&x[0]), repeat(&x[1])];
                sums[0] = _mm512_dpbusd_epi32(sums[0], columns[0], x[0]);
                sums[1] = _mm512_dpbusd_epi32(sums[1], columns[1], x[1]);
            }
            let sum = _mm512_cvtepi32_ps(_mm512_add_epi32(sums[0], sums[1]));
            let scale = _mm512_mul_ps(scales, _mm512_set1_ps(x_scales[n][k]));
            totals[n] = _mm512_fmadd_ps(sum, scale, totals[n]);
        }
    }
    for (out, total) in out.iter_mut().zip(totals) {
        store(total, out);
    }
}
