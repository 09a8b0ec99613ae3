//! Numbers to blocks of small ones that share a scale: what it is to quantise to a type.
//!
//! Blocks are 32 values of a row, in both types. For INT8 that costs half a bit a weight more than one
//! scale a row, and is worth it. Of normal weights the largest of 32 is at about 2.1 deviations, that
//! of a row of 2880 at 3.5, so the squared error is about a third. And activations are rounded to
//! INT8 in the same blocks, so a block's product is an exact integer times two scales.

use std::ops::AddAssign;

use half::{bf16, f16};

use crate::dtype::DType;

/// Values of a block.
const BLOCK: usize = DType::Q8_0.block_len();

/// The largest integer. -128 has no opposite, so it is left out.
const MAX_INTEGER: f32 = 127.0;

/// Added to a small number and taken off again, it leaves the nearest integer, of two the even one:
/// in this power of two and a half, f32 has no bits for less.
const ROUND: f32 = 12_582_912.0;

/// The scale of MXFP4 that is no number.
const NAN_SCALE: u8 = 255;

/// The scale 1 of MXFP4.
const UNIT_SCALE: u8 = 127;

/// The values of E2M1, by their codes without the sign.
const E2M1: [f64; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

/// How far quantised values are from those that they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Deviation {
    /// Sum of the squares of the differences.
    pub squared_error: f64,
    /// Sum of the squares of the values.
    pub squared_values: f64,
}

impl Deviation {
    /// Root mean square of the differences, in units of that of the values; 0 where these are 0.
    pub fn relative_rms(&self) -> f64 {
        if self.squared_error == 0.0 {
            0.0
        } else {
            (self.squared_error / self.squared_values).sqrt()
        }
    }
}

impl AddAssign for Deviation {
    fn add_assign(&mut self, other: Self) {
        self.squared_error += other.squared_error;
        self.squared_values += other.squared_values;
    }
}

/// Appends a row's values, as a type has them, and its scales: the form of safetensors, in which
/// scales are apart. A block with a value that is no finite number has a scale that is none.
///
/// * [`DType::Q8_0`] (INT8): the scale is a 127th of the block's largest magnitude, as the nearest
///   f16 by which no integer exceeds 127; values are the nearest integers, from -127 to 127.
/// * [`DType::Mxfp4`]: the scale is that of OCP Microscaling Formats 1.0 (section 6.3), the power of
///   two that brings the largest magnitude to between 4 and 8, or twice that, whichever leaves the
///   smaller squared error; values are the nearest of E2M1, at most 6.
/// * [`DType::Bf16`]: the nearest values; no scales.
///
/// Ties go to the even one everywhere.
///
/// # Panics
/// Nothing is quantised to the type, or the row is no whole number of blocks.
pub fn quantise(to: DType, row: &[f32], values: &mut Vec<u8>, scales: &mut Vec<u8>) -> Deviation {
    assert!(row.len().is_multiple_of(to.block_len()), "whole blocks");
    let squared_error = match to {
        DType::Bf16 => row.iter().map(|&value| push_bf16(value, values)).sum(),
        DType::Q8_0 => row.as_chunks().0.iter().map(|block| push_int8(block, values, scales)).sum(),
        DType::Mxfp4 => {
            row.as_chunks().0.iter().map(|block| push_mxfp4(block, values, scales)).sum()
        }
        other => unreachable!("nothing is quantised to {other}"),
    };
    let squared_values = row.iter().map(|&value| f64::from(value).powi(2)).sum();
    Deviation { squared_error, squared_values }
}

/// Each of these appends what it is named after and gives the squared error.
fn push_bf16(value: f32, values: &mut Vec<u8>) -> f64 {
    let rounded = bf16::from_f32(value);
    values.extend(rounded.to_le_bytes());
    (f64::from(rounded.to_f32()) - f64::from(value)).powi(2)
}

fn push_int8(block: &[f32; BLOCK], values: &mut Vec<u8>, scales: &mut Vec<u8>) -> f64 {
    let scale = int8_scale(largest(block));
    scales.extend(scale.to_le_bytes());
    let scale = scale.to_f32();
    // A scale of 0 is that of zeros.
    let divisor = if scale == 0.0 { f32::INFINITY } else { scale };
    let integers = block.map(|value| {
        let quotient = (value / divisor).clamp(-MAX_INTEGER, MAX_INTEGER);
        (quotient + ROUND) - ROUND
    });
    values.extend(integers.map(|integer| integer as i8 as u8));
    let pairs = block.iter().zip(integers);
    pairs.map(|(&value, integer)| (f64::from(integer * scale) - f64::from(value)).powi(2)).sum()
}

/// The scale of a block with this largest magnitude, NaN if there is none.
fn int8_scale(largest: f32) -> f16 {
    if largest.is_nan() {
        return f16::NAN;
    }
    let nearest = f16::from_f32(largest / MAX_INTEGER).min(f16::MAX);
    // Among the smallest f16, the nearest may be much too small.
    let is_small = largest > (MAX_INTEGER + 0.5) * nearest.to_f32() && nearest < f16::MAX;
    if is_small { f16::from_bits(nearest.to_bits() + 1) } else { nearest }
}

fn push_mxfp4(block: &[f32; BLOCK], values: &mut Vec<u8>, scales: &mut Vec<u8>) -> f64 {
    let largest = largest(block);
    let floor = match largest {
        0.0 => UNIT_SCALE,
        _ if largest.is_nan() => NAN_SCALE,
        // Both exponents have the same bias. 4 = 2² is the largest power of two in E2M1.
        _ => ((largest.to_bits() >> 23) as u8).saturating_sub(2),
    };
    let mut best = Mxfp4::new(block, floor);
    if floor < NAN_SCALE - 1 {
        let double = Mxfp4::new(block, floor + 1);
        if double.squared_error < best.squared_error {
            best = double;
        }
    }
    scales.push(best.scale);
    values.extend(best.codes.as_chunks().0.iter().map(|[low, high]| low | high << 4));
    best.squared_error
}

/// A block with one of its scales.
struct Mxfp4 {
    /// E8M0.
    scale: u8,
    codes: [u8; BLOCK],
    squared_error: f64,
}

impl Mxfp4 {
    fn new(block: &[f32; BLOCK], scale: u8) -> Self {
        let factor = match scale {
            0 => f32::from_bits(1 << 22),
            NAN_SCALE => f32::NAN,
            scale => f32::from_bits(u32::from(scale) << 23),
        };
        let codes = block.map(|value| e2m1(value / factor));
        let errors = block.iter().zip(codes).map(|(&value, code)| {
            let magnitude = E2M1[usize::from(code & 7)] * f64::from(factor);
            (magnitude - f64::from(value.abs())).powi(2)
        });
        Self { scale, codes, squared_error: errors.sum() }
    }
}

/// The code of the nearest value of E2M1; of two, that with the even code.
fn e2m1(value: f32) -> u8 {
    let (size, sign) = (value.abs(), u8::from(value < 0.0));
    let steps =
        [size > 0.25, size >= 0.75, size > 1.25, size >= 1.75, size > 2.5, size >= 3.5, size > 5.0];
    steps.into_iter().map(u8::from).sum::<u8>() | sign << 3
}

/// The largest magnitude, or NaN if a value is infinite or NaN.
fn largest(block: &[f32; BLOCK]) -> f32 {
    let largest = block.iter().fold(0.0, |largest: f32, value| largest.max(value.abs()));
    // `max` passes over NaN; what is not finite makes this sum NaN.
    let probe: f32 = block.iter().map(|value| value * 0.0).sum();
    largest + probe
}

#[cfg(test)]
mod tests;
