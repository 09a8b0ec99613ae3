//! Activations as a matrix wants them: in panels, and rounded or not.

use std::ops::Range;

use super::aligned::Aligned;
use super::kernels::Kernels;
use super::packed::Matrix;
use super::panels::{BLOCK, HalfSums, Lane, PANEL, Panels, PanelsI8};
use super::pool::Pool;
use super::scatter::Scatter;
use super::work::grain;

/// What activations are rounded to for a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Not at all.
    F32,
    /// bf16.
    Bf16,
    /// INT8 in blocks of 32.
    I8,
    /// INT8 in blocks of 32, and what that leaves in another vector of INT8: the sum of both is meant.
    I8Twice,
}

impl Input {
    /// Vectors that stand for one.
    pub(crate) const fn lanes(self) -> usize {
        match self {
            Self::F32 | Self::Bf16 | Self::I8 => 1,
            Self::I8Twice => 2,
        }
    }
}

/// The activations of one call in panels; kept from call to call.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    /// The positions of each panel's vectors, of which [`Input::lanes`] stand for one of the call.
    panels: Vec<Range<usize>>,
    f32: Aligned<f32>,
    bf16: Aligned<u16>,
    i8: Aligned<i8>,
    scales: Aligned<f32>,
    sums: Aligned<HalfSums>,
}

/// Activations in the form that a matrix's kernel takes. Each vector has a position, or as many as
/// [`Input::lanes`] says.
#[derive(Clone, Copy)]
pub(crate) enum InputView<'a> {
    /// As they are, of some width.
    F32(&'a [f32], usize),
    /// Rounded to bf16, of some width.
    Bf16(&'a [u16], usize),
    /// Rounded to INT8, of some width.
    I8(I8View<'a>, usize),
}

/// See [`PanelsI8`].
#[derive(Clone, Copy)]
pub(crate) struct I8View<'a> {
    values: &'a [i8],
    scales: &'a [f32],
    sums: &'a [HalfSums],
}

impl<'a> I8View<'a> {
    /// The panels of vectors of some width at some positions, the first of which begins a panel.
    pub(crate) fn panels(&self, width: usize, positions: Range<usize>) -> PanelsI8<'a> {
        PanelsI8 {
            values: Panels::new(self.values, width, positions.clone()),
            scales: Panels::new(self.scales, width / BLOCK, positions.clone()),
            sums: Panels::new(self.sums, width / BLOCK, positions),
        }
    }
}

/// Which vectors are multiplied together, and where they come from.
pub(crate) struct Gather<'a> {
    /// Runs of positions, one after the other from 0. A panel has vectors of one run.
    pub runs: &'a mut dyn Iterator<Item = Range<usize>>,
    /// The vector of `x` at a position.
    pub vector: &'a (dyn Fn(usize) -> usize + Sync),
}

impl Inputs {
    /// Vectors of `x`, as wide as `matrix` has columns, as its kernel takes them.
    pub(crate) fn prepare<'a>(
        &'a mut self,
        (kernels, pool): (&Kernels, &mut Pool),
        matrix: &Matrix,
        x: &[f32],
        Gather { runs, vector }: Gather<'_>,
    ) -> InputView<'a> {
        let lanes = matrix.input.lanes();
        self.panels.clear();
        for run in runs {
            let starts = run.clone().step_by(PANEL / lanes);
            self.panels.extend(starts.map(|start| start..run.end.min(start + PANEL / lanes)));
        }
        let width = matrix.padded_cols;
        let len = lanes * width * self.panels.last().map_or(0, |panel| panel.end);
        let each = Each { panels: &self.panels, x, cols: matrix.cols, width, lanes, vector };
        match matrix.input {
            Input::F32 => {
                self.f32.grow(len);
                let out = Scatter::new(&mut self.f32);
                each.run(pool, &|x, lane, panel| {
                    // SAFETY: panels have no position in common, and each comes up once.
                    copy(x, lane, unsafe { out.part(panel) });
                });
                InputView::F32(&self.f32, width)
            }
            Input::Bf16 => {
                self.bf16.grow(len);
                let out = Scatter::new(&mut self.bf16);
                each.run(pool, &|x, lane, panel| {
                    // SAFETY: as above; and a reference to the kernels is proof that the machine
                    // can run them.
                    unsafe { (kernels.narrow)(x, lane, out.part(panel)) };
                });
                InputView::Bf16(&self.bf16, width)
            }
            Input::I8 | Input::I8Twice => {
                self.i8.grow(len);
                self.scales.grow(len / BLOCK);
                self.sums.grow(len / BLOCK);
                let integers = Scatter::new(&mut self.i8);
                let scales = Scatter::new(&mut self.scales);
                let sums = Scatter::new(&mut self.sums);
                let quantise = if lanes == 1 { quantise_once } else { quantise_twice };
                each.run(pool, &|x, lane, panel| {
                    let blocks = panel.start / BLOCK..panel.end / BLOCK;
                    // SAFETY: panels have no position in common, and each comes up once.
                    let (values, scales, sums) = unsafe {
                        (integers.part(panel), scales.part(blocks.clone()), sums.part(blocks))
                    };
                    quantise(kernels, x, lane, PanelMut { values, scales, sums });
                });
                let Self { i8, scales, sums, .. } = self;
                InputView::I8(I8View { values: i8, scales, sums }, width)
            }
        }
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.panels)
            + size_of_val(&*self.f32)
            + size_of_val(&*self.bf16)
            + size_of_val(&*self.i8)
            + size_of_val(&*self.scales)
            + size_of_val(&*self.sums)
    }
}

/// Puts a vector in its lane of a panel, which is at this range of a buffer.
type Put<'a> = dyn Fn(&[f32], Lane, Range<usize>) + Sync + 'a;

/// What is done to each vector.
struct Each<'a> {
    panels: &'a [Range<usize>],
    x: &'a [f32],
    cols: usize,
    width: usize,
    lanes: usize,
    vector: &'a (dyn Fn(usize) -> usize + Sync),
}

impl Each<'_> {
    /// Puts each vector.
    fn run(&self, pool: &mut Pool, put: &Put<'_>) {
        let Self { panels, x, cols, width, lanes, vector } = *self;
        let work = 2 * lanes * cols * PANEL.min(panels.first().map_or(0, Range::len));
        pool.run(panels.len(), grain(pool, panels.len(), work), &|indices| {
            for positions in &panels[indices] {
                for (index, position) in positions.clone().enumerate() {
                    let lane = Lane { index: lanes * index, vectors: lanes * positions.len() };
                    let x = &x[vector(position) * cols..][..cols];
                    put(x, lane, positions.start * lanes * width..positions.end * lanes * width);
                }
            }
        });
    }
}

/// Puts a vector in its lane, and zeros in the columns that are missing in its last block.
fn copy(x: &[f32], lane: Lane, out: &mut [f32]) {
    for (x, out) in x.chunks(BLOCK).zip(lane.blocks::<_, BLOCK>(out)) {
        let (values, rest) = out.split_at_mut(x.len());
        values.copy_from_slice(x);
        rest.fill(0.0);
    }
}

/// A panel of integers that is being made; see [`PanelsI8`].
struct PanelMut<'a> {
    values: &'a mut [i8],
    scales: &'a mut [f32],
    sums: &'a mut [HalfSums],
}

/// Puts a vector in its lane as integers.
fn quantise_once(kernels: &Kernels, x: &[f32], lane: Lane, out: PanelMut<'_>) {
    // SAFETY: a reference to the kernels is proof that the machine can run them.
    unsafe { (kernels.quantise)(x, lane, out.values, out.scales, out.sums) };
}

/// Puts a vector in its lane as integers, and in the next lane what they leave of it.
fn quantise_twice(kernels: &Kernels, x: &[f32], lane: Lane, out: PanelMut<'_>) {
    let Lane { index, vectors } = lane;
    let blocks = out.values.chunks_exact_mut(vectors * BLOCK);
    let blocks = blocks.zip(out.scales.chunks_exact_mut(vectors));
    let blocks = blocks.zip(out.sums.chunks_exact_mut(vectors));
    for (x, ((values, scales), sums)) in x.chunks(BLOCK).zip(blocks) {
        let first = PanelMut { values: &mut *values, scales: &mut *scales, sums: &mut *sums };
        quantise_once(kernels, x, lane, first);
        let (scale, rounded) = (scales[index], &values[index * BLOCK..][..BLOCK]);
        let mut rest = [0.0; BLOCK];
        for (rest, (x, &rounded)) in rest.iter_mut().zip(x.iter().zip(rounded)) {
            *rest = x - scale * f32::from(rounded);
        }
        let next = Lane { index: index + 1, vectors };
        quantise_once(kernels, &rest, next, PanelMut { values, scales, sums });
    }
}

/// Makes a buffer at least `len` long without giving memory back.
pub(crate) fn grow<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}
