//! Rotary position embedding: frequencies once, cosines and sines for the tokens of a step.
//!
//! A table over the whole context would be large (32 MiB for gpt-oss) and read at random; the few
//! cosines of a step cost less than one layer's norm and serve all layers.

use std::f64::consts::TAU;

use throng_ops::Angles;
use throng_spec::{Llama3, Rope, RopeScaling, Yarn};

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
        let (factor, kept) = match &rope.scaling {
            None => (1.0, Kept::All),
            Some(RopeScaling::Linear { factor }) => (*factor, Kept::None),
            Some(RopeScaling::Llama3(llama3)) => (llama3.factor, Kept::Llama3(llama3)),
            Some(RopeScaling::Yarn(yarn)) => {
                let (low, high) = ramp(yarn, base, dim);
                (yarn.factor, Kept::Ramp { low, high })
            }
        };
        let factor = f64::from(factor);
        let radians = plain.enumerate().map(|(i, frequency)| {
            let interpolated = kept.interpolated(i, frequency);
            (frequency * (1.0 - interpolated) + frequency / factor * interpolated) as f32
        });
        // Temperature of the attention's softmax (Peng et al. 2023, section 3.4), applied to
        // queries and keys alike.
        let concentration = match &rope.scaling {
            Some(RopeScaling::Yarn(_)) if factor > 1.0 => 0.1 * factor.ln() + 1.0,
            _ => 1.0,
        };
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

/// Which frequencies a scaling leaves as they are.
enum Kept<'a> {
    All,
    None,
    Llama3(&'a Llama3),
    /// Those of pairs before `low`, and ever less of those up to `high`.
    Ramp {
        low: f64,
        high: f64,
    },
}

impl Kept<'_> {
    /// How much of a pair's frequency is divided by the factor: 0 for nothing, 1 for all of it.
    fn interpolated(&self, pair: usize, frequency: f64) -> f64 {
        match self {
            Self::All => 0.0,
            Self::None => 1.0,
            Self::Llama3(llama3) => {
                let rotations = llama3.original_context as f64 * frequency / TAU;
                let (low, high) = (f64::from(llama3.low), f64::from(llama3.high));
                1.0 - ((rotations - low) / (high - low)).clamp(0.0, 1.0)
            }
            Self::Ramp { low, high } => ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0),
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
