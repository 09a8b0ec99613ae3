//! What the compiler makes of plain loops with its baseline.

use std::array::from_fn;
use std::hint::black_box;

use super::Loop;
use crate::arithmetic::Arithmetic;
use crate::cpu::kernels::LANES;

/// Columns of the tile that a round multiplies.
const COLUMNS: usize = 16;

/// The loops.
pub(super) static LOOPS: [Loop; 2] = [
    Loop { arithmetic: Arithmetic::F32, macs: COLUMNS * LANES, run: f32 },
    Loop { arithmetic: Arithmetic::Int8, macs: COLUMNS * LANES, run: int8 },
];

fn f32(rounds: usize) {
    let weights: [[f32; LANES]; COLUMNS] = from_fn(|column| [column as f32; LANES]);
    let mut sums = [0.0; LANES];
    for _ in 0..rounds {
        for weights in black_box(&weights) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += weight * weights[0];
            }
        }
    }
    black_box(sums);
}

fn int8(rounds: usize) {
    let weights: [[i8; LANES]; COLUMNS] = from_fn(|column| [column as i8; LANES]);
    let mut sums = [0i32; LANES];
    for _ in 0..rounds {
        for weights in black_box(&weights) {
            let x = i32::from(weights[0]);
            for (sum, &weight) in sums.iter_mut().zip(weights) {
                *sum = sum.wrapping_add(i32::from(weight) * x);
            }
        }
    }
    black_box(sums);
}
