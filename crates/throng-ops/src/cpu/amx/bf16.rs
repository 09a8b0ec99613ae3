//! Products of bf16: 32 columns are one instruction for 16 rows and 16 vectors, which adds to the
//! f32 sums where they are. Two tiles of weights meet two panels of vectors at a time, so that each
//! register that is loaded is used twice.

use std::arch::asm;
use std::ptr::null_mut;

use super::tiles::{self, Shape};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, PANEL, Panels};

/// Bytes of a register's row, and from one row to the next in panels, weights and products alike.
const ROW_BYTES: usize = 64;

const _: () = assert!(size_of::<Products>() == ROW_BYTES && 2 * BLOCK == ROW_BYTES);

/// A block of a tile of weights: pairs of columns, in each a pair of every row.
type Weights = [[u16; BLOCK]; LANES];

/// Tiles, and panels, that meet at a time.
const PAIR: usize = 2;

/// See `MultiplyFn`.
pub(super) fn multiply(weights: &[u16], x: Panels<'_, u16>, out: &mut [Products]) {
    let blocks = weights.as_chunks::<BLOCK>().0.as_chunks::<LANES>().0;
    let each = x.width() / BLOCK;
    let outs = out.chunks_mut(PAIR * x.vectors());
    for (weights, out) in blocks.chunks(PAIR * each).zip(outs) {
        multiply_pair(weights.split_at(each), x, out);
    }
}

/// The products of one tile or two with all panels, two panels at a time.
fn multiply_pair(
    (weights, others): (&[Weights], &[Weights]),
    x: Panels<'_, u16>,
    out: &mut [Products],
) {
    let vectors = x.vectors();
    let tiles = out.len() / vectors.max(1);
    assert!(tiles <= PAIR && out.len() == tiles * vectors, "products of a pair of tiles");
    let sums = out.as_mut_ptr();
    let mut panels = x.iter();
    let mut done = 0;
    while let Some(panel) = panels.next() {
        let is_full = panel.vectors == PANEL;
        let second = if is_full { panels.next() } else { Some(panel) };
        let first = is_full.then_some(panel);
        let mut group = Group::none(tiles);
        for (slot, panel) in [first, second].into_iter().enumerate() {
            let Some(panel) = panel else { continue };
            group.vectors[slot] = panel.vectors;
            group.x[slot] = panel.values.as_chunks().0;
            // Panels together have as many vectors as a tile has products.
            for (tile, to) in group.sums[slot].iter_mut().enumerate().take(tiles) {
                *to = sums.wrapping_add(tile * vectors + done);
            }
            done += panel.vectors;
        }
        group.shape();
        group.begin();
        group.add(weights, others);
        group.end();
    }
}

/// Up to two panels beside one tile or two, with their sums: those of the first panel are in
/// registers 0 and 1, of the second in 2 and 3.
struct Group<'a> {
    tiles: usize,
    /// Vectors of each panel, 0 for one that is not there. The first is full.
    vectors: [usize; PAIR],
    /// Each panel's blocks.
    x: [&'a [[u16; BLOCK]]; PAIR],
    /// Where the sums of each panel and tile go, a row for each vector.
    sums: [[*mut Products; PAIR]; PAIR],
}

/// An instruction for a register of sums, which may be 0 to 3.
macro_rules! sums {
    (zero $sums:tt) => {
        asm!(concat!("tilezero ", $sums), out($sums) _, options(nostack, nomem, preserves_flags))
    };
    (store $sums:tt, $to:expr) => {
        asm!(concat!("tilestored [{} + {}], ", $sums), in(reg) $to, in(reg) ROW_BYTES,
             options(nostack, preserves_flags))
    };
    (add $sums:tt, $x:tt, $weights:tt) => {
        asm!(concat!("tdpbf16ps ", $sums, ", ", $x, ", ", $weights),
             out($sums) _, options(nostack, nomem, preserves_flags))
    };
}

/// Loads a register of vectors (4 and 5) or weights (6 and 7).
macro_rules! load {
    ($register:tt, $from:expr) => {
        asm!(concat!("tileloadd ", $register, ", [{} + {}]"), in(reg) $from, in(reg) ROW_BYTES,
             out($register) _, options(nostack, preserves_flags, readonly))
    };
}

impl Group<'_> {
    fn none(tiles: usize) -> Self {
        Self { tiles, vectors: [0; PAIR], x: [&[]; PAIR], sums: [[null_mut(); PAIR]; PAIR] }
    }

    fn shape(&self) {
        let full = Shape { rows: PANEL, bytes: ROW_BYTES };
        let second = Shape { rows: if self.has(1) { self.vectors[1] } else { PANEL }, ..full };
        // SAFETY: this kernel is in the table of machines with AMX alone.
        unsafe { tiles::shape([full, full, second, second, full, second, full, full]) };
    }

    fn has(&self, slot: usize) -> bool {
        self.vectors[slot] > 0
    }

    /// Starts the sums at zero.
    fn begin(&self) {
        // SAFETY: the registers have shapes. What is in them stays until `end`, since nothing
        // else in between uses any.
        unsafe {
            sums!(zero "tmm0");
            sums!(zero "tmm1");
            sums!(zero "tmm2");
            sums!(zero "tmm3");
        }
    }

    /// Adds the products of the blocks of one tile and, if there are two, of the other, with the
    /// vectors' blocks.
    #[inline]
    fn add(&self, weights: &[Weights], others: &[Weights]) {
        let two = self.tiles == PAIR;
        assert!(!two || weights.len() == others.len(), "blocks of both tiles");
        let enough = |slot: usize| weights.len() * self.vectors[slot] <= self.x[slot].len();
        assert!(enough(0) && enough(1), "blocks of the vectors");
        let x = |slot: usize, index: usize| {
            self.x[slot].as_ptr().wrapping_add(index * self.vectors[slot])
        };
        let (first_panel, second_panel) = (self.has(0), self.has(1));
        for (index, weights) in weights.iter().enumerate() {
            // SAFETY: the registers have the shapes of `shape`, so what is read are 16 rows of
            // weights and a row for each vector, which has been asserted to be there.
            unsafe {
                load!("tmm6", weights.as_ptr());
                if two {
                    load!("tmm7", others.as_ptr().add(index));
                }
                if first_panel {
                    load!("tmm4", x(0, index));
                    sums!(add "tmm0", "tmm4", "tmm6");
                    if two {
                        sums!(add "tmm1", "tmm4", "tmm7");
                    }
                }
                if second_panel {
                    load!("tmm5", x(1, index));
                    sums!(add "tmm2", "tmm5", "tmm6");
                    if two {
                        sums!(add "tmm3", "tmm5", "tmm7");
                    }
                }
            }
        }
    }

    /// Writes the sums.
    fn end(&self) {
        let [first, second] = self.sums;
        // SAFETY: the registers have the shapes of `shape`, so a row for each vector is written,
        // where `multiply_pair` found that many.
        unsafe {
            if self.has(0) {
                sums!(store "tmm0", first[0]);
            }
            if self.has(0) && self.tiles == PAIR {
                sums!(store "tmm1", first[1]);
            }
            if self.has(1) {
                sums!(store "tmm2", second[0]);
            }
            if self.has(1) && self.tiles == PAIR {
                sums!(store "tmm3", second[1]);
            }
        }
    }
}
