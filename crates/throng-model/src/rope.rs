//! Rotary position embedding: frequencies once, cosines and sines for the tokens of a step.
//!
//! A table over the whole context would be large (32 MiB for gpt-oss) and read at random; the few
//! cosines of a step cost less than one layer's norm and serve all layers.

use std::f64::consts::TAU;

use throng_ops::Angles;
use throng_spec::{Rope, Yarn};

/// Radians a position of each pair of dimensions, and the factor on cosines and sines.
#[derive(Clone, Debug)]
pub(crate) struct Frequencies {
    radians: Vec<f32>,
    concentration: f32,
}

impl Frequencies {
    pub(crate) fn new(rope: &Rope, dim: usize) -> Self {
        let base = f64::from(rope.theta);
        let plain = (0..dim / 2).map(|i| base.powf(-2.0 * i as f64 / dim as f64));
        let Some(yarn) = &rope.yarn else {
            return Self { radians: plain.map(|f| f as f32).collect(), concentration: 1.0 };
        };
        let factor = f64::from(yarn.factor);
        let (low, high) = ramp(yarn, base, dim);
        let radians = plain.enumerate().map(|(i, frequency)| {
            let interpolated = ((i as f64 - low) / (high - low)).clamp(0.0, 1.0);
            let kept = 1.0 - interpolated;
            (frequency * kept + frequency / factor * interpolated) as f32
        });
        // Temperature of the attention's softmax (Peng et al. 2023, section 3.4), applied to
        // queries and keys alike.
        let concentration = if factor > 1.0 { 0.1 * factor.ln() + 1.0 } else { 1.0 };
        Self { radians: radians.collect(), concentration: concentration as f32 }
    }

    /// Cosines and sines at some positions.
    pub(crate) fn angles(&self, positions: &[u32], out: &mut Angles) {
        out.cos.clear();
        out.sin.clear();
        for &position in positions {
            for &radians in &self.radians {
                // An f32 product, as in the model's training: at far positions its rounding shows.
                let (sin, cos) = (position as f32 * radians).sin_cos();
                out.cos.push(cos * self.concentration);
                out.sin.push(sin * self.concentration);
            }
        }
    }
}

/// The pairs of dimensions between which YaRN goes over from frequencies it keeps to those it
/// interpolates (Peng et al. 2023, section 3.2).
fn ramp(yarn: &Yarn, base: f64, dim: usize) -> (f64, f64) {
    let pair_with_rotations = |rotations: f32| {
        let wavelength = yarn.original_context as f64 / (f64::from(rotations) * TAU);
        dim as f64 * wavelength.ln() / (2.0 * base.ln())
    };
    let (mut low, mut high) =
        (pair_with_rotations(yarn.beta_fast), pair_with_rotations(yarn.beta_slow));
    if yarn.truncate {
        (low, high) = (low.floor(), high.ceil());
    }
    (low, high) = (low.max(0.0), high.min(dim as f64 - 1.0));
    if low == high {
        high += 0.001;
    }
    (low, high)
}
