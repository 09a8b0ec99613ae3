//! Products of a matrix's tiles with panels of vectors: which kernel makes them, and how many at once.

use std::cell::RefCell;
use std::ops::Range;

use super::inputs::InputView;
use super::kernels::{Kernels, LANES, Products};
use super::packed::{Matrix, Tiles};
use super::panels::Panels;

/// Tiles that are multiplied at once: kernels that take several use what they load for each.
pub(crate) const PAIR: usize = 2;

/// Vectors whose products are made at once, and which stay in the second-level cache while tiles
/// pass by.
const MANY: usize = 256;

/// Products of a pair of tiles, on lines of the cache.
#[repr(align(64))]
struct Buffer([Products; PAIR * MANY]);

thread_local! {
    /// Kept from product to product: it is too large to be cleared for a single vector.
    static BUFFER: RefCell<Buffer> = const { RefCell::new(Buffer([[0.0; LANES]; PAIR * MANY])) };
}

/// A matrix and what it is multiplied with.
#[derive(Clone, Copy)]
pub(crate) struct Multiplication<'a> {
    /// What makes the products.
    pub kernels: &'a Kernels,
    /// The weights and biases.
    pub matrix: &'a Matrix,
    /// The vectors.
    pub x: InputView<'a>,
}

impl Multiplication<'_> {
    /// Calls `store` with each of some tiles of a group, each of some positions, the first of which
    /// begins a panel, and their product with the bias.
    pub(crate) fn run(
        &self,
        group: usize,
        tiles: Range<usize>,
        positions: Range<usize>,
        store: &mut dyn FnMut(usize, usize, &Products),
    ) {
        BUFFER.with_borrow_mut(|buffer| {
            for first in positions.clone().step_by(MANY) {
                let block = first..positions.end.min(first + MANY);
                for tile in tiles.clone().step_by(PAIR) {
                    let pair = tile..tiles.end.min(tile + PAIR);
                    let products = &mut buffer.0[..pair.len() * block.len()];
                    self.multiply(group, pair.clone(), block.clone(), products);
                    for (tile, products) in pair.clone().zip(products.chunks_mut(block.len())) {
                        add_bias(products, self.matrix.tile_bias(group, tile));
                    }
                    // Of a vector both tiles in a row: their rows are neighbours in memory.
                    for (index, position) in block.clone().enumerate() {
                        for (tile, products) in pair.clone().zip(products.chunks(block.len())) {
                            store(tile, position, &products[index]);
                        }
                    }
                }
            }
        });
    }

    /// The products of adjacent tiles, one tile after the other.
    fn multiply(
        &self,
        group: usize,
        tiles: Range<usize>,
        positions: Range<usize>,
        out: &mut [Products],
    ) {
        let Self { kernels, matrix, x } = *self;
        if let InputView::Bf16(x, width) = x {
            let x = Panels::new(x, width, positions);
            return match (matrix.tiles(group, tiles), kernels.bf16_bf16) {
                // SAFETY: a reference to the kernels is proof that the machine can run them.
                (Tiles::Bf16(weights), Some(kernel)) => unsafe { kernel(weights, x, out) },
                _ => unreachable!("inputs are bf16 only where there is a kernel for that"),
            };
        }
        for (tile, out) in tiles.zip(out.chunks_exact_mut(positions.len())) {
            multiply_one(kernels, matrix.tiles(group, tile..tile + 1), x, positions.clone(), out);
        }
    }
}

fn add_bias(products: &mut [Products], bias: &Products) {
    for product in products {
        product.iter_mut().zip(bias).for_each(|(product, bias)| *product += bias);
    }
}

/// The products of one tile.
fn multiply_one(
    kernels: &Kernels,
    tile: Tiles<'_>,
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
                    Tiles::F32(tile) => (kernels.f32_f32)(tile, x, out),
                    Tiles::F16(tile) => (kernels.f16_f32)(tile, x, out),
                    Tiles::Bf16(tile) => (kernels.bf16_f32)(tile, x, out),
                    Tiles::Integers(_, tile) => (kernels.mxfp4_f32)(tile, x, out),
                }
            }
            (Tiles::Integers(dtype, tile), InputView::I8(x, width)) => {
                let x = x.panels(width, positions);
                (kernels.integers_i8.of(dtype))(tile, x, out);
            }
            _ => unreachable!("inputs are prepared as `Matrix::input` says"),
        }
    }
}

/// Multiply-adds of a pair of tiles with so many vectors.
pub(crate) fn pair_work(matrix: &Matrix, vectors: usize) -> usize {
    PAIR * LANES * matrix.cols * vectors
}
