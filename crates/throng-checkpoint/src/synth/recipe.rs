//! How large the random weights of each role are.
//!
//! Inputs of projections have been normalised, so a matrix of deviation g / √inputs gives outputs of
//! size g whatever the width. Each branch adds to the residual stream about what the embedding put
//! into it, so the stream grows by the square root of the depth and stays finite; logits of
//! attention, routers and the head are a few units, so that softmaxes are neither flat nor one-hot.

use throng_spec::{LayerRole, ModelSpec, Role};

/// Deviation of the logits of the head.
const LOGITS: f32 = 2.0;

/// What a role's values are: mean + deviation · normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Recipe {
    pub(super) mean: f32,
    pub(super) deviation: f32,
    /// Half of the values are negated.
    pub(super) signs: bool,
}

impl Recipe {
    const fn around(mean: f32, deviation: f32) -> Self {
        Self { mean, deviation, signs: false }
    }

    /// A projection whose outputs have this size for inputs of size 1.
    fn linear(size: f32, inputs: usize) -> Self {
        Self::around(0.0, size / (inputs as f32).sqrt())
    }

    /// The recipe of a role's tensor of the given shape.
    pub(super) fn new(spec: &ModelSpec, role: Role, shape: &[usize]) -> Self {
        let stream = stream(spec);
        match role {
            Role::Embedding => Self::around(0.0, stream),
            Role::Positions => Self::around(0.0, 0.2 * stream),
            // A tied head would tell each token to follow itself: the logit of a token is its
            // embedding times a hidden state in which that embedding is a summand. Signs take its
            // square out of the sum.
            Role::FinalNorm => Self { signs: spec.tied_head, ..Self::around(1.0, 0.1) },
            Role::FinalNormBias => Self::around(0.0, 0.1),
            Role::Head => Self::linear(LOGITS, spec.hidden),
            Role::Layer(_, role) => Self::of_layer(spec, role, shape, stream),
        }
    }

    fn of_layer(spec: &ModelSpec, role: LayerRole, shape: &[usize], stream: f32) -> Self {
        use LayerRole::*;
        // A matrix's inputs; vectors do not ask.
        let inputs = shape.last().copied().unwrap_or(1);
        match role {
            AttentionNorm | MlpNorm => Self::around(1.0, 0.1),
            AttentionNormBias | MlpNormBias => Self::around(0.0, 0.1),
            // Where queries and keys are normalised, the norms set their size.
            QueryNorm | KeyNorm => Self::around(1.3, 0.1),
            Query | Key => Self::linear(if spec.qk_norm { 1.0 } else { 1.3 }, inputs),
            Value => Self::linear(1.0, inputs),
            QueryBias | KeyBias | ValueBias => Self::around(0.0, 0.1),
            Sinks => Self::around(0.0, 1.0),
            Router => Self::linear(1.5, inputs),
            // Small beside the router's logits, or some experts would be chosen by all tokens.
            RouterBias => Self::around(0.0, 0.1),
            GateUp | DenseUp => Self::linear(1.4, inputs),
            GateUpBias | DenseUpBias => Self::around(0.0, 0.1),
            Output | Down | DenseDown => Self::linear(stream, inputs),
            // Alike for all tokens, so small: what all share says nothing about any.
            OutputBias | DownBias | DenseDownBias => Self::around(0.0, 0.02 * stream),
        }
    }
}

/// Size of what the embedding puts into the residual stream: the norm after it makes any size do, so
/// a tied embedding has that of a head.
fn stream(spec: &ModelSpec) -> f32 {
    if spec.tied_head { LOGITS / (spec.hidden as f32).sqrt() } else { 1.0 }
}

/// The scales of MXFP4 blocks, as exponents: one of two neighbours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exponents {
    /// E8M0 of the smaller.
    pub(super) low: u8,
    /// Of 2^32 blocks, how many have the larger.
    pub(super) high_share: u32,
}

impl Exponents {
    /// Those that give random nibbles this deviation.
    pub(super) fn new(deviation: f32) -> Self {
        const BIAS: u8 = 127;
        // Root of the mean square of 0, ½, 1, 1½, 2, 3, 4 and 6: what a random nibble is in size.
        let mut ratio = deviation / (68.5_f32 / 8.0).sqrt();
        let mut low = BIAS;
        while ratio < 1.0 && low > 0 {
            ratio *= 2.0;
            low -= 1;
        }
        while ratio >= 2.0 && low < u8::MAX - 2 {
            ratio /= 2.0;
            low += 1;
        }
        // Mean square of the blocks' scales in units of the smaller: 1 + 3 · share of the larger.
        let share = (ratio * ratio - 1.0) / 3.0;
        Self { low, high_share: (f64::from(share) * 4_294_967_296.0) as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::Exponents;

    #[test]
    fn blocks_have_the_deviation_asked_for() {
        for deviation in [0.9 / 2880.0_f32.sqrt(), 0.1, 1.0, 2.925_748, 5.9, 40.0] {
            let exponents = Exponents::new(deviation);
            let share = f64::from(exponents.high_share) / 4_294_967_296.0;
            let scale = 2.0_f64.powi(i32::from(exponents.low) - 127);
            let found = (68.5_f64 / 8.0 * scale * scale * (1.0 + 3.0 * share)).sqrt();
            assert!((found / f64::from(deviation) - 1.0).abs() < 1e-5, "{found} for {deviation}");
        }
    }
}
