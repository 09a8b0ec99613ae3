//! Where attention takes its keys and values from: the cache as it is, or bf16 that is made of it.

use throng_spec::Heads;

use super::bytes::WidenFn;
use super::cell::{Cell, bytes};
use super::cell_range;
use super::tile::{GROUP_BLOCKS, KvGroup};
use crate::cpu::aligned::Aligned;
use crate::placement::BLOCK_TOKENS;

/// Blocks of a group; one that nobody sees is none.
pub(super) type GroupTable = [Option<usize>; GROUP_BLOCKS];

/// A pool, as kernels for one type of cells can read it.
pub(super) trait Source: Sync {
    /// The type.
    type Cell: Cell;

    /// The keys and values of a KV head in some blocks, and where those lie that come next. What has
    /// to be made for it is made in `widened`.
    fn group<'a>(
        &'a self,
        kv_head: usize,
        now: GroupTable,
        next: GroupTable,
        widened: &'a mut Aligned<u16>,
    ) -> KvGroup<'a, Self::Cell>;
}

/// Cells that kernels take as they are.
pub(super) struct Plain<'a, T> {
    pub cells: &'a [T],
    pub heads: Heads,
    /// Bytes of a block's KV head.
    pub each: usize,
}

impl<T: Cell> Source for Plain<'_, T> {
    type Cell = T;

    fn group<'a>(
        &'a self,
        kv_head: usize,
        now: GroupTable,
        next: GroupTable,
        _: &'a mut Aligned<u16>,
    ) -> KvGroup<'a, T> {
        let block = |block: Option<usize>| match block {
            Some(block) => &self.cells[cell_range::<T>(self.heads.kv, self.each, block, kv_head)],
            None => &[],
        };
        let halves = now.map(block).map(|block| block.split_at(block.len() / 2));
        KvGroup {
            keys: halves.map(|(keys, _)| keys),
            values: halves.map(|(_, values)| values),
            next: next.map(block).map(bytes),
        }
    }
}

/// Cells of 8 bits, of which bf16 is made.
pub(super) struct Bytes<'a> {
    pub cells: &'a [u8],
    pub heads: Heads,
    /// Bytes of a block's KV head.
    pub each: usize,
    /// Of a kernel table that the machine can run.
    pub widen: WidenFn,
}

impl Source for Bytes<'_> {
    type Cell = u16;

    fn group<'a>(
        &'a self,
        kv_head: usize,
        now: GroupTable,
        next: GroupTable,
        widened: &'a mut Aligned<u16>,
    ) -> KvGroup<'a, u16> {
        let block = |block| &self.cells[cell_range::<u8>(self.heads.kv, self.each, block, kv_head)];
        let values = 2 * BLOCK_TOKENS * self.heads.dim;
        widened.grow(GROUP_BLOCKS * values);
        for (index, out) in now.into_iter().zip(widened.chunks_exact_mut(values)) {
            if let Some(index) = index {
                // SAFETY: the function is of a table, a reference to which the caller holds: proof
                // that the machine can run it.
                unsafe { (self.widen)(block(index), out) };
            }
        }
        let mut group = KvGroup {
            keys: [&[]; GROUP_BLOCKS],
            values: [&[]; GROUP_BLOCKS],
            next: next.map(|index| index.map_or(&[][..], block)),
        };
        for (index, block) in widened.chunks_exact(values).take(GROUP_BLOCKS).enumerate() {
            if now[index].is_some() {
                (group.keys[index], group.values[index]) = block.split_at(values / 2);
            }
        }
        group
    }
}
