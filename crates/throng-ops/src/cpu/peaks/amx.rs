//! What AMX's tiles make: four products of tiles, each of two with each of two others.

use std::arch::asm;

use super::{Loop, x86};
use crate::arithmetic::Arithmetic;
use crate::cpu::amx::tiles::{Shape, release, shape};

/// Rows and columns of a product.
const ROWS: usize = 16;

/// Inputs of a product of bf16: a full register.
const BF16_INPUTS: usize = 32;

/// Inputs of a product of INT8: half a register, since every 32 have a scale of their own, with
/// which the product must leave the tiles.
const INT8_INPUTS: usize = 32;

/// Products of a round.
const PRODUCTS: usize = 4;

/// The loops, beside those of AVX-512.
pub(super) static LOOPS: [Loop; 5] = [
    x86::F32,
    x86::INT8,
    x86::BF16,
    Loop { arithmetic: Arithmetic::Int8, macs: PRODUCTS * ROWS * ROWS * INT8_INPUTS, run: int8 },
    Loop { arithmetic: Arithmetic::Bf16, macs: PRODUCTS * ROWS * ROWS * BF16_INPUTS, run: bf16 },
];

/// # Safety
/// The machine has AMX.
unsafe fn int8(rounds: usize) {
    // SAFETY: what this function asks for itself.
    unsafe { zeros(INT8_INPUTS) };
    for _ in 0..rounds {
        // SAFETY: the registers have fitting shapes, and nothing else is touched.
        unsafe {
            asm!(
                "tdpbssd tmm0, tmm4, tmm6",
                "tdpbssd tmm1, tmm4, tmm7",
                "tdpbssd tmm2, tmm5, tmm6",
                "tdpbssd tmm3, tmm5, tmm7",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                options(nostack, nomem, preserves_flags),
            );
        }
    }
    release();
}

/// # Safety
/// The machine has AMX.
unsafe fn bf16(rounds: usize) {
    // SAFETY: what this function asks for itself.
    unsafe { zeros(2 * BF16_INPUTS) };
    for _ in 0..rounds {
        // SAFETY: the registers have fitting shapes, and nothing else is touched.
        unsafe {
            asm!(
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                options(nostack, nomem, preserves_flags),
            );
        }
    }
    release();
}

/// Makes zeros of four registers of sums, then of two and two of factors whose rows take so many
/// bytes of inputs.
///
/// # Safety
/// The machine has AMX.
unsafe fn zeros(bytes: usize) {
    let sums = Shape { rows: ROWS, bytes: 4 * ROWS };
    let left = Shape { rows: ROWS, bytes };
    let right = Shape { rows: bytes / 4, bytes: 4 * ROWS };
    // SAFETY: the machine has the instructions as the caller promises, and the registers shapes.
    unsafe {
        shape([sums, sums, sums, sums, left, left, right, right]);
        asm!(
            "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
            "tilezero tmm4", "tilezero tmm5", "tilezero tmm6", "tilezero tmm7",
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack, nomem, preserves_flags),
        );
    }
}
