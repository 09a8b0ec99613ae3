//! What stands between the oracle's matrices, each for one token, as its paper writes it.

use throng_spec::Activation;

/// Σ a · b.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// RMSNorm: `x / sqrt(mean(x²) + ε) · weight`.
pub(super) fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let scale = (dot(x, x) / x.len() as f32 + epsilon).sqrt().recip();
    for (out, (x, weight)) in out.iter_mut().zip(x.iter().zip(weight)) {
        *out = x * scale * weight;
    }
}

/// LayerNorm: `(x - mean(x)) / sqrt(var(x) + ε) · weight + bias`.
pub(super) fn layer_norm(
    x: &[f32],
    (weight, bias): (&[f32], &[f32]),
    epsilon: f32,
    out: &mut [f32],
) {
    let mean = x.iter().sum::<f32>() / x.len() as f32;
    let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / x.len() as f32;
    let scale = (variance + epsilon).sqrt().recip();
    for (i, out) in out.iter_mut().enumerate() {
        *out = (x[i] - mean) * scale * weight[i] + bias[i];
    }
}

/// The activation of an expert's first projection; see [`Activation`].
pub(super) fn activate(activation: Activation, x: &[f32], out: &mut [f32]) {
    let sigmoid = |x: f32| 1.0 / (1.0 + (-x).exp());
    for (out, x) in out.iter_mut().zip(x.chunks_exact(activation.inputs())) {
        *out = match activation {
            Activation::ClampedSwiGlu { alpha, clamp } => {
                let gate = x[0].min(clamp);
                let up = x[1].max(-clamp).min(clamp);
                gate * sigmoid(alpha * gate) * (up + 1.0)
            }
            Activation::SwiGlu => x[0] * sigmoid(x[0]) * x[1],
            Activation::GeluTanh => {
                let inner = (x[0] + 0.044715 * x[0].powi(3)) * std::f32::consts::FRAC_2_PI.sqrt();
                0.5 * x[0] * (1.0 + inner.tanh())
            }
        };
    }
}
