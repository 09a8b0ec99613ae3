//! The mixture of experts: tokens are grouped by expert, so that each expert that is used at all
//! is read once a step.

use std::ops::Range;

use throng_spec::Activation;

use super::aligned::Aligned;
use super::inputs::{Gather, InputView, Inputs};
use super::kernels::Kernels;
use super::packed::Matrix;
use super::pool::Pool;
use super::products::{Joined, Multiplication, PAIR, add, pair_work, set};
use super::scatter::{Scatter, for_each_part};
use super::work::grain;
use crate::routes::Routes;

/// What the experts' operations keep from call to call.
#[derive(Debug, Default)]
pub(crate) struct Experts {
    inputs: Inputs,
    /// Experts that the step uses.
    used: Vec<u32>,
    /// Outputs of the down projection by slot.
    slots: Aligned<f32>,
}

impl Experts {
    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.inputs.bytes() + size_of_val(&*self.used) + size_of_val(&*self.slots)
    }

    /// The up projection and its activation for every slot.
    pub(crate) fn up(
        &mut self,
        (kernels, pool): (&Kernels, &mut Pool),
        routes: &Routes,
        (x, matrix): (&[f32], &Matrix),
        activation: Activation,
        out: &mut [f32],
    ) {
        let token = |position: usize| routes.grouped()[position] as usize / routes.active();
        let gather = Gather { runs: &mut runs(routes), vector: &token };
        let x = self.inputs.prepare((kernels, pool), matrix, x, gather);
        let inputs = activation.inputs();
        let width = matrix.rows / inputs;
        let out = Scatter::new(&mut out[..routes.slots() * width]);
        self.used.clear();
        self.used.extend(used(routes));
        let tiles = Tiles { kernels, routes, matrix, used: &self.used };
        tiles.for_each(pool, x, &|slots, rows, products| {
            let outputs = rows.start / inputs..rows.end / inputs;
            for (&slot, products) in slots.iter().zip(products) {
                let start = slot as usize * width;
                // SAFETY: a slot's tile comes up once, and tiles have no row in common.
                let out = unsafe { out.part(start + outputs.start..start + outputs.end) };
                // SAFETY: a reference to the kernels is proof that the machine can run them.
                unsafe { (kernels.activate)(activation, &products[..rows.len()], out) };
            }
        });
    }

    /// Down for every slot, and each token's weighted sum.
    pub(crate) fn down_add(
        &mut self,
        (kernels, pool): (&Kernels, &mut Pool),
        routes: &Routes,
        (x, matrix): (&[f32], &Matrix),
        out: &mut [f32],
    ) {
        let width = matrix.rows;
        let slot = |position: usize| routes.grouped()[position] as usize;
        let gather = Gather { runs: &mut runs(routes), vector: &slot };
        let x = self.inputs.prepare((kernels, pool), matrix, x, gather);
        self.used.clear();
        self.used.extend(used(routes));
        let tiles = Tiles { kernels, routes, matrix, used: &self.used };
        if routes.active() == 1 {
            // Each token has one slot, whose product is all that there is to add.
            let out = Scatter::new(&mut out[..routes.tokens() * width]);
            return tiles.for_each(pool, x, &|slots, rows, products| {
                for (&slot, products) in slots.iter().zip(products) {
                    let (start, weight) = (slot as usize * width, routes.weights()[slot as usize]);
                    // SAFETY: a slot's tile comes up once, and tiles have no row in common.
                    let out = unsafe { out.part(start + rows.start..start + rows.end) };
                    add(out, &products.map(|product| weight * product));
                }
            });
        }
        self.slots.grow(routes.slots() * width);
        let slots_out = Scatter::new(&mut self.slots);
        tiles.for_each(pool, x, &|slots, rows, products| {
            for (&slot, products) in slots.iter().zip(products) {
                let start = slot as usize * width;
                // SAFETY: a slot's tile comes up once, and tiles have no row in common.
                set(unsafe { slots_out.part(start + rows.start..start + rows.end) }, products);
            }
        });
        let (tokens, active) = (routes.tokens(), routes.active());
        let slots = &self.slots;
        let out = &mut out[..tokens * width];
        for_each_part(pool, out, width, grain(pool, tokens, active * width), &|token, out| {
            let first = token * active;
            for (i, out) in out.iter_mut().enumerate() {
                let mut sum = 0.0;
                for slot in first..first + active {
                    sum += routes.weights()[slot] * slots[slot * width + i];
                }
                *out += sum;
            }
        });
    }
}

/// The experts that tokens go to.
fn used(routes: &Routes) -> impl Iterator<Item = u32> {
    let used = (0..routes.expert_count()).filter(|&expert| !routes.positions(expert).is_empty());
    used.map(|expert| expert as u32)
}

/// The positions of each expert's slots.
fn runs(routes: &Routes) -> impl Iterator<Item = Range<usize>> {
    (0..routes.expert_count()).map(|expert| routes.positions(expert))
}

/// What becomes of products: takes slots of an expert, some of its rows, and for each slot the
/// products of those rows.
type StoreSlots<'a> = dyn Fn(&[u32], Range<usize>, &[Joined]) + Sync + 'a;

/// All tiles of the experts in use.
struct Tiles<'a> {
    kernels: &'a Kernels,
    routes: &'a Routes,
    matrix: &'a Matrix,
    used: &'a [u32],
}

impl Tiles<'_> {
    /// Stores the products of each slot, biases added; see [`Multiplication::run`].
    fn for_each(&self, pool: &mut Pool, x: InputView<'_>, store: &StoreSlots<'_>) {
        let Self { kernels, routes, matrix, used } = *self;
        let pairs = matrix.tiles.div_ceil(PAIR);
        let items = used.len() * pairs;
        let each = routes.slots().checked_div(used.len()).unwrap_or(0);
        let multiplication = Multiplication { kernels, matrix, x };
        pool.run(items, grain(pool, items, pair_work(matrix, each)), &|range| {
            for item in range {
                let (expert, pair) = (used[item / pairs] as usize, item % pairs);
                let tiles = pair * PAIR..matrix.tiles.min((pair + 1) * PAIR);
                let positions = routes.positions(expert);
                multiplication.run(expert, tiles, positions, &mut |rows, first, products| {
                    store(&routes.grouped()[first..][..products.len()], rows, products);
                });
            }
            (kernels.release)();
        });
    }
}
