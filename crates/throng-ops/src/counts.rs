//! What an operation cannot do without: bytes of weights and of the KV cache that it must read,
//! and multiply-accumulates. Activations, norms and whatever else a cache holds are not counted.

use crate::arithmetic::{Arithmetic, Macs};
use crate::backend::{Attention, Backend};
use crate::placement::Placement;
use crate::routes::Routes;

/// A backend that says what its operations read, and what they compute in.
pub trait Counted: Backend {
    /// Of a packed matrix, whose packing settled what its products are made in.
    fn packed(matrix: &Self::Matrix) -> Packed;

    /// Of a KV cache.
    fn kept(&self, pool: &Self::KvPool) -> Kept;
}

/// A matrix as a backend keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Outputs of each group.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// Bytes of all groups, padding and biases included.
    pub bytes: usize,
    /// What products with it are made in.
    pub arithmetic: Arithmetic,
    /// Products that make one: two where activations are rounded twice.
    pub lanes: usize,
}

/// Keys and values as a backend keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Bytes of one key or value of one head.
    pub head_bytes: usize,
    /// What products with queries and weights are made in.
    pub arithmetic: Arithmetic,
}

/// What was counted of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Bytes to be read.
    pub bytes: u64,
    /// Multiply-accumulates.
    pub macs: Macs,
}

impl Count {
    fn new(bytes: usize, arithmetic: Arithmetic, macs: usize) -> Self {
        Self { bytes: bytes as u64, macs: Macs::only(arithmetic, macs as u64) }
    }

    /// Of a product of a matrix of one group with some vectors: the matrix is read once.
    pub fn product(matrix: Packed, tokens: usize) -> Self {
        let Packed { rows, cols, bytes, arithmetic, lanes } = matrix;
        // A step may want no logits.
        let bytes = if tokens == 0 { 0 } else { bytes };
        Self::new(bytes, arithmetic, tokens * lanes * rows * cols)
    }

    /// Of the products of each slot with its expert: experts that no slot goes to are not read.
    pub fn experts(matrix: Packed, routes: &Routes) -> Self {
        let Packed { rows, cols, bytes, arithmetic, lanes } = matrix;
        let all = routes.expert_count().max(1);
        let used = (0..routes.expert_count()).filter(|&each| !routes.group(each).is_empty());
        Self::new(bytes / all * used.count(), arithmetic, routes.slots() * lanes * rows * cols)
    }

    /// Of some rows of a table.
    pub fn rows(table: Packed, tokens: usize) -> Self {
        let each = table.bytes / table.rows.max(1);
        Self { bytes: (tokens * each) as u64, macs: Macs::default() }
    }

    /// Of scores and weighted sums of what each query sees. A sequence's keys and values are read
    /// once, from the first that any of its queries sees to its last.
    pub fn attention(attention: &Attention, placement: &Placement, kept: Kept) -> Self {
        let (mut cells, mut seen, mut token) = (0, 0, 0);
        for run in placement.sequences.chunk_by(|a, b| a == b) {
            let positions = token..token + run.len();
            let first = attention.first_visible(placement.position(token));
            cells += placement.position(positions.end - 1) + 1 - first;
            token = positions.end;
            seen += positions
                .map(|token| placement.position(token))
                .map(|position| position + 1 - attention.first_visible(position))
                .sum::<usize>();
        }
        let heads = attention.heads;
        let bytes = cells * 2 * heads.kv * kept.head_bytes;
        Self::new(bytes, kept.arithmetic, seen * 2 * heads.query_width())
    }
}

#[cfg(test)]
mod tests {
    use throng_spec::{Heads, Mixture, Weighting};

    use super::*;

    const MATRIX: Packed =
        Packed { rows: 48, cols: 64, bytes: 4 * 1000, arithmetic: Arithmetic::Int8, lanes: 1 };

    #[test]
    fn a_matrix_is_read_once_however_many_tokens_there_are() {
        let count = |macs| Count::new(4000, Arithmetic::Int8, macs);
        assert_eq!(Count::product(MATRIX, 1), count(48 * 64));
        assert_eq!(Count::product(MATRIX, 7), count(7 * 48 * 64));
        assert_eq!(Count::product(MATRIX, 0), Count::default());
        // Two products make one.
        assert_eq!(Count::product(Packed { lanes: 2, ..MATRIX }, 7), count(2 * 7 * 48 * 64));
        assert_eq!(Count::rows(MATRIX, 3).bytes, 3 * (4000 / 48));
    }

    #[test]
    fn of_experts_those_are_read_that_somebody_goes_to() {
        let mut routes = Routes::default();
        let mixture = Mixture { experts: 4, active: 2, weighting: Weighting::Chosen };
        // Experts 0 and 1, then 1 and 3: three of four.
        routes.choose(&[2.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 2.0], mixture);
        let expected = Count::new(3 * 1000, Arithmetic::Int8, 4 * 48 * 64);
        assert_eq!(Count::experts(MATRIX, &routes), expected);
        routes.to_one(5);
        assert_eq!(Count::experts(MATRIX, &routes), Count::product(MATRIX, 5));
    }

    #[test]
    fn a_sequences_cells_are_read_once_and_each_query_sees_its_own() {
        let heads = Heads { query: 6, kv: 2, dim: 8 };
        let kept = Kept { head_bytes: 8 * 2, arithmetic: Arithmetic::F32 };
        // One that decodes at position 9, one whose positions 2, 3 and 4 are read at once.
        let placement = Placement {
            positions: vec![9, 2, 3, 4],
            sequences: vec![0, 1, 1, 1],
            ..Placement::default()
        };
        let count = |window| Count::attention(&Attention { heads, window }, &placement, kept);
        let (cell, pair) = (2 * 2 * 8 * 2, 2 * 6 * 8);
        assert_eq!(
            count(None),
            Count::new((10 + 5) * cell, Arithmetic::F32, (10 + 3 + 4 + 5) * pair)
        );
        // With a window of 2 the second one's queries see positions 1 to 4 together.
        assert_eq!(count(Some(2)), Count::new((2 + 4) * cell, Arithmetic::F32, 8 * pair));
    }
}
