//! Products of bf16: 32 columns are one instruction for 16 rows and 16 vectors, which adds to the
//! f32 sums where they are.

use std::arch::asm;
use std::ptr::null_mut;

use super::tiles::{self, Shape};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, PANEL, Panels};

/// Bytes of a register's row, and from one row to the next in panels, weights and products alike.
const ROW_BYTES: usize = 64;

const _: () = assert!(size_of::<Products>() == ROW_BYTES && 2 * BLOCK == ROW_BYTES);

/// A block of a tile of weights: pairs of columns, in each a pair of every row.
pub(super) type Weights = [[u16; BLOCK]; LANES];

/// Blocks that go by before the next panels come: 16 KiB of weights, which stay in the first-level
/// cache.
pub(super) const CHUNK: usize = 16;

/// Registers for sums.
const FULL: usize = 4;

/// See `MultiplyFn`.
pub(super) fn multiply(weights: &[u16], x: Panels<'_, u16>, out: &mut [Products]) {
    let blocks = weights.as_chunks::<BLOCK>().0.as_chunks::<LANES>().0;
    let mut sums = Sums::new(x, out);
    if sums.are_few() {
        return sums.add(0, blocks);
    }
    for (index, weights) in blocks.chunks(CHUNK).enumerate() {
        sums.add(index * CHUNK, weights);
    }
}

/// The products of a tile with all vectors of some panels, on the way.
pub(super) struct Sums<'a> {
    x: Panels<'a, u16>,
    out: &'a mut [Products],
}

/// Loads a register's rows from memory, [`ROW_BYTES`] apart, or stores them there.
macro_rules! move_rows {
    (load $register:tt, $from:expr) => {
        asm!(concat!("tileloadd ", $register, ", [{} + {}]"), in(reg) $from, in(reg) ROW_BYTES,
             out($register) _, options(nostack, preserves_flags, readonly))
    };
    (store $register:tt, $to:expr) => {
        asm!(concat!("tilestored [{} + {}], ", $register), in(reg) $to, in(reg) ROW_BYTES,
             options(nostack, preserves_flags))
    };
}

/// Adds the products of the weights in register 4 with a panel's block, by way of a register, to
/// the sums in another.
macro_rules! dot {
    ($sums:tt, $by:tt, $x:expr) => {
        asm!(
            concat!("tileloadd ", $by, ", [{} + {}]"),
            concat!("tdpbf16ps ", $sums, ", ", $by, ", tmm4"),
            in(reg) $x, in(reg) ROW_BYTES, out($sums) _, out($by) _,
            options(nostack, preserves_flags, readonly)
        )
    };
}

impl<'a> Sums<'a> {
    /// All zero.
    pub(super) fn new(x: Panels<'a, u16>, out: &'a mut [Products]) -> Self {
        assert_eq!(x.vectors(), out.len(), "vectors and products");
        out.fill([0.0; LANES]);
        let rest = out.len() % PANEL;
        let full = Shape { rows: PANEL, bytes: ROW_BYTES };
        // A panel that is not full has registers of its own: the last for its vectors, and the
        // fourth for its sums, which three full panels leave free.
        let last = Shape { rows: if rest == 0 { PANEL } else { rest }, bytes: ROW_BYTES };
        // SAFETY: this kernel is in the table of machines with AMX alone, and nobody above it uses
        // the registers.
        unsafe { tiles::shape([full, full, full, last, full, full, full, last]) };
        Self { x, out }
    }

    /// Whether all panels' sums are in registers at once, so that weights need to come but once.
    pub(super) fn are_few(&self) -> bool {
        self.out.len() < FULL * PANEL
    }

    /// Adds the products of some blocks of weights, from the panels' block `first` on.
    pub(super) fn add(&mut self, first: usize, weights: &[Weights]) {
        let most = if self.out.len().is_multiple_of(PANEL) { FULL } else { FULL - 1 };
        let mut panels = self.x.iter().map(|panel| {
            let blocks = panel.values.as_chunks::<BLOCK>().0;
            &blocks[first * panel.vectors..][..weights.len() * panel.vectors]
        });
        let mut rest = &mut *self.out;
        while !rest.is_empty() {
            let full = most.min(rest.len() / PANEL);
            // The last panel goes with the last group.
            let last = if rest.len() < (full + 1) * PANEL { rest.len() % PANEL } else { 0 };
            let (outs, next) = rest.split_at_mut(full * PANEL + last);
            let mut group =
                Group { full, last: last > 0, x: [&[]; FULL], sums: [null_mut(); FULL] };
            let registers = (0..full).chain(group.last.then_some(FULL - 1));
            for ((register, out), x) in registers.zip(outs.chunks_mut(PANEL)).zip(&mut panels) {
                assert_eq!(x.len(), weights.len() * out.len(), "blocks of a panel");
                (group.x[register], group.sums[register]) = (x, out.as_mut_ptr());
            }
            // SAFETY: the registers have their shapes since `new`, and vectors, sums and weights
            // are as many as they say, which has been asserted.
            unsafe { group.add(weights) };
            rest = next;
        }
    }
}

/// Panels whose sums are in registers at once.
struct Group<'a> {
    /// Full panels, in the first registers.
    full: usize,
    /// Whether there is one that is not, in the last.
    last: bool,
    /// The blocks of each register's panel, [`PANEL`] vectors each or, in the last, its vectors.
    x: [&'a [[u16; BLOCK]]; FULL],
    /// The sums of each register's panel.
    sums: [*mut Products; FULL],
}

impl Group<'_> {
    /// Adds the products of some blocks.
    ///
    /// # Safety
    /// Registers have the shapes of [`Sums::new`]. For each panel there are that many rows of sums,
    /// and of vectors for each block of weights.
    unsafe fn add(&self, weights: &[Weights]) {
        let Self { full, last, x, sums } = *self;
        let (use_1, use_2, use_3) = (full > 1, full > 2, full > 3 || last);
        let step = x.map(|x| x.len() / weights.len().max(1));
        // SAFETY: what is read and written is there, as the caller promises. Registers keep their
        // values from one statement to the next, since nothing else uses any.
        unsafe {
            let block =
                |register: usize, index: usize| x[register].as_ptr().add(index * step[register]);
            if full > 0 {
                move_rows!(load "tmm0", sums[0]);
            }
            if use_1 {
                move_rows!(load "tmm1", sums[1]);
            }
            if use_2 {
                move_rows!(load "tmm2", sums[2]);
            }
            if use_3 {
                move_rows!(load "tmm3", sums[3]);
            }
            for (index, weights) in weights.iter().enumerate() {
                move_rows!(load "tmm4", weights.as_ptr());
                if full > 0 {
                    dot!("tmm0", "tmm5", block(0, index));
                }
                if use_1 {
                    dot!("tmm1", "tmm6", block(1, index));
                }
                if use_2 {
                    dot!("tmm2", "tmm5", block(2, index));
                }
                if use_3 {
                    dot!("tmm3", "tmm7", block(3, index));
                }
            }
            if full > 0 {
                move_rows!(store "tmm0", sums[0]);
            }
            if use_1 {
                move_rows!(store "tmm1", sums[1]);
            }
            if use_2 {
                move_rows!(store "tmm2", sums[2]);
            }
            if use_3 {
                move_rows!(store "tmm3", sums[3]);
            }
        }
    }
}
