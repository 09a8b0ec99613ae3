//! `rope_freqs.weight`: what Llama 3.1's scaling divides each frequency of the rotary embedding by,
//! already worked out. GGUF has these numbers in place of the four that they follow from.

use std::f64::consts::TAU;

use throng_spec::{DType, Llama3, RopeScaling};

use super::metadata::Metadata;
use crate::archive::{Entry, Kind};
use crate::error::CheckpointError;

/// The tensor's name.
pub(crate) const NAME: &str = "rope_freqs.weight";

/// The numbers of every Llama since 3.1, but for the factor and, where a pair tells it, the context.
const ORIGINAL_CONTEXT: usize = 8192;
const LOW: f32 = 1.0;
const HIGH: f32 = 4.0;

const MAX_CONTEXT: usize = 1 << 24;

/// Largest difference from what the numbers above give, relative: f32 roundings.
const TOLERANCE: f64 = 1e-4;

/// The scaling that the divisors of the pairs of a head's dimensions follow from.
pub(super) fn scaling(
    metadata: &Metadata<'_>,
    theta: f32,
    dim: usize,
    entry: &Entry,
    data: &[u8],
) -> Result<Option<RopeScaling>, CheckpointError> {
    let invalid = |found: &str, expected: &str| metadata.invalid(NAME, found, expected);
    if entry.kind != Kind::Numbers(DType::F32) || entry.shape != [dim / 2] {
        let found = format!("{} {:?}", entry.kind, entry.shape);
        return Err(invalid(&found, &format!("f32 [{}]", dim / 2)));
    }
    let divisors: Vec<f32> =
        data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let factor = divisors.iter().copied().fold(1.0, f32::max);
    if !(1.0..=1e6).contains(&factor) {
        return Err(invalid(&format!("a divisor of {factor}"), "1 to 1000000"));
    }
    let divisors = divisors.iter().map(|&divisor| f64::from(divisor));
    let pairs: Vec<(f64, f64)> = divisors.zip(frequencies(theta, dim)).collect();
    let factor_f64 = f64::from(factor);
    let original_context = original_context(&pairs, factor_f64);
    let alike = pairs.iter().all(|&(divisor, frequency)| {
        let expected = divisor_of(original_context as f64 * frequency / TAU, factor_f64);
        (divisor - expected).abs() <= TOLERANCE * expected
    });
    if !alike {
        return Err(invalid("something else", "Llama 3.1's divisors of frequencies"));
    }
    let llama3 = Llama3 { factor, original_context, low: LOW, high: HIGH };
    Ok((factor > 1.0).then_some(RopeScaling::Llama3(llama3)))
}

/// The context that a pair's divisor between 1 and the factor follows from, as [`divisor_of`] says.
fn original_context(pairs: &[(f64, f64)], factor: f64) -> usize {
    let between = |divisor: f64| 1.0 + TOLERANCE < divisor && divisor < factor * (1.0 - TOLERANCE);
    let Some(&(divisor, frequency)) = pairs.iter().find(|pair| between(pair.0)) else {
        return ORIGINAL_CONTEXT;
    };
    let kept = (1.0 / divisor - 1.0 / factor) / (1.0 - 1.0 / factor);
    let rotations = f64::from(LOW) + kept * f64::from(HIGH - LOW);
    // A wrong one is noticed where the divisors are compared.
    ((rotations * TAU / frequency).round() as usize).clamp(1, MAX_CONTEXT)
}

/// What the frequencies of the pairs of a head's dimensions are divided by.
pub(crate) fn divisors(theta: f32, dim: usize, scaling: &Llama3) -> impl Iterator<Item = f64> {
    let (context, factor) = (scaling.original_context as f64, f64::from(scaling.factor));
    frequencies(theta, dim).map(move |frequency| divisor_of(context * frequency / TAU, factor))
}

/// Radians a position by which the pairs of a head's dimensions are rotated, before any scaling.
fn frequencies(theta: f32, dim: usize) -> impl Iterator<Item = f64> {
    (0..dim / 2).map(move |pair| f64::from(theta).powf(-2.0 * pair as f64 / dim as f64))
}

/// What a frequency with so many rotations in the original context is divided by: see [`Llama3`].
fn divisor_of(rotations: f64, factor: f64) -> f64 {
    let kept = ((rotations - f64::from(LOW)) / f64::from(HIGH - LOW)).clamp(0.0, 1.0);
    1.0 / (kept + (1.0 - kept) / factor)
}
