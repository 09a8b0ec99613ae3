//! Products of packed matrices with the tokens of a step.

use super::inputs::{InputView, Inputs};
use super::kernels::{Kernels, LANES, TILE_TOKENS, TileOut};
use super::packed::{Matrix, Tile};
use super::pool::Pool;
use super::scatter::Scatter;
use super::work::grain;

/// Tokens whose activations stay in the second-level cache while a run of tiles passes by.
const BLOCK_TOKENS: usize = 64;

/// What becomes of a product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// It replaces what is there.
    Set,
    /// It is added to what is there.
    Add,
}

/// The products of a tile with the vectors of `x` at the given indices.
pub(crate) fn multiply(
    kernels: &Kernels,
    tile: Tile<'_>,
    x: InputView<'_>,
    tokens: &[u32],
    out: &mut TileOut,
) {
    // SAFETY: a reference to the kernels is proof that the machine can run them.
    unsafe {
        match (tile, x) {
            (Tile::F32(tile), InputView::F32(x)) => (kernels.f32_f32)(tile, x, tokens, out),
            (Tile::F16(tile), InputView::F32(x)) => (kernels.f16_f32)(tile, x, tokens, out),
            (Tile::Bf16(tile), InputView::F32(x)) => (kernels.bf16_f32)(tile, x, tokens, out),
            (Tile::Bf16(tile), InputView::Bf16(x)) => {
                let dot = kernels.bf16_bf16.expect("inputs are bf16 only where this kernel is");
                dot(tile, x, tokens, out);
            }
            (Tile::Mxfp4(tile), InputView::F32(x)) => (kernels.mxfp4_f32)(tile, x, tokens, out),
            (Tile::Mxfp4(tile), InputView::I8(x)) => (kernels.mxfp4_i8)(tile, x, tokens, out),
            _ => unreachable!("inputs are prepared as `Matrix::input` says"),
        }
    }
}

/// `matrix · x + bias` for every token.
#[derive(Debug, Default)]
pub(crate) struct Linear {
    inputs: Inputs,
    /// 0, 1, 2, …
    identity: Vec<u32>,
}

impl Linear {
    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.inputs.bytes() + size_of_val(&*self.identity)
    }

    pub(crate) fn run(
        &mut self,
        kernels: &Kernels,
        pool: &mut Pool,
        matrix: &Matrix,
        (x, tokens): (&[f32], usize),
        (out, store): (&mut [f32], Store),
    ) {
        let x = self.inputs.prepare(kernels, pool, matrix, x, tokens);
        self.identity.extend(self.identity.len() as u32..tokens as u32);
        let identity = &self.identity[..tokens];
        let out = Scatter::new(&mut out[..tokens * matrix.rows]);
        let work = LANES * matrix.cols * tokens;
        pool.run(matrix.tiles, grain(pool, matrix.tiles, work), &|tiles| {
            let mut products = TileOut::default();
            for block in identity.chunks(BLOCK_TOKENS) {
                for tile in tiles.clone() {
                    let rows = matrix.tile_rows(tile);
                    let bias = matrix.tile_bias(0, tile);
                    for tokens in block.chunks(TILE_TOKENS) {
                        multiply(kernels, matrix.tile(0, tile), x, tokens, &mut products);
                        for (product, &token) in products.iter().zip(tokens) {
                            let start = token as usize * matrix.rows;
                            // SAFETY: a tile is claimed by one thread, and tiles have no row in
                            // common.
                            let out = unsafe { out.part(start + rows.start..start + rows.end) };
                            write(out, product, bias, store);
                        }
                    }
                }
            }
        });
    }
}

fn write(out: &mut [f32], product: &[f32; LANES], bias: &[f32; LANES], store: Store) {
    for (out, (product, bias)) in out.iter_mut().zip(product.iter().zip(bias)) {
        let y = product + bias;
        *out = if store == Store::Add { *out + y } else { y };
    }
}
