//! What vector instructions of x86-64 make. Each loop keeps as many sums in registers as hide the
//! latency of its instruction.

use std::arch::x86_64::*;
use std::array::from_fn;
use std::hint::black_box;

use super::Loop;
use crate::arithmetic::Arithmetic;

/// Sums of a loop with 32 registers.
const SUMS_512: usize = 16;

/// Sums of a loop with 16 registers, some of which hold the factors.
const SUMS_256: usize = 10;

/// Those of AVX2 with FMA. It has no dot product of bytes, but three instructions that make one.
pub(super) static AVX2: [Loop; 2] = [
    Loop { arithmetic: Arithmetic::F32, macs: 8 * SUMS_256, run: f32_256 },
    Loop { arithmetic: Arithmetic::Int8, macs: 32 * SUMS_256, run: int8_256 },
];

// Of AVX-512.
pub(super) const F32: Loop =
    Loop { arithmetic: Arithmetic::F32, macs: 16 * SUMS_512, run: f32_512 };
pub(super) const INT8: Loop =
    Loop { arithmetic: Arithmetic::Int8, macs: 64 * SUMS_512, run: int8_512 };
pub(super) const BF16: Loop =
    Loop { arithmetic: Arithmetic::Bf16, macs: 32 * SUMS_512, run: bf16_512 };

/// Those of AVX-512 with VNNI.
pub(super) static AVX512: [Loop; 2] = [F32, INT8];

/// Those of AVX-512 with VNNI and BF16.
pub(super) static AVX512_BF16: [Loop; 3] = [F32, INT8, BF16];

#[target_feature(enable = "avx2,fma")]
fn f32_256(rounds: usize) {
    let [a, b] = black_box([0.5, 0.25]).map(|x| _mm256_set1_ps(x));
    let mut sums: [__m256; SUMS_256] = black_box(from_fn(|sum| _mm256_set1_ps(sum as f32)));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(a, b, *sum);
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx2")]
fn int8_256(rounds: usize) {
    let ones = _mm256_set1_epi16(1);
    let mut a = _mm256_set1_epi8(3);
    let mut sums: [__m256i; SUMS_256] = black_box(from_fn(|sum| _mm256_set1_epi32(sum as i32)));
    let b = sums;
    for _ in 0..rounds {
        // Else the compiler would see that the products are the same in every round.
        a = black_box(a);
        for (sum, b) in sums.iter_mut().zip(&b) {
            let pairs = _mm256_maddubs_epi16(a, *b);
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pairs, ones));
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx512f")]
fn f32_512(rounds: usize) {
    let [a, b] = black_box([0.5, 0.25]).map(|x| _mm512_set1_ps(x));
    let mut sums: [__m512; SUMS_512] = black_box(from_fn(|sum| _mm512_set1_ps(sum as f32)));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(a, b, *sum);
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx512f,avx512vnni")]
fn int8_512(rounds: usize) {
    let [a, b] = black_box([3, 5]).map(|x| _mm512_set1_epi8(x));
    let mut sums: [__m512i; SUMS_512] = black_box(from_fn(|sum| _mm512_set1_epi32(sum as i32)));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbusd_epi32(*sum, a, b);
        }
    }
    black_box(sums);
}

#[target_feature(enable = "avx512f,avx512bf16")]
fn bf16_512(rounds: usize) {
    let [a, b] = black_box([0.5, 0.25]).map(|x| spread_bf16(x));
    let mut sums: [__m512; SUMS_512] = black_box(from_fn(|sum| _mm512_set1_ps(sum as f32)));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = _mm512_dpbf16_ps(*sum, a, b);
        }
    }
    black_box(sums);
}

/// A value 32 times.
#[target_feature(enable = "avx512f,avx512bf16")]
fn spread_bf16(x: f32) -> __m512bh {
    let x = _mm512_set1_ps(x);
    _mm512_cvtne2ps_pbh(x, x)
}
