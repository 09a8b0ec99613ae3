//! Attention in f32: a block's 16 keys are one vector, a value's dimensions go 16 at a time.

use std::arch::x86_64::*;

use super::softmax::soften;
use super::vector::{load_f32, load_pairs, store};
use crate::cpu::attention::{
    CHUNK, Cell, GROUP_BLOCKS, GROUP_TOKENS, KvGroup, QueryTile, ROWS, Visible,
};
use crate::cpu::kernels::LANES;
use crate::placement::BLOCK_TOKENS;

/// A [`Cell`] as vectors.
pub(crate) trait Lanes: Cell {
    /// Lanes `at..` of rows `2 · pair` and the one behind, of rows as wide as `width`, in f32.
    ///
    /// # Safety
    /// The machine has AVX-512 F.
    unsafe fn pair(cells: &[Self], width: usize, pair: usize, at: usize) -> [__m512; 2];
}

impl Lanes for f32 {
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn pair(cells: &[f32], width: usize, pair: usize, at: usize) -> [__m512; 2] {
        let first = 2 * pair * width + at;
        let [a, b] = [&cells[first..], &cells[first + width..]];
        [load_f32(a.first_chunk().expect("16 lanes")), load_f32(b.first_chunk().expect("16 lanes"))]
    }
}

impl Lanes for u16 {
    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn pair(cells: &[u16], width: usize, pair: usize, at: usize) -> [__m512; 2] {
        let cells = cells[2 * (pair * width + at)..].first_chunk().expect("16 pairs");
        let pairs = load_pairs(cells);
        let upper = _mm512_set1_epi32(0xffff_0000u32 as i32);
        let odd = _mm512_and_si512(pairs, upper);
        [_mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)), _mm512_castsi512_ps(odd)]
    }
}

/// Calls a kernel that is generic over the number of rows with that number.
macro_rules! for_rows {
    ($kernel:ident::<$parameter:ty>, $rows:expr, $arguments:tt; $($n:literal)*) => {
        match $rows {
            $($n => $kernel::<$parameter, $n> $arguments,)*
            n => panic!("{n} rows at once"),
        }
    };
}

/// See `AttendFn`.
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
pub(crate) fn attend<T: Lanes>(tile: &mut QueryTile, group: &KvGroup<'_, T>) {
    let (dim, stride) = (tile.dim, tile.stride());
    for first in (0..tile.rows).step_by(ROWS) {
        let rows = ROWS.min(tile.rows - first);
        let any = Visible::of(&tile.seen[first..first + rows]).any;
        let queries = &tile.queries[first * dim..(first + rows) * dim];
        let scores = &mut tile.weights[first..first + rows];
        for_rows!(score::<T>, rows, (queries, group, any, scores); 1 2 3 4 5 6 7 8);
        for row in first..first + rows {
            let out = &mut tile.out[row * stride..(row + 1) * stride];
            let (max, sums) = (&mut tile.max[row], &mut tile.sums[row]);
            soften(&mut tile.weights[row], tile.seen[row], tile.scale, (max, sums), out);
        }
    }
    weigh(tile, group);
}

/// `query · key` for `N` rows and the keys of all blocks that one of them sees.
#[target_feature(enable = "avx512f")]
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
    for (half, keys) in group.keys.as_chunks::<2>().0.iter().enumerate() {
        match any >> (half * 2 * BLOCK_TOKENS) & 0xffff_ffff {
            0 => {}
            1..=0xffff => score_blocks::<T, N, 1>(&each, [keys[0]], 2 * half, scores),
            any if any & 0xffff == 0 => {
                score_blocks::<T, N, 1>(&each, [keys[1]], 2 * half + 1, scores);
            }
            _ => score_blocks::<T, N, 2>(&each, *keys, 2 * half, scores),
        }
    }
}

/// `query · key` for `N` rows and `B` blocks, the first of which is the group's `block`.
#[inline]
#[target_feature(enable = "avx512f")]
fn score_blocks<T: Lanes, const N: usize, const B: usize>(
    queries: &[&[[f32; 2]]; N],
    keys: [&[T]; B],
    block: usize,
    scores: &mut [[f32; GROUP_TOKENS]],
) {
    let mut sums = [[_mm512_setzero_ps(); B]; N];
    let pairs = queries[0].len();
    for p in 0..pairs {
        let mut columns = [[_mm512_setzero_ps(); 2]; B];
        for (column, keys) in columns.iter_mut().zip(keys) {
            // SAFETY: this function runs only where the machine has AVX-512 F.
            *column = unsafe { T::pair(keys, BLOCK_TOKENS, p, 0) };
        }
        for (sums, query) in sums.iter_mut().zip(queries) {
            let [even, odd] = [_mm512_set1_ps(query[p][0]), _mm512_set1_ps(query[p][1])];
            for (sum, column) in sums.iter_mut().zip(columns) {
                *sum = _mm512_fmadd_ps(column[0], even, *sum);
                *sum = _mm512_fmadd_ps(column[1], odd, *sum);
            }
        }
    }
    for (scores, sums) in scores.iter_mut().zip(sums) {
        for (scores, sum) in scores.as_chunks_mut().0[block..].iter_mut().zip(sums) {
            store(sum, scores);
        }
    }
}

/// `out += Σ weight · value` for all rows.
#[target_feature(enable = "avx512f")]
fn weigh<T: Lanes>(tile: &mut QueryTile, group: &KvGroup<'_, T>) {
    let stride = tile.stride();
    let visible = Visible::of(&tile.seen[..tile.rows]);
    let plain = visible.all == group.tokens();
    for from in (0..tile.dim).step_by(CHUNK) {
        let whole = plain && from + CHUNK <= tile.dim;
        let finite = whole || group.stage(from, visible, &mut tile.staged);
        let step = if finite { ROWS } else { 1 };
        for first in (0..tile.rows).step_by(step) {
            let rows = step.min(tile.rows - first);
            let seen = Visible::of(&tile.seen[first..first + rows]);
            if seen.any == 0 {
                continue;
            }
            let weights = &tile.weights[first..first + rows];
            let out = (&mut tile.out[first * stride..(first + rows) * stride], from);
            if whole {
                let values = (group.values, tile.dim, from);
                for_rows!(weigh_n::<T>, rows, (values, weights, seen.any, out); 1 2 3 4 5 6 7 8);
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
                let values = (values, CHUNK, 0);
                for_rows!(weigh_n::<f32>, rows, (values, weights, seen.any, out); 1 2 3 4 5 6 7 8);
            }
        }
    }
}

/// `out += Σ weight · value` for `N` rows and [`CHUNK`] dimensions: those `at..` of values as wide as
/// `dim`, and `from..` of the outputs.
#[target_feature(enable = "avx512f")]
fn weigh_n<T: Lanes, const N: usize>(
    (values, dim, at): ([&[T]; GROUP_BLOCKS], usize, usize),
    weights: &[[f32; GROUP_TOKENS]],
    any: u64,
    (out, from): (&mut [f32], usize),
) {
    let stride = out.len() / N;
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    for (n, [a, b]) in sums.iter_mut().enumerate() {
        let out = out[n * stride + from..][..CHUNK].as_chunks().0;
        (*a, *b) = (load_f32(&out[0]), load_f32(&out[1]));
    }
    for (block, values) in values.into_iter().enumerate() {
        if any >> (block * BLOCK_TOKENS) & 0xffff == 0 {
            continue;
        }
        for pair in 0..BLOCK_TOKENS / 2 {
            let token = block * BLOCK_TOKENS + 2 * pair;
            // SAFETY: this function runs only where the machine has AVX-512 F.
            let [low, high] =
                unsafe { [T::pair(values, dim, pair, at), T::pair(values, dim, pair, at + LANES)] };
            for ([a, b], weights) in sums.iter_mut().zip(weights) {
                let [even, odd] = [weights[token], weights[token + 1]];
                let [even, odd] = [_mm512_set1_ps(even), _mm512_set1_ps(odd)];
                *a = _mm512_fmadd_ps(low[0], even, *a);
                *b = _mm512_fmadd_ps(high[0], even, *b);
                *a = _mm512_fmadd_ps(low[1], odd, *a);
                *b = _mm512_fmadd_ps(high[1], odd, *b);
            }
        }
    }
    for (n, [a, b]) in sums.into_iter().enumerate() {
        let out = out[n * stride + from..][..CHUNK].as_chunks_mut().0;
        store(a, &mut out[0]);
        store(b, &mut out[1]);
    }
}
