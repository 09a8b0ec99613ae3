//! The forms that scales of weights in FP8 can have: which values of a matrix share one.

use throng_spec::{DType, ScaleGrid};

use crate::names::SCALE;

/// Which values of a matrix share a scale. Names are those of compressed-tensors' strategies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaling {
    /// All.
    Tensor,
    /// Those of a row: of an output channel.
    Channel,
    /// So many neighbours in a row.
    Group(usize),
    /// Rectangles of so many rows and columns.
    Block([usize; 2]),
}

/// What a config says of the scales of a model's weights in FP8.
#[derive(Debug)]
pub(crate) struct Scalings {
    /// Those that matrices may have; none if the config says nothing of FP8.
    pub(crate) forms: Vec<Scaling>,
    /// What the names of scales usually end in, for messages.
    pub(crate) end: &'static str,
}

impl Default for Scalings {
    fn default() -> Self {
        Self { forms: Vec::new(), end: SCALE }
    }
}

impl Scaling {
    /// The form of a grid of a matrix `[rows, cols]`, under a name that says as much as it can.
    pub(crate) fn of(grid: ScaleGrid, [rows, cols]: [usize; 2]) -> Self {
        match [grid.rows, grid.cols] {
            found if found == [rows, cols] => Self::Tensor,
            [1, found] if found == cols => Self::Channel,
            [1, found] => Self::Group(found),
            block => Self::Block(block),
        }
    }

    /// The form of the scales of a matrix `[rows, cols]`, stored in this type.
    pub(crate) fn grid(self, dtype: DType, [matrix_rows, matrix_cols]: [usize; 2]) -> ScaleGrid {
        let [rows, cols] = match self {
            Self::Tensor => [matrix_rows, matrix_cols],
            Self::Channel => [1, matrix_cols],
            Self::Group(cols) => [1, cols],
            Self::Block(block) => block,
        };
        ScaleGrid { dtype, rows, cols }
    }

    /// The shape of the tensor of scales of a matrix `[rows, cols]`.
    pub(crate) fn shape(self, matrix: [usize; 2]) -> Vec<usize> {
        match self {
            Self::Tensor => vec![1],
            _ => self.grid(DType::F32, matrix).shape(matrix).to_vec(),
        }
    }

    /// Whether the tensor of scales of a matrix may have this shape: where all values or those of a
    /// row share one, a dimension of 1 may be left out.
    pub(crate) fn fits(self, matrix: [usize; 2], shape: &[usize]) -> bool {
        let [down, across] = self.grid(DType::F32, matrix).shape(matrix);
        match self {
            Self::Tensor => matches!(shape, [] | [1] | [1, 1]),
            Self::Channel => shape == [down] || shape == [down, 1],
            _ => shape == [down, across],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scaling::{self, Block, Channel, Group, Tensor};

    #[test]
    fn shapes_are_those_of_the_strategies() {
        let matrix = [300, 200];
        let cases: [(Scaling, &[&[usize]]); 4] = [
            (Tensor, &[&[1], &[], &[1, 1]]),
            (Channel, &[&[300, 1], &[300]]),
            (Group(64), &[&[300, 4]]),
            (Block([128, 128]), &[&[3, 2]]),
        ];
        for (scaling, shapes) in cases {
            assert_eq!(scaling.shape(matrix), shapes[0]);
            for (other, shapes) in cases {
                let fits = shapes.iter().all(|shape| scaling.fits(matrix, shape));
                assert_eq!(fits, other == scaling, "{scaling:?} {shapes:?}");
            }
        }
    }
}
