//! Products of packed matrices with the tokens of a step.

use super::inputs::{Gather, Inputs};
use super::kernels::Kernels;
use super::packed::Matrix;
use super::pool::Pool;
use super::products::{Multiplication, PAIR, add, pair_work, set};
use super::scatter::Scatter;
use super::work::grain;

/// What becomes of a product.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// It replaces what is there.
    Set,
    /// It is added to what is there.
    Add,
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
        let pairs = matrix.tiles.div_ceil(PAIR);
        let multiplication = Multiplication { kernels, matrix, x };
        pool.run(pairs, grain(pool, pairs, pair_work(matrix, tokens)), &|pairs| {
            let tiles = pairs.start * PAIR..matrix.tiles.min(pairs.end * PAIR);
            multiplication.run(0, tiles, 0..tokens, &mut |rows, first, products| {
                for (token, products) in (first..).zip(products) {
                    let start = token * matrix.rows;
                    // SAFETY: a tile is claimed by one thread, and tiles have no row in common.
                    let out = unsafe { out.part(start + rows.start..start + rows.end) };
                    match store {
                        Store::Set => set(out, products),
                        Store::Add => add(out, products),
                    }
                }
            });
            (kernels.release)();
        });
    }
}
