//! Attention of a step's queries: tiles of rows that walk their keys once.
//!
//! A tile is up to 64 rows, heads of neighbouring tokens that share a KV head. They take their keys
//! 64 at a time, cut at multiples of 64 wherever a row begins to see, so that a row's groups are the
//! same in any tile. Each row decides from its own scores when to rescale.

use std::array::from_fn;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use throng_spec::{Heads, KvDtype};

use super::runs::{Run, cut};
use super::source::{Bytes, Plain, Source};
use super::tile::{AttendFn, GROUP_BLOCKS, GROUP_TOKENS, QueryTile, TILE_ROWS};
use super::{Cells, KvPool};
use crate::backend::{Attention, Precision};
use crate::cpu::aligned::Aligned;
use crate::cpu::kernels::Kernels;
use crate::cpu::pool::Pool;
use crate::cpu::scatter::Scatter;
use crate::cpu::work::lanes;
use crate::placement::{BLOCK_TOKENS, Placement};

/// What attention keeps from step to step: indices, and a place a thread, which like a stack does not
/// grow with the step.
pub(crate) struct Attend {
    runs: Vec<Run>,
    /// One a thread.
    places: Vec<Place>,
}

/// Where a thread works.
#[derive(Default)]
struct Place {
    tile: QueryTile,
    /// A group's keys and values, where the cache has them in 8 bits.
    widened: Aligned<u16>,
}

/// What all tiles of a step have in common.
struct Step<'a> {
    attention: &'a Attention,
    placement: &'a Placement,
    sinks: &'a [f32],
    qkv: &'a [f32],
    release: fn(),
    out: Scatter<'a, f32>,
}

impl Attend {
    pub(crate) fn new(threads: usize) -> Self {
        Self { runs: Vec::new(), places: (0..threads).map(|_| Place::default()).collect() }
    }

    /// Attention of a step's queries over the pool.
    pub(crate) fn run(
        &mut self,
        (kernels, threads): (&Kernels, &mut Pool),
        attention: &Attention,
        placement: &Placement,
        (sinks, qkv): (&[f32], &[f32]),
        (pool, out): (&KvPool, &mut [f32]),
    ) {
        let step = Step {
            attention,
            placement,
            sinks,
            qkv,
            release: kernels.release,
            out: Scatter::new(&mut out[..placement.tokens() * attention.heads.query_width()]),
        };
        let (heads, each) = (pool.heads, pool.head_block_bytes());
        let of_bf16 = match pool.precision {
            Precision::Exact => kernels.attend_bf16_f32,
            Precision::Fast | Precision::Fine => kernels.attend_bf16,
        };
        match &pool.cells {
            Cells::F32(cells) => {
                self.run_on(threads, &step, &Plain { cells, heads, each }, kernels.attend_f32);
            }
            Cells::Bf16(cells) => {
                self.run_on(threads, &step, &Plain { cells, heads, each }, of_bf16);
            }
            Cells::Bytes(cells) => {
                let is_fp8 = pool.dtype == KvDtype::Fp8;
                let widen = if is_fp8 { kernels.widen_fp8 } else { kernels.widen_int8 };
                self.run_on(threads, &step, &Bytes { cells, heads, each, widen }, of_bf16);
            }
        }
    }

    fn run_on<S: Source>(
        &mut self,
        threads: &mut Pool,
        step: &Step<'_>,
        source: &S,
        kernel: AttendFn<S::Cell>,
    ) {
        let Heads { query, kv, dim } = step.attention.heads;
        let group = query / kv;
        let rows = group.min(TILE_ROWS);
        cut(step.attention, step.placement, TILE_ROWS / rows, &mut self.runs);
        let runs = &self.runs;
        let seen: usize = runs.iter().map(|run| run.tokens * (run.end - run.first)).sum();
        // The parts of each token's heads that make a tile.
        let parts = kv * group.div_ceil(rows);
        let items = runs.len() * parts;
        let lanes = lanes(threads, items, 2 * query * dim * seen);
        let (next, places) = (AtomicUsize::new(0), Scatter::new(&mut self.places));
        threads.run(lanes, 1, &|range| {
            for lane in range {
                // SAFETY: a lane comes up once, and there are no more of them than places.
                let place = &mut unsafe { places.part(lane..lane + 1) }[0];
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    if index >= items {
                        break;
                    }
                    // Head by head, since those who walk the same keys find them in the cache.
                    let (part, run) = (index / runs.len(), runs[index % runs.len()]);
                    let (head, part) = (part / (parts / kv), part % (parts / kv));
                    let first = head * group + part * rows;
                    let heads = first..(first + rows).min((head + 1) * group);
                    step.attend((source, kernel), &run, (head, heads), place);
                }
                (step.release)();
            }
        });
    }
}

impl Step<'_> {
    /// Attention of some query heads, which share a KV head, of a run of tokens.
    fn attend<S: Source>(
        &self,
        (source, kernel): (&S, AttendFn<S::Cell>),
        run: &Run,
        (kv_head, heads): (usize, Range<usize>),
        Place { tile, widened }: &mut Place,
    ) {
        let dim = self.attention.heads.dim;
        let (each, width) = (heads.len(), heads.len() * dim);
        tile.resize(run.tokens * each, dim);
        tile.scale = self.attention.scale() * std::f32::consts::LOG2_E;
        for (token, queries) in run.range().zip(tile.queries.chunks_exact_mut(width)) {
            let start = token * self.attention.qkv_width() + heads.start * dim;
            queries.copy_from_slice(&self.qkv[start..start + width]);
        }
        tile.begin(self.sinks[heads.clone()].iter().copied().cycle());
        for index in run.first / GROUP_TOKENS..run.end.div_ceil(GROUP_TOKENS) {
            let start = index * GROUP_TOKENS;
            for (token, seen) in run.range().zip(tile.seen.chunks_exact_mut(each)) {
                let position = self.placement.position(token);
                let first = self.attention.first_visible(position);
                seen.fill(bits_below(position + 1, start) & !bits_below(first, start));
            }
            let [now, next] = [start, start + GROUP_TOKENS].map(|start| self.blocks(run, start));
            let group = source.group(kv_head, now, next, widened);
            // SAFETY: the kernel is of a table, a reference to which the caller holds: proof that
            // the machine can run it.
            unsafe { kernel(tile, &group) };
        }
        for (index, token) in run.range().enumerate() {
            let start = token * self.attention.heads.query_width() + heads.start * dim;
            // SAFETY: tiles have no output in common, and each comes up once.
            let out = unsafe { self.out.part(start..start + width) };
            for (row, out) in (index * each..).zip(out.chunks_exact_mut(dim)) {
                let inverse = tile.inverse(row);
                for (out, sum) in out.iter_mut().zip(&tile.out[row * tile.stride()..]) {
                    // Zero is added because a sum may be -0 or 0 by what others made it see.
                    *out = sum * inverse + 0.0;
                }
            }
        }
    }

    /// The blocks of a group from position `start` on, those that a run sees.
    fn blocks(&self, run: &Run, start: usize) -> [Option<usize>; GROUP_BLOCKS] {
        from_fn(|index| {
            let start = start + index * BLOCK_TOKENS;
            let is_seen = start < run.end && start + BLOCK_TOKENS > run.first;
            is_seen.then(|| self.placement.block(run.start, start / BLOCK_TOKENS))
        })
    }
}

/// A bit for each token of the group from `start` on whose position is below `end`.
fn bits_below(end: usize, start: usize) -> u64 {
    match end.saturating_sub(start) {
        count @ ..GROUP_TOKENS => (1 << count) - 1,
        _ => !0,
    }
}
