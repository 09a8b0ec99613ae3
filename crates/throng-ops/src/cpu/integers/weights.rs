//! A matrix of small integers.

use std::ops::Range;

use throng_spec::DType;

use super::put::TileMut;
use super::{Format, TileIntegers};
use crate::cpu::aligned::{Aligned, Arena};
use crate::cpu::packed::for_tile_rows;
use crate::cpu::panels::BLOCK;
use crate::cpu::pool::Pool;
use crate::cpu::scatter::Scatter;
use crate::matrix::MatrixSource;

/// Weights that are small integers, tile after tile; see [`TileIntegers`].
#[derive(Debug)]
pub(crate) struct Integers {
    dtype: DType,
    format: Format,
    /// Of all groups.
    tiles: usize,
    codes: Aligned<u8>,
    scales: Aligned<u8>,
    offsets: Aligned<u8>,
}

impl Integers {
    /// Packs on all threads; `cols` has its padding.
    pub(crate) fn pack(
        source: &MatrixSource<'_>,
        dtype: DType,
        format: Format,
        (tiles, cols): (usize, usize),
        (memory, pool): (&mut Arena, &mut Pool),
    ) -> Self {
        let (count, blocks) = (source.groups * tiles, cols / BLOCK);
        let [lines, scales, offsets] = format.block_bytes().map(|bytes| bytes * blocks);
        let mut packed = Self {
            dtype,
            format,
            tiles: count,
            codes: memory.zeroed(count * lines),
            scales: memory.zeroed(count * scales),
            offsets: memory.zeroed(count * offsets),
        };
        let codes = Scatter::new(&mut packed.codes);
        let all_scales = Scatter::new(&mut packed.scales);
        let all_offsets = Scatter::new(&mut packed.offsets);
        pool.run(count, 1, &|range| {
            for tile in range {
                // SAFETY: a tile comes up once, and tiles have no part in common.
                let mut out = unsafe {
                    TileMut {
                        format,
                        codes: codes.part(tile * lines..(tile + 1) * lines),
                        scales: all_scales.part(tile * scales..(tile + 1) * scales),
                        offsets: all_offsets.part(tile * offsets..(tile + 1) * offsets),
                    }
                };
                for_tile_rows(source, tiles, tile, |lane, row| out.put(lane, row));
            }
        });
        packed
    }

    /// Some blocks of those of all tiles.
    pub(crate) fn blocks(&self, blocks: Range<usize>) -> TileIntegers<'_> {
        let [lines, scales, offsets] = self.format.block_bytes();
        let part = |bytes: usize| blocks.start * bytes..blocks.end * bytes;
        TileIntegers {
            codes: &self.codes[part(lines)],
            scales: &self.scales[part(scales)],
            offsets: &self.offsets[part(offsets)],
        }
    }

    /// Tiles of all groups.
    pub(crate) fn tiles(&self) -> usize {
        self.tiles
    }

    /// The dtype whose format it is.
    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let Self { codes, scales, offsets, .. } = self;
        size_of_val(&**codes) + size_of_val(&**scales) + size_of_val(&**offsets)
    }
}
