//! Attention in f32: a block's 16 keys are two vectors, a value's dimensions go eight at a time.

use std::arch::x86_64::*;

use super::vector::{load_f32, store};
use super::{HALF, MANY};
use crate::cpu::attention::{
    self, CHUNK, Cell, GROUP_BLOCKS, GROUP_TOKENS, KvGroup, QueryTile, Visible, rescale,
};
use crate::cpu::softmax::soften;
use crate::placement::BLOCK_TOKENS;

/// A [`Cell`] as vectors.
pub(super) trait Lanes: Cell {
    /// Lanes `at..` of rows `2 · pair` and the one behind, of rows as wide as `width`, in f32.
    ///
    /// # Safety
    /// The machine has AVX2.
    unsafe fn pair(cells: &[Self], width: usize, pair: usize, at: usize) -> [__m256; 2];
}

impl Lanes for f32 {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn pair(cells: &[f32], width: usize, pair: usize, at: usize) -> [__m256; 2] {
        let first = 2 * pair * width + at;
        let [a, b] = [&cells[first..], &cells[first + width..]];
        [load_f32(a.first_chunk().expect("8 lanes")), load_f32(b.first_chunk().expect("8 lanes"))]
    }
}

impl Lanes for u16 {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn pair(cells: &[u16], width: usize, pair: usize, at: usize) -> [__m256; 2] {
        let pairs: &[u16; 2 * HALF] =
            cells[2 * (pair * width + at)..].first_chunk().expect("8 pairs");
        // SAFETY: 32 bytes are there to be read.
        let pairs = unsafe { _mm256_loadu_si256(pairs.as_ptr().cast()) };
        let odd = _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff_0000u32 as i32));
        [_mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)), _mm256_castsi256_ps(odd)]
    }
}

/// See `WidenFn`.
#[target_feature(enable = "avx2")]
pub(super) fn widen_fp8(block: &[u8], out: &mut [u16]) {
    attention::widen_fp8(block, out);
}

/// See `WidenFn`.
#[target_feature(enable = "avx2")]
pub(super) fn widen_int8(block: &[u8], out: &mut [u16]) {
    attention::widen_int8(block, out);
}

/// Calls a kernel that is generic over the number of rows with that number.
macro_rules! for_rows {
    ($kernel:ident::<$parameter:ty>, $rows:expr, $arguments:tt) => {
        match $rows {
            1 => $kernel::<$parameter, 1> $arguments,
            2 => $kernel::<$parameter, 2> $arguments,
            3 => $kernel::<$parameter, 3> $arguments,
            _ => $kernel::<$parameter, MANY> $arguments,
        }
    };
}

/// See `AttendFn`.
#[target_feature(enable = "avx2,fma")]
pub(super) fn attend<T: Lanes>(tile: &mut QueryTile, group: &KvGroup<'_, T>) {
    let (dim, stride) = (tile.dim, tile.stride());
    for first in (0..tile.rows).step_by(MANY) {
        let rows = MANY.min(tile.rows - first);
        let any = Visible::of(&tile.seen[first..first + rows]).any;
        let queries = &tile.queries[first * dim..(first + rows) * dim];
        let scores = &mut tile.weights[first..first + rows];
        for_rows!(score::<T>, rows, (queries, group, any, scores));
        for row in first..first + rows {
            let (max, sums) = (&mut tile.max[row], &mut tile.sums[row]);
            let seen = tile.seen[row];
            let correction = soften(&mut tile.weights[row], seen, tile.scale, max, sums);
            rescale(&mut tile.out[row * stride..(row + 1) * stride], correction);
        }
    }
    weigh(tile, group);
}

/// `query · key` for `N` rows and the keys of all blocks that one of them sees.
#[target_feature(enable = "avx2,fma")]
fn score<T: Lanes, const N: usize>(
    queries: &[f32],
    group: &KvGroup<'_, T>,
    any: u64,
    scores: &mut [[f32; GROUP_TOKENS]],
) {
    let pairs = queries.len() / (2 * N);
    let mut each: [&[[f32; 2]]; N] = [&[]; N];
    for (n, each) in each.iter_mut().enumerate() {
        *each = &queries[2 * n * pairs..][..2 * pairs].as_chunks().0[..pairs];
    }
    for (block, keys) in group.keys.into_iter().enumerate() {
        if any >> (block * BLOCK_TOKENS) & 0xffff == 0 {
            continue;
        }
        let mut sums = [[_mm256_setzero_ps(); 2]; N];
        for p in 0..pairs {
            // SAFETY: this function runs only where the machine has AVX2.
            let columns = unsafe {
                [T::pair(keys, BLOCK_TOKENS, p, 0), T::pair(keys, BLOCK_TOKENS, p, HALF)]
            };
            for (sums, query) in sums.iter_mut().zip(each) {
                let [even, odd] = [_mm256_set1_ps(query[p][0]), _mm256_set1_ps(query[p][1])];
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = _mm256_fmadd_ps(column[0], even, *sum);
                    *sum = _mm256_fmadd_ps(column[1], odd, *sum);
                }
            }
        }
        for (scores, sums) in scores.iter_mut().zip(sums) {
            for (scores, sum) in scores.as_chunks_mut().0[2 * block..].iter_mut().zip(sums) {
                store(sum, scores);
            }
        }
    }
}

/// `out += Σ weight · value` for all rows.
#[target_feature(enable = "avx2,fma")]
fn weigh<T: Lanes>(tile: &mut QueryTile, group: &KvGroup<'_, T>) {
    let stride = tile.stride();
    let visible = Visible::of(&tile.seen[..tile.rows]);
    let plain = visible.all == group.tokens();
    for from in (0..tile.dim).step_by(CHUNK) {
        let whole = plain && from + CHUNK <= tile.dim;
        let finite = whole || group.stage(from, visible, &mut tile.staged);
        let step = if finite { MANY } else { 1 };
        for first in (0..tile.rows).step_by(step) {
            let rows = step.min(tile.rows - first);
            let seen = Visible::of(&tile.seen[first..first + rows]);
            let weights = &tile.weights[first..first + rows];
            let out = (&mut tile.out[first * stride..(first + rows) * stride], from);
            if whole {
                let values = (group.values, tile.dim, from);
                for_rows!(weigh_n::<T>, rows, (values, weights, seen.any, out));
            } else {
                if !finite {
                    // What one row sees and is not finite must not reach those who do not see it.
                    group.stage(from, seen, &mut tile.staged);
                }
                let mut values: [&[f32]; GROUP_BLOCKS] = [&[]; GROUP_BLOCKS];
                let blocks = tile.staged.as_chunks::<BLOCK_TOKENS>().0;
                for (values, staged) in values.iter_mut().zip(blocks) {
                    *values = staged.as_flattened();
                }
                for_rows!(weigh_n::<f32>, rows, ((values, CHUNK, 0), weights, seen.any, out));
            }
        }
    }
}

/// `out += Σ weight · value` for `N` rows and [`CHUNK`] dimensions: those `at..` of values as wide as
/// `dim`, and `from..` of the outputs.
#[target_feature(enable = "avx2,fma")]
fn weigh_n<T: Lanes, const N: usize>(
    (values, dim, at): ([&[T]; GROUP_BLOCKS], usize, usize),
    weights: &[[f32; GROUP_TOKENS]],
    any: u64,
    (out, from): (&mut [f32], usize),
) {
    let stride = out.len() / N;
    for half in (0..CHUNK).step_by(2 * HALF) {
        let mut sums = [[_mm256_setzero_ps(); 2]; N];
        for (n, [a, b]) in sums.iter_mut().enumerate() {
            let out = out[n * stride + from + half..][..2 * HALF].as_chunks().0;
            (*a, *b) = (load_f32(&out[0]), load_f32(&out[1]));
        }
        for (block, values) in values.into_iter().enumerate() {
            if any >> (block * BLOCK_TOKENS) & 0xffff == 0 {
                continue;
            }
            for pair in 0..BLOCK_TOKENS / 2 {
                let (token, at) = (block * BLOCK_TOKENS + 2 * pair, at + half);
                // SAFETY: this function runs only where the machine has AVX2.
                let [low, high] = unsafe {
                    [T::pair(values, dim, pair, at), T::pair(values, dim, pair, at + HALF)]
                };
                for ([a, b], weights) in sums.iter_mut().zip(weights) {
                    let even = _mm256_set1_ps(weights[token]);
                    let odd = _mm256_set1_ps(weights[token + 1]);
                    *a = _mm256_fmadd_ps(low[0], even, *a);
                    *b = _mm256_fmadd_ps(high[0], even, *b);
                    *a = _mm256_fmadd_ps(low[1], odd, *a);
                    *b = _mm256_fmadd_ps(high[1], odd, *b);
                }
            }
        }
        for (n, [a, b]) in sums.into_iter().enumerate() {
            let out = out[n * stride + from + half..][..2 * HALF].as_chunks_mut().0;
            store(a, &mut out[0]);
            store(b, &mut out[1]);
        }
    }
}
