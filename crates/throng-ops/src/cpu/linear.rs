//! Products of packed matrices with the tokens of a step.

use std::ops::Range;

use throng_spec::DType;

use super::inputs::{Gather, InputView, Inputs};
use super::kernels::{Kernels, LANES, Products};
use super::packed::{Matrix, Tile};
use super::panels::Panels;
use super::pool::Pool;
use super::scatter::Scatter;
use super::work::grain;

/// Vectors whose products with a tile are made at once, and whose activations stay in the
/// second-level cache while a run of tiles passes by.
pub(crate) const MANY: usize = 128;

/// What becomes of a product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// It replaces what is there.
    Set,
    /// It is added to what is there.
    Add,
}

/// The products of a tile with the vectors at some positions, the first of which begins a panel.
pub(crate) fn multiply(
    kernels: &Kernels,
    tile: Tile<'_>,
    x: InputView<'_>,
    positions: Range<usize>,
    out: &mut [Products],
) {
    // SAFETY: a reference to the kernels is proof that the machine can run them.
    unsafe {
        match (tile, x) {
            (tile, InputView::F32(x, width)) => {
                let x = Panels::new(x, width, positions);
                match tile {
                    Tile::F32(tile) => (kernels.f32_f32)(tile, x, out),
                    Tile::F16(tile) => (kernels.f16_f32)(tile, x, out),
                    Tile::Bf16(tile) => (kernels.bf16_f32)(tile, x, out),
                    Tile::Integers(_, tile) => (kernels.mxfp4_f32)(tile, x, out),
                }
            }
            (Tile::Bf16(tile), InputView::Bf16(x, width)) => {
                let dot = kernels.bf16_bf16.expect("inputs are bf16 only where this kernel is");
                dot(tile, Panels::new(x, width, positions), out);
            }
            (Tile::Integers(_, tile), InputView::Bf16(x, width)) => {
                let dot = kernels.mxfp4_bf16.expect("inputs are bf16 only where this kernel is");
                dot(tile, Panels::new(x, width, positions), out);
            }
            (Tile::Integers(dtype, tile), InputView::I8(x, width)) => {
                let x = x.panels(width, positions);
                match dtype {
                    DType::Q4_0 => (kernels.q4_0_i8)(tile, x, out),
                    DType::Q4_1 => (kernels.q4_1_i8)(tile, x, out),
                    DType::Q8_0 => (kernels.q8_0_i8)(tile, x, out),
                    _ => (kernels.mxfp4_i8)(tile, x, out),
                }
            }
            _ => unreachable!("inputs are prepared as `Matrix::input` says"),
        }
    }
}

/// `matrix · x + bias` for every token.
#[derive(Debug, Default)]
pub(crate) struct Linear {
    inputs: Inputs,
}

impl Linear {
    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.inputs.bytes()
    }

    pub(crate) fn run(
        &mut self,
        kernels: &Kernels,
        pool: &mut Pool,
        matrix: &Matrix,
        (x, tokens): (&[f32], usize),
        (out, store): (&mut [f32], Store),
    ) {
        let gather = Gather { runs: &mut std::iter::once(0..tokens), vector: &|token| token };
        let x = self.inputs.prepare((kernels, pool), matrix, x, gather);
        let out = Scatter::new(&mut out[..tokens * matrix.rows]);
        let work = LANES * matrix.cols * tokens;
        pool.run(matrix.tiles, grain(pool, matrix.tiles, work), &|tiles| {
            let mut products = [Products::default(); MANY];
            for first in (0..tokens).step_by(MANY) {
                let block = first..tokens.min(first + MANY);
                for tile in tiles.clone() {
                    let rows = matrix.tile_rows(tile);
                    let bias = matrix.tile_bias(0, tile);
                    let products = &mut products[..block.len()];
                    multiply(kernels, matrix.tile(0, tile), x, block.clone(), products);
                    for (product, token) in products.iter().zip(block.clone()) {
                        let start = token * matrix.rows;
                        // SAFETY: a tile is claimed by one thread, and tiles have no row in common.
                        let out = unsafe { out.part(start + rows.start..start + rows.end) };
                        write(out, product, bias, store);
                    }
                }
            }
            (kernels.release)();
        });
    }
}

fn write(out: &mut [f32], product: &Products, bias: &[f32; LANES], store: Store) {
    for (out, (product, bias)) in out.iter_mut().zip(product.iter().zip(bias)) {
        let y = product + bias;
        *out = if store == Store::Add { *out + y } else { y };
    }
}
