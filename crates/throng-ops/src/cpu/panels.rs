//! Vectors of activations in the order in which kernels read them.

use std::ops::Range;

/// Vectors in a panel at most, as many as a matrix tile of AMX has rows.
pub(crate) const PANEL: usize = 16;

/// Columns in a block: as many as share a scale in MXFP4, in ggml's smaller formats and in rounded
/// activations, and an eighth of ggml's larger blocks. The columns of every matrix are padded with zeros to a multiple of it.
pub(crate) const BLOCK: usize = 32;

/// A run of vectors, cut in panels of [`PANEL`], of which the last may have fewer. A panel has one
/// block of columns after the other, and in a block one vector after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panels<'a, T> {
    values: &'a [T],
    vectors: usize,
}

/// A panel of so many vectors, `[blocks, vectors, width of a block]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel<'a, T> {
    /// The values.
    pub values: &'a [T],
    /// The vectors.
    pub vectors: usize,
}

impl<'a, T> Panels<'a, T> {
    /// The vectors at some positions of a buffer of vectors of `width` values. Panels begin at the
    /// first of them.
    pub(crate) fn new(buffer: &'a [T], width: usize, positions: Range<usize>) -> Self {
        let vectors = positions.len();
        Self { values: &buffer[positions.start * width..positions.end * width], vectors }
    }

    /// The panels.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Panel<'a, T>> + use<'a, T> {
        let width = self.width();
        let vectors = self.vectors;
        self.values.chunks((PANEL * width).max(1)).enumerate().map(move |(index, values)| Panel {
            values,
            vectors: PANEL.min(vectors - index * PANEL),
        })
    }

    /// Values of a vector.
    pub(crate) fn width(&self) -> usize {
        self.values.len() / self.vectors.max(1)
    }

    /// Vectors in all panels.
    pub(crate) fn vectors(&self) -> usize {
        self.vectors
    }
}

/// The sums of the first and of the second half of a block's integers.
pub(crate) type HalfSums = [i16; 2];

/// Vectors rounded to INT8 in blocks of [`BLOCK`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct PanelsI8<'a> {
    /// The integers, -127 to 127.
    pub values: Panels<'a, i8>,
    /// For each block what its integers are multiplied with.
    pub scales: Panels<'a, f32>,
    /// For each block the sums of its integers.
    pub sums: Panels<'a, HalfSums>,
}

/// One panel of [`PanelsI8`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct PanelI8<'a> {
    /// `[blocks, vectors, BLOCK]`.
    pub values: &'a [i8],
    /// `[blocks, vectors]`.
    pub scales: &'a [f32],
    /// `[blocks, vectors]`.
    pub sums: &'a [HalfSums],
    /// The vectors.
    pub vectors: usize,
}

impl<'a> PanelsI8<'a> {
    /// The panels.
    pub(crate) fn iter(&self) -> impl Iterator<Item = PanelI8<'a>> + use<'a> {
        let each = self.values.iter().zip(self.scales.iter()).zip(self.sums.iter());
        each.map(|((values, scales), sums)| PanelI8 {
            values: values.values,
            scales: scales.values,
            sums: sums.values,
            vectors: values.vectors,
        })
    }
}

/// A vector's place in a panel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    /// Which of the panel's vectors it is.
    pub index: usize,
    /// The panel's vectors.
    pub vectors: usize,
}

impl Lane {
    /// The `N` values of the vector in each of the panel's blocks.
    #[inline(always)]
    pub(crate) fn blocks<T, const N: usize>(
        self,
        panel: &mut [T],
    ) -> impl Iterator<Item = &mut [T; N]> {
        panel.as_chunks_mut().0.iter_mut().skip(self.index).step_by(self.vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::{Lane, PANEL, Panels};

    #[test]
    fn a_run_is_cut_in_panels_and_a_lane_is_found_again() {
        let (width, vectors) = (6, 2 * PANEL + 3);
        let mut buffer = vec![0; (vectors + 1) * width];
        // Panels from position 1 on, two blocks of three columns.
        for position in 0..vectors {
            let first = position / PANEL * PANEL;
            let lane = Lane { index: position - first, vectors: PANEL.min(vectors - first) };
            let panel = &mut buffer[(1 + first) * width..][..lane.vectors * width];
            for (block, values) in lane.blocks::<_, 3>(panel).enumerate() {
                *values = [0, 1, 2].map(|i| 100 * position + 3 * block + i);
            }
        }
        let panels = Panels::new(&buffer, width, 1..vectors + 1);
        let sizes: Vec<usize> = panels.iter().map(|panel| panel.vectors).collect();
        assert_eq!((panels.vectors(), &sizes[..]), (vectors, &[PANEL, PANEL, 3][..]));
        let last = panels.iter().last().unwrap();
        assert_eq!(last.values[3..6], [3300, 3301, 3302]);
        assert_eq!(last.values[9..12], [3203, 3204, 3205]);
    }
}
