//! A tensor of the new folder: as it was, or quantised row by row while it is written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use half::{bf16, f16};
use throng_spec::{DType, Deviation, Layout, quantise};

use crate::mmap::Bytes;
use crate::tensor::Tensor;
use crate::writing::Rows;

/// A tensor to be written.
pub(super) struct NewTensor<'a> {
    pub(super) name: String,
    /// What the tensor is called that it comes from.
    pub(super) stored_name: &'a str,
    pub(super) shape: Vec<usize>,
    /// As safetensors files call it, with bytes of one of its numbers.
    pub(super) dtype: (&'static str, usize),
    pub(super) rows: usize,
    pub(super) row_bytes: usize,
    pub(super) content: Content<'a>,
    /// Where it comes from.
    pub(super) stored: Stored<'a>,
}

/// What its rows are.
pub(super) enum Content<'a> {
    /// Bytes as they are.
    Copied(&'a [u8]),
    /// The values of quantised rows, or all there is of them where a type has no scales.
    Values(Matrix<'a>, Mutex<BTreeMap<usize, Deviation>>),
    /// The scales of quantised rows.
    Scales(Matrix<'a>),
}

/// The tensor that it comes from, whose memory can be given back once all rows are written.
pub(super) struct Stored<'a> {
    pub(super) bytes: &'a Bytes,
    pub(super) range: Range<usize>,
    rows_left: AtomicUsize,
}

impl<'a> Stored<'a> {
    pub(super) fn new(bytes: &'a Bytes, range: Range<usize>, rows: usize) -> Self {
        Self { bytes, range, rows_left: AtomicUsize::new(rows) }
    }
}

/// Rows of numbers that are to be quantised: those of some stored tensors, one after the other.
#[derive(Clone)]
pub(super) struct Matrix<'a> {
    pub(super) parts: Vec<Tensor<'a>>,
    pub(super) cols: usize,
    pub(super) to: DType,
}

impl<'a> NewTensor<'a> {
    /// The same under another name, of what is not quantised values.
    pub(super) fn again(&self, name: String) -> Option<Self> {
        let content = match &self.content {
            Content::Copied(bytes) => Content::Copied(bytes),
            Content::Scales(matrix) => Content::Scales(matrix.clone()),
            Content::Values(..) => return None,
        };
        let stored = Stored::new(self.stored.bytes, self.stored.range.clone(), self.rows);
        Some(Self { name, shape: self.shape.clone(), content, stored, ..*self })
    }
}

impl NewTensor<'_> {
    /// How far its values have moved, once it is written; nothing where it is only copied, or the
    /// scales of another.
    pub(super) fn deviation(&self) -> Option<Deviation> {
        let Content::Values(_, deviations) = &self.content else { return None };
        let deviations = deviations.lock().unwrap_or_else(PoisonError::into_inner);
        // In the order of the rows, so that threads change nothing.
        Some(deviations.values().fold(Deviation::default(), |mut sum, &each| {
            sum += each;
            sum
        }))
    }
}

impl Rows for NewTensor<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn dtype(&self) -> &'static str {
        self.dtype.0
    }

    fn alignment(&self) -> usize {
        self.dtype.1
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    fn append(&self, rows: Range<usize>, out: &mut Vec<u8>) {
        let (first, count) = (rows.start, rows.len());
        match &self.content {
            Content::Copied(bytes) => {
                out.extend(&bytes[rows.start * self.row_bytes..rows.end * self.row_bytes]);
            }
            Content::Values(matrix, deviations) => {
                let deviation = matrix.quantise(rows, out, &mut Vec::new());
                let mut deviations = deviations.lock().unwrap_or_else(PoisonError::into_inner);
                deviations.insert(first, deviation);
            }
            Content::Scales(matrix) => {
                matrix.quantise(rows, &mut Vec::new(), out);
            }
        }
        let Stored { bytes, range, rows_left } = &self.stored;
        if rows_left.fetch_sub(count, Ordering::Relaxed) == count {
            bytes.release(range.clone());
        }
    }
}

impl Matrix<'_> {
    fn quantise(
        &self,
        rows: Range<usize>,
        values: &mut Vec<u8>,
        scales: &mut Vec<u8>,
    ) -> Deviation {
        let (mut row, mut deviation) = (Vec::with_capacity(self.cols), Deviation::default());
        for index in rows {
            row.clear();
            self.read(index, &mut row);
            deviation += quantise(self.to, &row, values, scales);
        }
        deviation
    }

    /// Appends the numbers of a row.
    fn read(&self, mut row: usize, out: &mut Vec<f32>) {
        for part in &self.parts {
            let rows = part.shape.iter().product::<usize>() / self.cols;
            if row < rows {
                return match part.dtype {
                    DType::F32 => self.numbers(part, row, out, f32::from_le_bytes),
                    DType::F16 => {
                        self.numbers(part, row, out, |bytes| f16::from_le_bytes(bytes).to_f32());
                    }
                    DType::Bf16 => {
                        self.numbers(part, row, out, |bytes| bf16::from_le_bytes(bytes).to_f32());
                    }
                    DType::Fp8 => self.floats(part, row, out),
                    other => unreachable!("{other} is not quantised again"),
                };
            }
            row -= rows;
        }
        unreachable!("a matrix has the rows of its parts")
    }

    /// The same of FP8.
    fn floats(&self, part: &Tensor<'_>, row: usize, out: &mut Vec<f32>) {
        let grid = part.grid.expect("a tensor in FP8 was bound with its grid");
        let start = out.len();
        out.resize(start + self.cols, 0.0);
        let scales = grid.of_row(part.scales, row, self.cols);
        grid.decode(&part.data[row * self.cols..][..self.cols], scales, &mut out[start..]);
    }

    fn numbers<const N: usize>(
        &self,
        part: &Tensor<'_>,
        row: usize,
        out: &mut Vec<f32>,
        number: impl Fn([u8; N]) -> f32,
    ) {
        let (first, step) = match part.layout {
            Layout::Columns { pitch } => (row, pitch),
            // Where released names are, no rows are in pairs.
            Layout::Rows | Layout::Pairs { .. } => (row * self.cols, 1),
        };
        let stored = part.data.as_chunks::<N>().0[first..].iter().step_by(step);
        out.extend(stored.take(self.cols).map(|&bytes| number(bytes)));
    }
}
