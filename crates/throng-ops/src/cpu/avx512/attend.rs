//! Attention: a block's 16 keys are one vector, a value's dimensions go 16 at a time.

use std::arch::x86_64::*;

use super::vector::{load_f32, store};
use crate::cpu::kernels::{KvBlock, LANES, Running, Scores, TILE_HEADS};
use crate::cpu::portable;
use crate::placement::BLOCK_TOKENS;

/// An element of the KV cache.
pub(super) trait Cell: Copy {
    /// 16 of them in f32.
    ///
    /// # Safety
    /// The machine has AVX-512 F.
    unsafe fn widen(cells: &[Self; 16]) -> __m512;

    /// One in f32.
    fn widen_one(self) -> f32;
}

impl Cell for f32 {
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn widen(cells: &[f32; 16]) -> __m512 {
        load_f32(cells)
    }

    fn widen_one(self) -> f32 {
        self
    }
}

impl Cell for u16 {
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn widen(cells: &[u16; 16]) -> __m512 {
        // SAFETY: 32 bytes are there to be read.
        let cells = unsafe { _mm256_loadu_si256(cells.as_ptr().cast()) };
        _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(cells), 16))
    }

    fn widen_one(self) -> f32 {
        portable::widen(self)
    }
}

/// Calls a kernel that is generic over the number of heads with that number.
macro_rules! for_heads {
    ($kernel:ident, $heads:expr, $arguments:tt; $($n:literal)*) => {
        match $heads {
            $($n => $kernel::<T, $n> $arguments,)*
            n => panic!("{n} heads at once"),
        }
    };
}

/// See `AttendFn`.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn attend<T: Cell>(
    queries: &[f32],
    block: KvBlock<'_, T>,
    scale: f32,
    running: &mut Running,
    out: &mut [f32],
) {
    let dim = block.keys.len() / BLOCK_TOKENS;
    let heads = queries.len() / dim;
    let mut scores: Scores = [[0.0; BLOCK_TOKENS]; TILE_HEADS];
    for_heads!(score, heads, (queries, block, &mut scores); 1 2 3 4 5 6 7 8);
    let corrections = portable::soften(&mut scores, heads, block.visible(), scale, running);
    for_heads!(weigh, heads, (&scores, &corrections, block, out); 1 2 3 4 5 6 7 8);
}

/// `query · key` for `N` heads and all keys of the block.
#[target_feature(enable = "avx512f")]
fn score<T: Cell, const N: usize>(queries: &[f32], block: KvBlock<'_, T>, scores: &mut Scores) {
    let keys = block.keys.as_chunks::<BLOCK_TOKENS>().0;
    let mut each: [&[f32]; N] = [&[]; N];
    for (n, each) in each.iter_mut().enumerate() {
        *each = &queries[n * keys.len()..][..keys.len()];
    }
    let mut sums = [_mm512_setzero_ps(); N];
    for (d, keys) in keys.iter().enumerate() {
        // SAFETY: this function runs only where the machine has AVX-512 F.
        let keys = unsafe { T::widen(keys) };
        for (sum, query) in sums.iter_mut().zip(each) {
            *sum = _mm512_fmadd_ps(keys, _mm512_set1_ps(query[d]), *sum);
        }
    }
    for (scores, sum) in scores.iter_mut().zip(sums) {
        store(sum, scores);
    }
}

/// `out = out · correction + Σ weight · value` for `N` heads.
#[target_feature(enable = "avx512f,fma")]
fn weigh<T: Cell, const N: usize>(
    weights: &Scores,
    corrections: &[f32; TILE_HEADS],
    block: KvBlock<'_, T>,
    out: &mut [f32],
) {
    let dim = block.values.len() / BLOCK_TOKENS;
    for start in (0..dim - dim % LANES).step_by(LANES) {
        let mut sums = [_mm512_setzero_ps(); N];
        for (n, sum) in sums.iter_mut().enumerate() {
            let out = out[n * dim + start..].first_chunk().expect("16 dimensions");
            *sum = _mm512_mul_ps(load_f32(out), _mm512_set1_ps(corrections[n]));
        }
        for token in block.visible() {
            let values = block.values[token * dim + start..].first_chunk().expect("16 dimensions");
            // SAFETY: this function runs only where the machine has AVX-512 F.
            let values = unsafe { T::widen(values) };
            for (sum, weights) in sums.iter_mut().zip(weights) {
                *sum = _mm512_fmadd_ps(values, _mm512_set1_ps(weights[token]), *sum);
            }
        }
        for (n, sum) in sums.into_iter().enumerate() {
            store(sum, out[n * dim + start..].first_chunk_mut().expect("16 dimensions"));
        }
    }
    // What does not fill a vector, in the same order.
    for d in dim - dim % LANES..dim {
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
