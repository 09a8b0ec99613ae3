//! Rows that are quantised while they are packed.

use throng_spec::{DType, quantise};

use crate::matrix::{MatrixSource, RowBytes};

/// Room for a row at a time, so that no more of a matrix than that is in memory twice.
#[derive(Default)]
pub(crate) struct QuantisedRow {
    values: Vec<f32>,
    data: Vec<u8>,
    scales: Vec<u8>,
}

impl QuantisedRow {
    /// A row of a group: as it is stored, or as what it is to be quantised to.
    pub(crate) fn of<'a>(
        &'a mut self,
        source: &MatrixSource<'a>,
        group: usize,
        row: usize,
    ) -> RowBytes<'a> {
        let stored = source.row(group, row);
        match source.quantise {
            Some(to) if to != stored.dtype => self.quantise(&stored, to, source.cols),
            _ => stored,
        }
    }

    fn quantise(&mut self, stored: &RowBytes<'_>, to: DType, cols: usize) -> RowBytes<'_> {
        self.values.resize(cols, 0.0);
        stored.decode(&mut self.values);
        self.data.clear();
        self.scales.clear();
        quantise(to, &self.values, &mut self.data, &mut self.scales);
        RowBytes { dtype: to, data: &self.data, scales: &self.scales, grid: None, stride: 1 }
    }
}
