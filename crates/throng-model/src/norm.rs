//! A norm of the residual stream with its weights.

use throng_ops::Backend;

/// A norm of the residual stream with its weights, each `[hidden]`.
pub(crate) enum Norm<B: Backend> {
    /// RMSNorm.
    Rms {
        /// Its weight.
        weight: B::Buffer,
    },
    /// LayerNorm.
    Layer {
        /// Its weight.
        weight: B::Buffer,
        /// What is added.
        bias: B::Buffer,
    },
}

impl<B: Backend> Norm<B> {
    /// `out = norm(x)` for so many tokens.
    pub(crate) fn apply(
        &self,
        backend: &mut B,
        tokens: usize,
        x: &B::Buffer,
        epsilon: f32,
        out: &mut B::Buffer,
    ) {
        match self {
            Self::Rms { weight } => backend.rms_norm(tokens, x, weight, epsilon, out),
            Self::Layer { weight, bias } => {
                backend.layer_norm(tokens, x, (weight, bias), epsilon, out);
            }
        }
    }
}
