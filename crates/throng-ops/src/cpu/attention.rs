//! Keys and values in blocks, and attention over them.

use std::ops::Range;

use throng_spec::Heads;

use super::aligned::Aligned;
use super::kernels::{AttendFn, Kernels, KvBlock, Running, TILE_HEADS};
use super::pool::Pool;
use super::portable::narrow_one;
use super::scatter::Scatter;
use super::work::grain;
use crate::arithmetic::Arithmetic;
use crate::backend::{Attention, OutOfMemory, Precision};
use crate::counts::Kept;
use crate::placement::{BLOCK_TOKENS, Placement};

/// Keys and values of one layer: for each block and KV head, keys `[dim, BLOCK_TOKENS]`, then
/// values `[BLOCK_TOKENS, dim]`. Keys lie across, so that one vector scores a block's keys.
#[derive(Debug)]
pub struct KvPool {
    heads: Heads,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    F32(Aligned<f32>),
    Bf16(Aligned<u16>),
}

impl KvPool {
    pub(crate) fn new(
        heads: Heads,
        blocks: usize,
        precision: Precision,
    ) -> Result<Self, OutOfMemory> {
        let each = 2 * heads.kv_width() * BLOCK_TOKENS;
        let len = blocks.checked_mul(each).ok_or(OutOfMemory { blocks })?;
        let cells = match precision {
            Precision::Exact => Aligned::try_zeroed(len).map(Cells::F32),
            Precision::Fast => Aligned::try_zeroed(len).map(Cells::Bf16),
        };
        Ok(Self { heads, cells: cells.ok_or(OutOfMemory { blocks })? })
    }

    /// Bytes that it takes; see [`super::kv_pool_bytes`].
    pub fn bytes(&self) -> usize {
        match &self.cells {
            Cells::F32(cells) => size_of_val(&**cells),
            Cells::Bf16(cells) => size_of_val(&**cells),
        }
    }

    /// How they are kept, and what products with them are made in.
    pub(crate) fn kept(&self) -> Kept {
        let value_bytes = match &self.cells {
            Cells::F32(_) => size_of::<f32>(),
            Cells::Bf16(_) => size_of::<u16>(),
        };
        // bf16 is widened for the products.
        Kept { value_bytes, arithmetic: Arithmetic::F32 }
    }

    /// Writes the keys and values of a step's tokens.
    pub(crate) fn append(
        &mut self,
        pool: &mut Pool,
        attention: &Attention,
        placement: &Placement,
        qkv: &[f32],
    ) {
        assert_eq!(attention.heads, self.heads, "heads of the pool");
        match &mut self.cells {
            Cells::F32(cells) => append(cells, |x| x, pool, attention, placement, qkv),
            Cells::Bf16(cells) => append(cells, narrow_one, pool, attention, placement, qkv),
        }
    }

    /// Attention of a step's queries over the pool.
    pub(crate) fn attend(
        &self,
        (kernels, pool): (&Kernels, &mut Pool),
        attention: &Attention,
        placement: &Placement,
        (sinks, qkv): (&[f32], &[f32]),
        out: &mut [f32],
    ) {
        let Heads { query, kv, dim } = attention.heads;
        let group = query / kv;
        let out = Scatter::new(&mut out[..placement.tokens() * query * dim]);
        let items = placement.tokens() * kv;
        let seen: usize = (0..placement.tokens())
            .map(|token| {
                let position = placement.position(token);
                position + 1 - attention.first_visible(position)
            })
            .sum();
        let work = 2 * group * dim * seen / placement.tokens().max(1);
        // One by one where it is worth it at all: items differ in how much they see.
        let grain = if grain(pool, items, work) < items { 1 } else { items };
        let mut each = |cell_attend: &(dyn Fn(Query<'_>, &mut [f32]) + Sync)| {
            pool.run(items, grain, &|range| {
                for item in range {
                    let (token, head) = (item / kv, item % kv);
                    let start = (token * query + head * group) * dim;
                    // SAFETY: an item comes up once, and items have no output in common.
                    let out = unsafe { out.part(start..start + group * dim) };
                    let queries = &qkv[token * attention.qkv_width() + head * group * dim..];
                    let queries = queries[..group * dim].chunks(TILE_HEADS * dim);
                    let sinks = sinks[head * group..][..group].chunks(TILE_HEADS);
                    let outs = out.chunks_mut(TILE_HEADS * dim);
                    for ((queries, sinks), out) in queries.zip(sinks).zip(outs) {
                        let query = Query { attention, placement, token, head, queries, sinks };
                        cell_attend(query, out);
                    }
                }
            });
        };
        match &self.cells {
            Cells::F32(cells) => each(&|query, out| query.attend(cells, kernels.attend_f32, out)),
            Cells::Bf16(cells) => each(&|query, out| query.attend(cells, kernels.attend_bf16, out)),
        }
    }
}

/// Some query heads of one token that share a KV head.
struct Query<'a> {
    attention: &'a Attention,
    placement: &'a Placement,
    token: usize,
    /// The KV head.
    head: usize,
    queries: &'a [f32],
    sinks: &'a [f32],
}

impl Query<'_> {
    /// Their attention over all blocks that they see.
    fn attend<T>(&self, cells: &[T], kernel: AttendFn<T>, out: &mut [f32]) {
        let Self { attention, placement, token, .. } = *self;
        let dim = attention.heads.dim;
        // The sink is a score whose value is zero.
        let mut running = Running { max: [0.0; TILE_HEADS], sum: [1.0; TILE_HEADS] };
        running.max[..self.sinks.len()].copy_from_slice(self.sinks);
        out.fill(0.0);
        let position = placement.position(token);
        let first = attention.first_visible(position);
        for index in first / BLOCK_TOKENS..=position / BLOCK_TOKENS {
            let range = cell_range(attention, placement.block(token, index), self.head);
            let (keys, values) = cells[range].split_at(dim * BLOCK_TOKENS);
            let start = index * BLOCK_TOKENS;
            let block = KvBlock {
                keys,
                values,
                first: first.saturating_sub(start),
                end: BLOCK_TOKENS.min(position + 1 - start),
            };
            // SAFETY: the kernel is of a table, a reference to which the caller holds: proof that
            // the machine can run it.
            unsafe { kernel(self.queries, block, attention.scale(), &mut running, out) };
        }
        for (out, sum) in out.chunks_exact_mut(dim).zip(running.sum) {
            for out in out {
                *out /= sum;
            }
        }
    }
}

/// Where the keys and then the values of a block's KV head are in the pool.
fn cell_range(attention: &Attention, block: usize, head: usize) -> Range<usize> {
    let each = 2 * attention.heads.dim * BLOCK_TOKENS;
    let start = (block * attention.heads.kv + head) * each;
    start..start + each
}

/// Each thread writes whole heads, so that no two write the same cells whatever the tables say.
fn append<T: Send>(
    cells: &mut [T],
    narrow: impl Fn(f32) -> T + Sync,
    pool: &mut Pool,
    attention: &Attention,
    placement: &Placement,
    qkv: &[f32],
) {
    let Heads { kv, dim, .. } = attention.heads;
    let cells = Scatter::new(cells);
    pool.run(kv, grain(pool, kv, 2 * dim * placement.tokens()), &|heads| {
        for (head, token) in heads.flat_map(|head| (0..placement.tokens()).map(move |t| (head, t)))
        {
            let position = placement.position(token);
            let block = placement.block(token, position / BLOCK_TOKENS);
            // SAFETY: a head is claimed by one thread, its cells are no other head's, and a part
            // is gone before the thread takes the next.
            let cells = unsafe { cells.part(cell_range(attention, block, head)) };
            let (keys, values) = cells.split_at_mut(dim * BLOCK_TOKENS);
            let offset = position % BLOCK_TOKENS;
            let key = &qkv[token * attention.qkv_width() + attention.heads.query_width()..];
            let value = &key[attention.heads.kv_width() + head * dim..][..dim];
            let key = &key[head * dim..][..dim];
            for (column, &x) in keys.chunks_exact_mut(BLOCK_TOKENS).zip(key) {
                column[offset] = narrow(x);
            }
            for (cell, &x) in values[offset * dim..].iter_mut().zip(value) {
                *cell = narrow(x);
            }
        }
    });
}
