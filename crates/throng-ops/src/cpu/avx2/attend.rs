//! Attention: a block's 16 keys are two vectors, a value's dimensions go eight at a time.

use std::arch::x86_64::*;

use super::vector::{load_f32, store};
use super::{HALF, MANY};
use crate::cpu::kernels::{KvBlock, Running, Scores, TILE_HEADS};
use crate::cpu::portable;
use crate::placement::BLOCK_TOKENS;

/// An element of the KV cache.
pub(super) trait Cell: Copy {
    /// Eight of them in f32.
    ///
    /// # Safety
    /// The machine has AVX2.
    unsafe fn widen(cells: &[Self; HALF]) -> __m256;

    /// One in f32.
    fn widen_one(self) -> f32;
}

impl Cell for f32 {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn widen(cells: &[f32; HALF]) -> __m256 {
        load_f32(cells)
    }

    fn widen_one(self) -> f32 {
        self
    }
}

impl Cell for u16 {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn widen(cells: &[u16; HALF]) -> __m256 {
        // SAFETY: 16 bytes are there to be read.
        let cells = unsafe { _mm_loadu_si128(cells.as_ptr().cast()) };
        _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(cells), 16))
    }

    fn widen_one(self) -> f32 {
        portable::widen(self)
    }
}

/// Calls a kernel on up to four heads at a time, with the first and their number.
macro_rules! for_heads {
    ($kernel:ident, $heads:expr, $first:ident => $arguments:tt) => {
        for $first in (0..$heads).step_by(MANY) {
            match $heads - $first {
                1 => $kernel::<T, 1> $arguments,
                2 => $kernel::<T, 2> $arguments,
                3 => $kernel::<T, 3> $arguments,
                _ => $kernel::<T, MANY> $arguments,
            }
        }
    };
}

/// See `AttendFn`.
#[target_feature(enable = "avx2,fma")]
pub(super) fn attend<T: Cell>(
    queries: &[f32],
    block: KvBlock<'_, T>,
    scale: f32,
    running: &mut Running,
    out: &mut [f32],
) {
    let dim = block.keys.len() / BLOCK_TOKENS;
    let heads = queries.len() / dim;
    assert!(heads <= TILE_HEADS, "{heads} heads at once");
    let mut scores: Scores = [[0.0; BLOCK_TOKENS]; TILE_HEADS];
    for_heads!(score, heads, n => (&queries[n * dim..], block, &mut scores[n..]));
    let corrections = portable::soften(&mut scores, heads, block.visible(), scale, running);
    for_heads!(weigh, heads, n => (&scores[n..], &corrections[n..], block, &mut out[n * dim..]));
}

/// `query · key` for `N` heads and all keys of the block.
#[target_feature(enable = "avx2,fma")]
fn score<T: Cell, const N: usize>(
    queries: &[f32],
    block: KvBlock<'_, T>,
    scores: &mut [[f32; BLOCK_TOKENS]],
) {
    let keys = block.keys.as_chunks::<HALF>().0.as_chunks::<2>().0;
    let mut each: [&[f32]; N] = [&[]; N];
    for (n, each) in each.iter_mut().enumerate() {
        *each = &queries[n * keys.len()..][..keys.len()];
    }
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    for (d, keys) in keys.iter().enumerate() {
        // SAFETY: this function runs only where the machine has AVX2.
        let keys = unsafe { [T::widen(&keys[0]), T::widen(&keys[1])] };
        for (sums, query) in sums.iter_mut().zip(each) {
            let query = _mm256_set1_ps(query[d]);
            sums[0] = _mm256_fmadd_ps(keys[0], query, sums[0]);
            sums[1] = _mm256_fmadd_ps(keys[1], query, sums[1]);
        }
    }
    for (scores, sums) in scores.iter_mut().zip(sums) {
        for (scores, sum) in scores.as_chunks_mut().0.iter_mut().zip(sums) {
            store(sum, scores);
        }
    }
}

/// `out = out · correction + Σ weight · value` for `N` heads.
#[target_feature(enable = "avx2,fma")]
fn weigh<T: Cell, const N: usize>(
    weights: &[[f32; BLOCK_TOKENS]],
    corrections: &[f32],
    block: KvBlock<'_, T>,
    out: &mut [f32],
) {
    let dim = block.values.len() / BLOCK_TOKENS;
    for start in (0..dim - dim % HALF).step_by(HALF) {
        let mut sums = [_mm256_setzero_ps(); N];
        for (n, sum) in sums.iter_mut().enumerate() {
            let out = out[n * dim + start..].first_chunk().expect("8 dimensions");
            *sum = _mm256_mul_ps(load_f32(out), _mm256_set1_ps(corrections[n]));
        }
        for token in block.visible() {
            let values = block.values[token * dim + start..].first_chunk().expect("8 dimensions");
            // SAFETY: this function runs only where the machine has AVX2.
            let values = unsafe { T::widen(values) };
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm256_fmadd_ps(values, _mm256_set1_ps(weights[token]), *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            store(sum, out[n * dim + start..].first_chunk_mut().expect("8 dimensions"));
        }
    }
    // What does not fill a vector, in the same order.
    for d in dim - dim % HALF..dim {
        for n in 0..N {
            let mut sum = out[n * dim + d] * corrections[n];
            for token in block.visible() {
                let value = block.values[token * dim + d].widen_one();
                sum = weights[n][token].mul_add(value, sum);
            }
            out[n * dim + d] = sum;
        }
    }
}
