//! In which order a matrix's values are stored.

/// In which order the values of a stored matrix `[rows, cols]` lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Row after row, without gaps.
    #[default]
    Rows,
    /// Column after column: (row, col) is value `col · pitch + row`.
    Columns {
        /// Values from one column to the next; at least the number of rows.
        pitch: usize,
    },
    /// Row after row, but within each head of the matrix, the two that a rotary embedding turns
    /// together are neighbours: rows i and i + head/2 are stored as rows 2i and 2i + 1. GGUF has
    /// the query and key projections of Llama so.
    Pairs {
        /// Rows of a head, an even number that divides those of the matrix.
        head: usize,
    },
}

impl Layout {
    /// Which of the stored rows is a row, where they lie row after row.
    pub const fn stored_row(self, row: usize) -> usize {
        match self {
            Self::Rows | Self::Columns { .. } => row,
            Self::Pairs { head } => {
                let (start, within, half) = (row / head * head, row % head, head / 2);
                start + within % half * 2 + within / half
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;

    #[test]
    fn pairs_are_neighbours_in_each_head() {
        let stored: Vec<usize> =
            (0..12).map(|row| Layout::Pairs { head: 6 }.stored_row(row)).collect();
        assert_eq!(stored, [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
        assert!((0..12).all(|row| Layout::Rows.stored_row(row) == row));
    }
}
