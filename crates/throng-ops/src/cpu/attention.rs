//! Keys and values in blocks, and attention over them.

mod attend;
mod bytes;
mod cell;
mod runs;
mod source;
mod tile;

use std::ops::Range;

use throng_spec::{Heads, KvDtype};

pub(crate) use self::attend::Attend;
pub(crate) use self::bytes::{WidenFn, block_scales, widen_fp8, widen_int8};
pub(crate) use self::cell::Cell;
pub(crate) use self::tile::{
    AttendFn, CHUNK, GROUP_BLOCKS, GROUP_TOKENS, KvGroup, QueryTile, ROWS, TILE_ROWS, Visible,
    rescale,
};
use super::aligned::Aligned;
use super::footprint::kv_pool_bytes;
use super::isa::Isa;
use super::pool::Pool;
use super::scatter::Scatter;
use super::work::grain;
use crate::arithmetic::Arithmetic;
use crate::backend::{Attention, OutOfMemory, Precision};
use crate::counts::Kept;
use crate::placement::{BLOCK_TOKENS, Placement};

/// Keys and values of one layer: for each block and KV head, its keys, then its values, in the
/// layout of their [`Cell`] or of [`bytes`].
#[derive(Debug)]
pub struct KvPool {
    heads: Heads,
    dtype: KvDtype,
    /// Of products with them.
    precision: Precision,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    F32(Aligned<f32>),
    Bf16(Aligned<u16>),
    /// FP8 or INT8.
    Bytes(Aligned<u8>),
}

/// Puts a token's key and value of a KV head in their place: the head's block, the token within it.
type PutFn<T> = fn(&mut [T], usize, &[f32], &[f32]);

impl KvPool {
    pub(crate) fn new(
        heads: Heads,
        blocks: usize,
        dtype: KvDtype,
        precision: Precision,
    ) -> Result<Self, OutOfMemory> {
        let bytes = kv_pool_bytes(heads, 1, dtype);
        let bytes = bytes.checked_mul(blocks).ok_or(OutOfMemory { blocks })?;
        let cells = match dtype {
            KvDtype::F32 => Aligned::try_zeroed(bytes / size_of::<f32>()).map(Cells::F32),
            KvDtype::Bf16 => Aligned::try_zeroed(bytes / size_of::<u16>()).map(Cells::Bf16),
            KvDtype::Fp8 | KvDtype::Int8 => Aligned::try_zeroed(bytes).map(Cells::Bytes),
        };
        Ok(Self { heads, dtype, precision, cells: cells.ok_or(OutOfMemory { blocks })? })
    }

    /// Bytes that it takes; see [`super::kv_pool_bytes`].
    pub fn bytes(&self) -> usize {
        match &self.cells {
            Cells::F32(cells) => size_of_val(&**cells),
            Cells::Bf16(cells) => size_of_val(&**cells),
            Cells::Bytes(cells) => size_of_val(&**cells),
        }
    }

    /// How they are kept, and what an instruction set makes products with them in.
    pub(crate) fn kept(&self, isa: Isa) -> Kept {
        // AMX takes whole registers of bf16; all others widen them.
        let is_whole = isa == Isa::Avx512Amx && self.heads.dim.is_multiple_of(32);
        let is_rounded = self.dtype != KvDtype::F32 && self.precision != Precision::Exact;
        let arithmetic = if is_whole && is_rounded { Arithmetic::Bf16 } else { Arithmetic::F32 };
        Kept { head_bytes: self.dtype.head_bytes(self.heads.dim), arithmetic }
    }

    /// Bytes of a block's KV head.
    fn head_block_bytes(&self) -> usize {
        2 * BLOCK_TOKENS * self.dtype.head_bytes(self.heads.dim)
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
        let step = (attention, placement, qkv);
        let each = self.head_block_bytes();
        match (&mut self.cells, self.dtype) {
            (Cells::F32(cells), _) => append(pool, step, (cells, each), cell::put),
            (Cells::Bf16(cells), _) => append(pool, step, (cells, each), cell::put),
            (Cells::Bytes(cells), KvDtype::Int8) => {
                append(pool, step, (cells, each), bytes::put_int8);
            }
            (Cells::Bytes(cells), _) => append(pool, step, (cells, each), bytes::put_fp8),
        }
    }
}

/// Where in a pool a block's KV head is, if each takes so many bytes: its cells.
fn cell_range<T>(kv_heads: usize, each: usize, block: usize, head: usize) -> Range<usize> {
    let each = each / size_of::<T>();
    let start = (block * kv_heads + head) * each;
    start..start + each
}

/// Each thread writes whole heads, so that no two write the same cells whatever the tables say.
fn append<T: Send + Sync>(
    pool: &mut Pool,
    (attention, placement, qkv): (&Attention, &Placement, &[f32]),
    (cells, each): (&mut [T], usize),
    put: PutFn<T>,
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
            let cells = unsafe { cells.part(cell_range::<T>(kv, each, block, head)) };
            let key = &qkv[token * attention.qkv_width() + attention.heads.query_width()..];
            let value = &key[attention.heads.kv_width() + head * dim..][..dim];
            put(cells, position % BLOCK_TOKENS, &key[head * dim..][..dim], value);
        }
    });
}
