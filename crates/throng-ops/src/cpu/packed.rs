//! A matrix in the layout of the kernels: see `kernels` for the order of a tile's weights.

use std::ops::Range;

use half::bf16;
use half::f16;
use throng_spec::DType;

use super::aligned::{Aligned, Arena};
use super::footprint::{packed_dtype, padded, stacked_dtypes};
use super::inputs::Input;
use super::integers::{Format, Integers, TileIntegers};
use super::kernels::{Kernels, LANES};
use super::panels::BLOCK;
use super::pool::Pool;
use super::scatter::for_each_part;
use crate::backend::Precision;
use crate::matrix::{MatrixPart, MatrixSource, RowBytes, RowOrder};
use crate::quantised::QuantisedRow;

/// A packed matrix `[groups, rows, cols]` with its bias.
#[derive(Debug)]
pub struct Matrix {
    /// Outputs of each group.
    pub(crate) rows: usize,
    /// Inputs.
    pub(crate) cols: usize,
    /// Inputs with padding.
    pub(crate) padded_cols: usize,
    /// Tiles of each group.
    pub(crate) tiles: usize,
    /// What activations are rounded to before the product.
    pub(crate) input: Input,
    weights: Weights,
    /// `[groups, tiles, LANES]`.
    bias: Vec<f32>,
}

#[derive(Debug)]
enum Weights {
    F32(Aligned<f32>),
    F16(Aligned<u16>),
    Bf16(Aligned<u16>),
    /// One after the other; several only in a matrix of one group.
    Integers(Vec<Integers>),
}

/// The weights of adjacent tiles.
#[derive(Clone, Copy)]
pub(crate) enum Tiles<'a> {
    /// f32.
    F32(&'a [f32]),
    /// f16.
    F16(&'a [u16]),
    /// bf16.
    Bf16(&'a [u16]),
    /// Integers, of the format that keeps a dtype.
    Integers(DType, TileIntegers<'a>),
}

impl Matrix {
    /// Packs on all threads.
    pub(crate) fn pack(
        source: &MatrixSource<'_>,
        precision: Precision,
        kernels: &Kernels,
        (memory, pool): (&mut Arena, &mut Pool),
    ) -> Self {
        source.check();
        let (rows, cols) = (source.rows(), source.cols);
        let tiles = rows.div_ceil(LANES);
        let padded_cols = padded(cols);
        let len = source.groups * tiles * LANES * padded_cols;
        let fast = precision != Precision::Exact;
        let tile = LANES * padded_cols;
        let dtype = packed_dtype(source.dtypes(), precision);
        let (input, weights) = match dtype {
            _ if let Some(sections) = sections(source, precision) => {
                let pack = |(format, section): &(Format, MatrixSource<'_>)| {
                    let shape = (section.rows().div_ceil(LANES), padded_cols);
                    Integers::pack(section, section.parts[0].dtype, *format, shape, (memory, pool))
                };
                (Input::I8, Weights::Integers(sections.iter().map(pack).collect()))
            }
            DType::F16 => {
                let mut weights = memory.zeroed(len);
                pack_f16(source, tiles, &mut weights, tile, pool);
                (Input::F32, Weights::F16(weights))
            }
            DType::Bf16 => {
                let mut weights = memory.zeroed(len);
                pack_bf16(source, tiles, &mut weights, tile, pool);
                let has_dot = kernels.bf16_bf16.is_some();
                let input = if fast && has_dot { Input::Bf16 } else { Input::F32 };
                (input, Weights::Bf16(weights))
            }
            _ if let Some(format) = Format::of(dtype) => {
                let shape = (tiles, padded_cols);
                let input = match precision {
                    Precision::Exact => Input::F32,
                    Precision::Fine if format.bits() == 8 => Input::I8Twice,
                    Precision::Fast | Precision::Fine => Input::I8,
                };
                let weights = Integers::pack(source, dtype, format, shape, (memory, pool));
                (input, Weights::Integers(vec![weights]))
            }
            _ => {
                let mut weights = memory.zeroed(len);
                pack_f32(source, tiles, &mut weights, tile, pool);
                (Input::F32, Weights::F32(weights))
            }
        };
        let bias = pack_bias(source, rows, tiles);
        Self { rows, cols, padded_cols, tiles, input, weights, bias }
    }

    /// Bytes that it takes, the bias included; see [`super::packed_bytes`].
    pub fn bytes(&self) -> usize {
        let weights = match &self.weights {
            Weights::F32(weights) => size_of_val(&**weights),
            Weights::F16(weights) => size_of_val(&**weights),
            Weights::Bf16(weights) => size_of_val(&**weights),
            Weights::Integers(sections) => sections.iter().map(Integers::bytes).sum(),
        };
        weights + size_of_val(&*self.bias)
    }

    /// The weights of some of a group's tiles.
    pub(crate) fn tiles(&self, group: usize, tiles: Range<usize>) -> Tiles<'_> {
        let len = LANES * self.padded_cols;
        let first = group * self.tiles;
        let (start, end) = ((first + tiles.start) * len, (first + tiles.end) * len);
        match &self.weights {
            Weights::F32(weights) => Tiles::F32(&weights[start..end]),
            Weights::F16(weights) => Tiles::F16(&weights[start..end]),
            Weights::Bf16(weights) => Tiles::Bf16(&weights[start..end]),
            Weights::Integers(sections) => {
                let (mut first, mut sections) = (first + tiles.start, sections.iter());
                let section = loop {
                    let section = sections.next().expect("a tile of the matrix");
                    if first < section.tiles() {
                        break section;
                    }
                    first -= section.tiles();
                };
                let blocks = self.padded_cols / BLOCK;
                let blocks = first * blocks..(first + tiles.len()) * blocks;
                Tiles::Integers(section.dtype(), section.blocks(blocks))
            }
        }
    }

    /// The biases of a group's tile.
    pub(crate) fn tile_bias(&self, group: usize, tile: usize) -> &[f32; LANES] {
        &self.bias.as_chunks().0[group * self.tiles + tile]
    }

    /// The rows of a tile that the matrix has.
    pub(crate) fn tile_rows(&self, tile: usize) -> Range<usize> {
        tile * LANES..self.rows.min((tile + 1) * LANES)
    }

    /// A row of the first group.
    pub(crate) fn row(&self, row: usize, out: &mut [f32]) {
        let lane = row % LANES;
        let tile = row / LANES;
        match self.tiles(0, tile..tile + 1) {
            Tiles::F32(weights) => {
                for (out, weights) in out.iter_mut().zip(weights.as_chunks::<LANES>().0) {
                    *out = weights[lane];
                }
            }
            Tiles::F16(weights) => {
                for (out, weights) in out.iter_mut().zip(weights.as_chunks::<LANES>().0) {
                    *out = f16::from_bits(weights[lane]).to_f32();
                }
            }
            Tiles::Bf16(weights) => {
                let lines = weights.as_chunks::<{ 2 * LANES }>().0;
                for (out, line) in out.chunks_mut(2).zip(lines) {
                    for (out, &weight) in out.iter_mut().zip(&line[2 * lane..]) {
                        *out = super::portable::widen(weight);
                    }
                }
            }
            Tiles::Integers(dtype, tile) => {
                let format = Format::of(dtype).expect("a tile of integers has a format");
                tile.row(format, lane, out);
            }
        }
    }
}

/// The parts of a matrix that stay in dtypes of their own, each with its format; see
/// [`stacked_dtypes`].
fn sections<'a>(
    source: &MatrixSource<'a>,
    precision: Precision,
) -> Option<Vec<(Format, MatrixSource<'a>)>> {
    let rows = source.parts.iter().map(|part| part.rows);
    let stored: Vec<_> = source.dtypes().zip(rows).collect();
    let one_group = source.groups == 1 && source.order == RowOrder::Stacked;
    let is_mixed = stored.iter().any(|(dtype, _)| *dtype != stored[0].0);
    let kept = stacked_dtypes(&stored, precision);
    let stay = kept.iter().zip(&stored).all(|(kept, (dtype, _))| kept == dtype);
    if !(one_group && is_mixed && stay) {
        return None;
    }
    let section = |part: &'a MatrixPart<'a>| {
        let parts = std::slice::from_ref(part);
        Some((Format::of(part.dtype)?, MatrixSource { parts, bias: None, ..*source }))
    };
    source.parts.iter().map(section).collect()
}

/// Calls `each` with the rows of a tile of all groups' tiles, each after its lane.
pub(crate) fn for_tile_rows(
    source: &MatrixSource<'_>,
    tiles: usize,
    tile: usize,
    mut each: impl FnMut(usize, &RowBytes<'_>),
) {
    let mut quantised = QuantisedRow::default();
    let first = tile % tiles * LANES;
    for row in first..source.rows().min(first + LANES) {
        each(row - first, &quantised.of(source, tile / tiles, row));
    }
}

fn pack_f32(source: &MatrixSource<'_>, tiles: usize, out: &mut [f32], len: usize, pool: &mut Pool) {
    for_each_part(pool, out, len, 1, &|tile, out| {
        let mut values = vec![0.0; source.cols];
        for_tile_rows(source, tiles, tile, |lane, row| {
            row.decode(&mut values);
            for (value, column) in values.iter().zip(out.chunks_exact_mut(LANES)) {
                column[lane] = *value;
            }
        });
    });
}

fn pack_f16(source: &MatrixSource<'_>, tiles: usize, out: &mut [u16], len: usize, pool: &mut Pool) {
    for_each_part(pool, out, len, 1, &|tile, out| {
        for_tile_rows(source, tiles, tile, |lane, row| {
            for (bytes, column) in row.words().zip(out.chunks_exact_mut(LANES)) {
                column[lane] = u16::from_le_bytes(*bytes);
            }
        });
    });
}

fn pack_bf16(
    source: &MatrixSource<'_>,
    tiles: usize,
    out: &mut [u16],
    len: usize,
    pool: &mut Pool,
) {
    for_each_part(pool, out, len, 1, &|tile, out| {
        let mut values = vec![0.0; source.cols];
        for_tile_rows(source, tiles, tile, |lane, row| {
            let mut put = |k: usize, bits| out[k / 2 * 2 * LANES + 2 * lane + k % 2] = bits;
            if row.dtype == DType::Bf16 {
                row.words().enumerate().for_each(|(k, bits)| put(k, u16::from_le_bytes(*bits)));
                return;
            }
            row.decode(&mut values);
            for (k, &value) in values.iter().enumerate() {
                put(k, bf16::from_f32(value).to_bits());
            }
        });
    });
}

fn pack_bias(source: &MatrixSource<'_>, rows: usize, tiles: usize) -> Vec<f32> {
    let mut packed = vec![0.0; source.groups * tiles * LANES];
    if let Some(bias) = source.bias {
        for (packed, bias) in packed.chunks_exact_mut(tiles * LANES).zip(bias.chunks_exact(rows)) {
            packed[..rows].copy_from_slice(bias);
        }
    }
    packed
}
