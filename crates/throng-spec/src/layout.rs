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
}
