//! Keys and values in blocks, and attention over them.

mod attend;
mod cell;
mod runs;
mod tile;

use std::ops::Range;

use throng_spec::Heads;

pub(crate) use self::attend::Attend;
pub(crate) use self::cell::Cell;
pub(crate) use self::tile::{
    AttendFn, CHUNK, GROUP_BLOCKS, GROUP_TOKENS, KvGroup, QueryTile, ROWS, TILE_ROWS, Visible,
    rescale,
};
use super::aligned::Aligned;
use super::isa::Isa;
use super::pool::Pool;
use super::scatter::Scatter;
use super::work::grain;
use crate::arithmetic::Arithmetic;
use crate::backend::{Attention, OutOfMemory, Precision};
use crate::counts::Kept;
use crate::placement::{BLOCK_TOKENS, Placement};

/// Keys and values of one layer: for each block and KV head, its keys, then its values, in the
/// layout of their [`Cell`].
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

    /// How they are kept, and what an instruction set makes products with them in.
    pub(crate) fn kept(&self, isa: Isa) -> Kept {
        match &self.cells {
            Cells::F32(_) => Kept { value_bytes: size_of::<f32>(), arithmetic: Arithmetic::F32 },
            Cells::Bf16(_) => {
                // AMX takes whole registers of them; all others widen them.
                let is_whole = isa == Isa::Avx512Amx && self.heads.dim.is_multiple_of(32);
                let arithmetic = if is_whole { Arithmetic::Bf16 } else { Arithmetic::F32 };
                Kept { value_bytes: size_of::<u16>(), arithmetic }
            }
        }
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
            Cells::F32(cells) => append(cells, pool, attention, placement, qkv),
            Cells::Bf16(cells) => append(cells, pool, attention, placement, qkv),
        }
    }
}

/// Where the keys and then the values of a block's KV head are in the pool.
fn cell_range(heads: Heads, block: usize, head: usize) -> Range<usize> {
    let each = 2 * heads.dim * BLOCK_TOKENS;
    let start = (block * heads.kv + head) * each;
    start..start + each
}

/// Each thread writes whole heads, so that no two write the same cells whatever the tables say.
fn append<T: Cell>(
    cells: &mut [T],
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
            let cells = unsafe { cells.part(cell_range(attention.heads, block, head)) };
            let (keys, values) = cells.split_at_mut(dim * BLOCK_TOKENS);
            let offset = position % BLOCK_TOKENS;
            let key = &qkv[token * attention.qkv_width() + attention.heads.query_width()..];
            let value = &key[attention.heads.kv_width() + head * dim..][..dim];
            let key = &key[head * dim..][..dim];
            for (d, (&key, &value)) in key.iter().zip(value).enumerate() {
                keys[T::key_index(offset, d)] = T::narrow(key);
                values[T::value_index(dim, offset, d)] = T::narrow(value);
            }
        }
    });
}
