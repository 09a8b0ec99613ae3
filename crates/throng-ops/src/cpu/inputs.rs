//! Activations as a matrix wants them: rounded, or padded.

use super::kernels::{Kernels, Rows, RowsI8};
use super::packed::{Input, Matrix};
use super::pool::Pool;
use super::scatter::{Scatter, for_each_part};
use super::work::grain;
use crate::mxfp4::BLOCK;

/// Rounded activations of one call; kept from call to call.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    f32: Vec<f32>,
    bf16: Vec<u16>,
    i8: Vec<i8>,
    scales: Vec<f32>,
    corrections: Vec<i32>,
}

/// Activations in the form that a matrix's kernel takes.
#[derive(Clone, Copy)]
pub(crate) enum InputView<'a> {
    /// As they are.
    F32(Rows<'a, f32>),
    /// Rounded to bf16.
    Bf16(Rows<'a, u16>),
    /// Rounded to INT8.
    I8(RowsI8<'a>),
}

impl Inputs {
    /// The first vectors of `x`, as wide as `matrix` has columns, as its kernel takes them.
    pub(crate) fn prepare<'a>(
        &'a mut self,
        kernels: &Kernels,
        pool: &mut Pool,
        matrix: &Matrix,
        x: &'a [f32],
        vectors: usize,
    ) -> InputView<'a> {
        let (cols, width) = (matrix.cols, matrix.padded_cols);
        let x = &x[..vectors * cols];
        match matrix.input {
            Input::F32 if cols == width => InputView::F32(Rows { values: x, width }),
            Input::F32 => {
                self.f32.clear();
                self.f32.resize(vectors * width, 0.0);
                for (out, x) in self.f32.chunks_exact_mut(width).zip(x.chunks_exact(cols)) {
                    out[..cols].copy_from_slice(x);
                }
                InputView::F32(Rows { values: &self.f32, width })
            }
            Input::Bf16 => {
                grow(&mut self.bf16, vectors * width);
                let out = &mut self.bf16[..vectors * width];
                for_each_part(pool, out, width, grain(pool, vectors, cols), &|index, out| {
                    out[cols..].fill(0);
                    // SAFETY: a reference to the kernels is proof that the machine can run them.
                    unsafe { (kernels.narrow)(&x[index * cols..][..cols], &mut out[..cols]) };
                });
                InputView::Bf16(Rows { values: &self.bf16, width })
            }
            Input::I8 => {
                self.quantise(kernels, pool, x, cols);
                InputView::I8(RowsI8 {
                    values: Rows { values: &self.i8, width },
                    scales: Rows { values: &self.scales, width: width / BLOCK },
                    corrections: Rows { values: &self.corrections, width: width / BLOCK },
                })
            }
        }
    }

    /// Bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.f32)
            + size_of_val(&*self.bf16)
            + size_of_val(&*self.i8)
            + size_of_val(&*self.scales)
            + size_of_val(&*self.corrections)
    }

    fn quantise(&mut self, kernels: &Kernels, pool: &mut Pool, x: &[f32], cols: usize) {
        let (vectors, blocks) = (x.len() / cols, cols / BLOCK);
        grow(&mut self.i8, x.len());
        grow(&mut self.scales, vectors * blocks);
        grow(&mut self.corrections, vectors * blocks);
        let integers = Scatter::new(&mut self.i8);
        let scales = Scatter::new(&mut self.scales);
        let corrections = Scatter::new(&mut self.corrections);
        pool.run(vectors, grain(pool, vectors, 2 * cols), &|range| {
            let (values, blocks) =
                (range.start * cols..range.end * cols, range.start * blocks..range.end * blocks);
            // SAFETY: ranges of vectors are claimed once each, so their parts do not overlap; and
            // a reference to the kernels is proof that the machine can run them.
            unsafe {
                (kernels.quantise)(
                    &x[values.clone()],
                    integers.part(values),
                    scales.part(blocks.clone()),
                    corrections.part(blocks),
                );
            }
        });
    }
}

/// Makes a buffer at least `len` long without giving memory back.
pub(crate) fn grow<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}
