//! Matrices in FP8 (E4M3), whose scales are a tensor of their own: as compressed-tensors names them, or
//! as the releases of DeepSeek and Qwen do. What the scales are of is said in `config.json`.

use throng_spec::{DType, Layout, ScaleGrid};

use super::{Binder, Piece, Span, check_shape, wrong_dtype};
use crate::archive::{Entry, Kind};
use crate::error::CheckpointError;
use crate::names::{INVERSE_SCALE, SCALE};

impl Binder<'_> {
    /// The matrix of this name and shape, if it is in FP8.
    pub(super) fn floats(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<Option<Piece>, CheckpointError> {
        let is_fp8 = |(_, entry): (usize, &Entry)| entry.kind == Kind::Floats;
        let &[rows, cols] = shape else { return Ok(None) };
        if !self.weights.find(name).is_ok_and(is_fp8) {
            return Ok(None);
        }
        let (index, archive, entry) = self.find(name)?;
        if self.scalings.forms.is_empty() {
            let expected = "bf16, f16 or f32 where config.json says nothing of FP8";
            return Err(wrong_dtype(archive, name, entry, expected));
        }
        check_shape(archive, name, entry, shape)?;
        let data = Span { archive: index, range: entry.range.clone() };
        let (scales, grid) = self.scales_of(name, [rows, cols])?;
        let (dtype, layout, shape) = (DType::Fp8, Layout::Rows, shape.to_vec());
        Ok(Some(Piece { dtype, layout, shape, data, scales: Some(scales), grid: Some(grid) }))
    }

    /// The scales of a matrix of this name and shape.
    fn scales_of(
        &self,
        name: &str,
        matrix: [usize; 2],
    ) -> Result<(Span, ScaleGrid), CheckpointError> {
        let names = [SCALE, INVERSE_SCALE].map(|end| format!("{name}{end}"));
        let there = names.into_iter().find(|name| self.weights.find(name).is_ok());
        let scales = there.unwrap_or_else(|| format!("{name}{}", self.scalings.end));
        let (index, archive, entry) = self.find(&scales)?;
        let Kind::Numbers(dtype) = entry.kind else {
            return Err(wrong_dtype(archive, &scales, entry, "f32, bf16 or f16"));
        };
        let forms = self.scalings.forms.iter().filter(|form| form.fits(matrix, &entry.shape));
        let mut grids = forms.map(|form| form.grid(dtype, matrix));
        let Some(grid) = grids.next() else {
            let expected = self.scalings.forms.iter().map(|form| form.shape(matrix));
            return Err(CheckpointError::WrongScales {
                file: archive.file.clone(),
                tensor: scales,
                found: entry.shape.clone(),
                expected: expected
                    .map(|shape| format!("{shape:?}"))
                    .collect::<Vec<_>>()
                    .join(" or "),
            });
        };
        // What reaches beyond the matrix makes no difference.
        let cut = |grid: ScaleGrid| [grid.rows.min(matrix[0]), grid.cols.min(matrix[1])];
        if let Some(second) = grids.map(cut).find(|&second| second != cut(grid)) {
            let (file, found, first) = (archive.file.clone(), entry.shape.clone(), cut(grid));
            return Err(CheckpointError::AmbiguousScales {
                file,
                tensor: scales,
                found,
                first,
                second,
            });
        }
        let mut numbers = grid.numbers(&archive.bytes[entry.range.clone()]).enumerate();
        if let Some((index, found)) = numbers.find(|(_, number)| !number.is_finite()) {
            let (file, tensor) = (archive.file.clone(), scales);
            return Err(CheckpointError::NotFinite { file, tensor, index, found });
        }
        Ok((Span { archive: index, range: entry.range.clone() }, grid))
    }
}
