//! Attention of a step's queries: tiles of rows that walk their keys once.

use std::array::from_fn;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use throng_spec::Heads;

use super::cell::Cell;
use super::runs::{Run, cut};
use super::tile::{AttendFn, GROUP_BLOCKS, GROUP_TOKENS, KvGroup, QueryTile, TILE_ROWS};
use super::{Cells, KvPool, cell_range};
use crate::backend::Attention;
use crate::cpu::kernels::Kernels;
use crate::cpu::pool::Pool;
use crate::cpu::scatter::Scatter;
use crate::cpu::work::lanes;
use crate::placement::{BLOCK_TOKENS, Placement};

/// What attention keeps from step to step: indices, and a tile a thread, which like a stack does not
/// grow with the step.
pub(crate) struct Attend {
    runs: Vec<Run>,
    /// One a thread.
    tiles: Vec<QueryTile>,
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
        Self { runs: Vec::new(), tiles: (0..threads).map(|_| QueryTile::default()).collect() }
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
        match &pool.cells {
            Cells::F32(cells) => self.run_on(threads, &step, (cells, kernels.attend_f32)),
            Cells::Bf16(cells) => self.run_on(threads, &step, (cells, kernels.attend_bf16)),
        }
    }

    fn run_on<T: Cell>(
        &mut self,
        threads: &mut Pool,
        step: &Step<'_>,
        (cells, kernel): (&[T], AttendFn<T>),
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
        let (next, tiles) = (AtomicUsize::new(0), Scatter::new(&mut self.tiles));
        threads.run(lanes, 1, &|range| {
            for lane in range {
                // SAFETY: a lane comes up once, and there are no more of them than tiles.
                let tile = &mut unsafe { tiles.part(lane..lane + 1) }[0];
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
                    step.attend((cells, kernel), &run, (head, heads), tile);
                }
                (step.release)();
            }
        });
    }
}

impl Step<'_> {
    /// Attention of some query heads, which share a KV head, of a run of tokens.
    fn attend<T>(
        &self,
        (cells, kernel): (&[T], AttendFn<T>),
        run: &Run,
        (kv_head, heads): (usize, Range<usize>),
        tile: &mut QueryTile,
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
            // SAFETY: the kernel is of a table, a reference to which the caller holds: proof that
            // the machine can run it.
            unsafe { kernel(tile, &self.group(cells, run, kv_head, start)) };
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

    /// The keys and values that a run sees from position `start` on.
    fn group<'a, T>(
        &self,
        cells: &'a [T],
        run: &Run,
        kv_head: usize,
        start: usize,
    ) -> KvGroup<'a, T> {
        let blocks = |start: usize| -> [&'a [T]; GROUP_BLOCKS] {
            from_fn(|index| {
                let start = start + index * BLOCK_TOKENS;
                if start >= run.end || start + BLOCK_TOKENS <= run.first {
                    return &[][..];
                }
                let block = self.placement.block(run.start, start / BLOCK_TOKENS);
                &cells[cell_range(self.attention.heads, block, kv_head)]
            })
        };
        let halves = blocks(start).map(|block| block.split_at(block.len() / 2));
        KvGroup {
            keys: halves.map(|(keys, _)| keys),
            values: halves.map(|(_, values)| values),
            next: blocks(start + GROUP_TOKENS),
        }
    }
}

/// A bit for each token of the group from `start` on whose position is below `end`.
fn bits_below(end: usize, start: usize) -> u64 {
    match end.saturating_sub(start) {
        count @ ..GROUP_TOKENS => (1 << count) - 1,
        _ => !0,
    }
}
