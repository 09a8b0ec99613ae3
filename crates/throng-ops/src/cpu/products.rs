//! Products of a matrix's tiles with panels of vectors: which kernel makes them, and how many at once.

use std::cell::RefCell;
use std::ops::Range;

use throng_spec::DType;

use super::inputs::InputView;
use super::kernels::{Kernels, LANES, Products};
use super::packed::{Matrix, Tiles};
use super::panels::Panels;

/// Tiles that are multiplied at once: kernels that take several use what they load for each.
pub(crate) const PAIR: usize = 2;

/// Vectors whose products are made at once, counting those that stand for one together, and which stay in the second-level cache while tiles
/// pass by.
const MANY: usize = 256;

/// Vectors whose products are handed on at once, joined: they stay in the first-level cache.
const BATCH: usize = 16;

/// The products of a pair of tiles with one vector, row after row.
pub(crate) type Joined = [f32; PAIR * LANES];

/// What becomes of products: takes some rows of a matrix, a position, and the products of those rows
/// with the vectors from that position on.
pub(crate) type Store<'a> = dyn FnMut(Range<usize>, usize, &[Joined]) + 'a;

/// Products of a pair of tiles, and some of them joined, on lines of the cache.
#[repr(align(64))]
struct Buffer {
    products: [Products; PAIR * MANY],
    joined: [Joined; BATCH],
}

thread_local! {
    /// Kept from product to product: it is too large to be cleared for a single vector.
    static BUFFER: RefCell<Buffer> = const {
        RefCell::new(Buffer {
            products: [[0.0; LANES]; PAIR * MANY],
            joined: [[0.0; PAIR * LANES]; BATCH],
        })
    };
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
    /// Multiplies some tiles of a group with the vectors at some positions, the first of which
    /// begins a panel, and adds biases. Where rows are fewer than a pair of tiles has, what comes
    /// after them in the products is anything.
    pub(crate) fn run(
        &self,
        group: usize,
        tiles: Range<usize>,
        positions: Range<usize>,
        store: &mut Store<'_>,
    ) {
        let lanes = self.matrix.input.lanes();
        BUFFER.with_borrow_mut(|Buffer { products, joined }| {
            for first in positions.clone().step_by(MANY / lanes) {
                let block = first..positions.end.min(first + MANY / lanes);
                for tile in tiles.clone().step_by(PAIR) {
                    let pair = tile..tiles.end.min(tile + PAIR);
                    let products = &mut products[..pair.len() * block.len() * lanes];
                    self.multiply(
                        group,
                        pair.clone(),
                        lanes * block.start..lanes * block.end,
                        products,
                    );
                    if lanes == 2 {
                        add_neighbours(products);
                    }
                    self.hand_on((group, pair), block.clone(), (products, joined), store);
                }
            }
        });
    }

    /// Joins the products of a pair of tiles, adds biases, and stores them, some vectors at a time.
    fn hand_on(
        &self,
        (group, pair): (usize, Range<usize>),
        block: Range<usize>,
        (products, joined): (&[Products], &mut [Joined; BATCH]),
        store: &mut Store<'_>,
    ) {
        let Self { kernels, matrix, .. } = self;
        let rows = matrix.tile_rows(pair.start).start..matrix.tile_rows(pair.end - 1).end;
        for first in (0..block.len()).step_by(BATCH) {
            let batch = first..block.len().min(first + BATCH);
            let joined = &mut joined[..batch.len()];
            for (half, tile) in pair.clone().enumerate() {
                let products = &products[half * block.len()..][batch.clone()];
                // SAFETY: a reference to the kernels is proof that the machine can run them.
                unsafe { (kernels.join)(products, matrix.tile_bias(group, tile), half, joined) };
            }
            store(rows.clone(), block.start + first, joined);
        }
    }

    /// The products of adjacent tiles with the vectors of some lanes, one tile after the other.
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

/// Brings products of vectors of which two stand for one to the front.
fn add_neighbours(products: &mut [Products]) {
    for index in 0..products.len() / 2 {
        let [first, second] = [products[2 * index], products[2 * index + 1]];
        products[index] = std::array::from_fn(|lane| first[lane] + second[lane]);
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
                    Tiles::Integers(DType::Mxfp4, tile) => (kernels.mxfp4_f32)(tile, x, out),
                    Tiles::Integers(other, _) => unreachable!("{other} meets INT8 vectors alone"),
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

/// Copies as many products as there is room for. Mostly that is all of them, and a copy of a known
/// length is a few instructions.
#[inline]
pub(crate) fn set(out: &mut [f32], products: &Joined) {
    match <&mut Joined>::try_from(&mut *out) {
        Ok(out) => *out = *products,
        Err(_) => out.copy_from_slice(&products[..out.len()]),
    }
}

/// Adds as many products as there is room for.
#[inline]
pub(crate) fn add(out: &mut [f32], products: &Joined) {
    out.iter_mut().zip(products).for_each(|(out, y)| *out += y);
}

/// Multiply-adds of a pair of tiles with so many vectors.
pub(crate) fn pair_work(matrix: &Matrix, vectors: usize) -> usize {
    PAIR * LANES * matrix.cols * vectors
}
