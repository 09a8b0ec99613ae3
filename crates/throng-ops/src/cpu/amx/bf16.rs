//! Products of bf16: 32 columns are one instruction for 16 rows and 16 vectors, which adds to the
//! f32 sums where they are.

use std::arch::asm;

use super::tiles::{Shape, Tiles};
use crate::cpu::kernels::{LANES, Products};
use crate::cpu::panels::{BLOCK, PANEL, Panels};

/// Bytes of a register's row, and from one row to the next in panels, weights and products alike.
const ROW_BYTES: usize = 64;

const _: () = assert!(size_of::<Products>() == ROW_BYTES && 2 * BLOCK == ROW_BYTES);

/// A block of a tile of weights: pairs of columns, in each a pair of every row.
type Weights = [[u16; BLOCK]; LANES];

/// Blocks that go by before the next panels come: 32 KiB of weights, which stay in the first-level
/// cache.
const CHUNK: usize = 32;

/// Panels whose sums are in registers at once.
const MOST: usize = 4;

/// See `MultiplyFn`.
pub(crate) fn multiply(weights: &[u16], x: Panels<'_, u16>, out: &mut [Products]) {
    out.fill([0.0; LANES]);
    let blocks = weights.as_chunks::<BLOCK>().0.as_chunks::<LANES>().0;
    let full = x.vectors() / PANEL * PANEL;
    let (outs, last) = out.split_at_mut(full);
    for (index, weights) in blocks.chunks(CHUNK).enumerate() {
        let mut panels = x.iter().map(|panel| {
            let blocks = panel.values.as_chunks::<BLOCK>().0;
            &blocks[index * CHUNK * panel.vectors..][..weights.len() * panel.vectors]
        });
        for outs in outs.chunks_mut(MOST * PANEL) {
            let mut next = || panels.next().unwrap_or_default();
            match outs.len() / PANEL {
                1 => add(weights, [next()], outs),
                2 => add(weights, [next(), next()], outs),
                3 => add(weights, [next(), next(), next()], outs),
                _ => add(weights, [next(), next(), next(), next()], outs),
            }
        }
        if let Some(panel) = panels.next() {
            add(weights, [panel], last);
        }
    }
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
        asm!(concat!("tileloadd ", $by, ", [{} + {}]"), concat!("tdpbf16ps ", $sums, ", ", $by, ", tmm4"),
             in(reg) $x, in(reg) ROW_BYTES, out($sums) _, out($by) _,
             options(nostack, preserves_flags, readonly))
    };
}

/// Adds the products of some blocks with `P` panels of equally many vectors, whose blocks these are.
fn add<const P: usize>(weights: &[Weights], panels: [&[[u16; BLOCK]]; P], out: &mut [Products]) {
    let vectors = out.len() / P;
    assert!(vectors <= PANEL && out.len() == P * vectors, "vectors of {P} panels");
    assert!(panels.iter().all(|panel| panel.len() == weights.len() * vectors), "their blocks");
    let rows = Shape { rows: vectors, bytes: ROW_BYTES };
    let full = Shape { rows: LANES, bytes: ROW_BYTES };
    // SAFETY: this kernel is in the table of machines with AMX alone, and nobody above it uses it.
    let tiles = unsafe { Tiles::new([rows, rows, rows, rows, full, rows, rows, rows]) };
    let sums: [*mut Products; P] = {
        let mut outs = out.chunks_exact_mut(vectors);
        std::array::from_fn(|_| outs.next().map_or(std::ptr::null_mut(), <[_]>::as_mut_ptr))
    };
    // SAFETY: with the shapes above, `vectors` rows of 64 bytes are read from each panel's block and
    // from each panel's products, where they are written too, and 16 from a block of weights; that
    // these are there has been asserted. Registers keep their values from one statement to the
    // next, since nothing else uses any.
    unsafe {
        move_rows!(load "tmm0", sums[0]);
        if P > 1 {
            move_rows!(load "tmm1", sums[1]);
        }
        if P > 2 {
            move_rows!(load "tmm2", sums[2]);
        }
        if P > 3 {
            move_rows!(load "tmm3", sums[3]);
        }
        for (index, weights) in weights.iter().enumerate() {
            let block = |panel: usize| panels[panel].as_ptr().add(index * vectors);
            move_rows!(load "tmm4", weights.as_ptr());
            dot!("tmm0", "tmm5", block(0));
            if P > 1 {
                dot!("tmm1", "tmm6", block(1));
            }
            if P > 2 {
                dot!("tmm2", "tmm7", block(2));
            }
            if P > 3 {
                dot!("tmm3", "tmm5", block(3));
            }
        }
        move_rows!(store "tmm0", sums[0]);
        if P > 1 {
            move_rows!(store "tmm1", sums[1]);
        }
        if P > 2 {
            move_rows!(store "tmm2", sums[2]);
        }
        if P > 3 {
            move_rows!(store "tmm3", sums[3]);
        }
    }
    drop(tiles);
}
