//! Dot products of a block's integers: 16 rows with up to a panel of vectors, or as many of its
//! columns as share a scale. Two sets of registers take turns, so that a block's sums leave for
//! memory while those of the next are made.

use std::arch::asm;
use std::arch::x86_64::*;

use super::super::tiles::{self, Shape};
use super::unpacked::store_floats;
use crate::cpu::integers::LINE;
use crate::cpu::kernels::LANES;
use crate::cpu::panels::{BLOCK, HalfSums, PANEL};

/// What is made of a part of a block, for each vector of a panel.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Dots {
    /// A row for each vector.
    pub sums: [[i32; LANES]; PANEL],
    /// What offsets are multiplied with.
    pub x_sums: [f32; LANES],
}

impl Dots {
    pub(super) const fn new() -> Self {
        Self { sums: [[0; LANES]; PANEL], x_sums: [0.0; LANES] }
    }

    /// Sums up the integers of a block of `N` vectors, and scales the sums.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn sum_up<const N: usize>(&mut self, scales: &[f32; N], sums: &[HalfSums; N]) {
        let vectors = u16::MAX >> (LANES - N);
        // SAFETY: `N` times four bytes are there to be read of both.
        let (scales, sums) = unsafe {
            let sums = _mm512_maskz_loadu_epi32(vectors, sums.as_ptr().cast());
            (_mm512_maskz_loadu_ps(vectors, scales.as_ptr()), sums)
        };
        let sums = _mm512_madd_epi16(sums, _mm512_set1_epi16(1));
        store_floats(_mm512_mul_ps(scales, _mm512_cvtepi32_ps(sums)), &mut self.x_sums);
    }
}

/// Gives registers their shapes: products of parts of so many columns, with full panels and with a
/// last one of so many vectors.
pub(super) fn shape(part: usize, last: usize) {
    let [full_sums, last_sums] = [PANEL, last].map(|rows| Shape { rows, bytes: LINE });
    let [full_x, last_x] = [PANEL, last].map(|rows| Shape { rows, bytes: part });
    let rows = Shape { rows: part / 4, bytes: LINE };
    let shapes = [full_sums, full_sums, last_sums, last_sums, full_x, last_x, rows, rows];
    // SAFETY: this kernel is in the table of machines with AMX alone.
    unsafe { tiles::shape(shapes) };
}

/// The instructions for the sums of a part in a register.
macro_rules! begin {
    ($sums:tt, $x:tt, $from:expr, $weights:expr) => {
        asm!(
            concat!("tilezero ", $sums),
            concat!("tileloadd ", $x, ", [{x} + {x_stride}]"),
            "tileloadd tmm6, [{weights} + {stride}]",
            concat!("tdpbssd ", $sums, ", ", $x, ", tmm6"),
            x = in(reg) $from,
            x_stride = in(reg) BLOCK,
            weights = in(reg) $weights,
            stride = in(reg) LINE,
            out($sums) _, out($x) _, out("tmm6") _,
            options(nostack, preserves_flags, readonly),
        )
    };
}

/// Begins the sums of a part that comes at an odd or at an even step: a panel of `N` vectors, the
/// last one or a full one, with 16 rows.
///
/// # Safety
/// [`shape`] has been called, `x` has `N` rows of 32 bytes, of which as many are read as a part has
/// columns, and `weights` a line for each four of these.
#[inline]
pub(super) unsafe fn begin<const N: usize, const ODD: bool>(x: *const i8, weights: *const u8) {
    // SAFETY: the registers have the shapes that `shape` gave them, so what is read is what the
    // caller promises.
    unsafe {
        match (N, ODD) {
            (PANEL, false) => begin!("tmm0", "tmm4", x, weights),
            (PANEL, true) => begin!("tmm1", "tmm4", x, weights),
            (_, false) => begin!("tmm2", "tmm5", x, weights),
            (_, true) => begin!("tmm3", "tmm5", x, weights),
        }
    }
}

/// Writes a register of sums.
macro_rules! end {
    ($sums:tt, $to:expr) => {
        asm!(concat!("tilestored [{} + {}], ", $sums), in(reg) $to, in(reg) LINE,
             options(nostack, preserves_flags))
    };
}

/// Writes the sums that were begun at an odd or at an even step.
///
/// # Safety
/// [`begin`] has been called for this step, and [`shape`] not since.
#[inline]
pub(super) unsafe fn end<const N: usize, const ODD: bool>(dots: &mut Dots) {
    let to = dots.sums.as_mut_ptr();
    // SAFETY: the registers have the shapes that `shape` gave them: no more rows than a panel has
    // vectors, each as long as a row of sums.
    unsafe {
        match (N, ODD) {
            (PANEL, false) => end!("tmm0", to),
            (PANEL, true) => end!("tmm1", to),
            (_, false) => end!("tmm2", to),
            (_, true) => end!("tmm3", to),
        }
    }
}
