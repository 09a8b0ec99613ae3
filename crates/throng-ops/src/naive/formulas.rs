//! What stands between the oracle's matrices, each for one token, as its paper writes it.

use half::bf16;
use throng_spec::{Activation, KvDtype};

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

/// What is left of a head's key or value in the KV cache; see [`KvDtype`].
pub(super) fn kept(dtype: KvDtype, x: &[f32]) -> Vec<f32> {
    let in_bf16 = |x: f32| bf16::from_f32(x).to_f32();
    match dtype {
        KvDtype::F32 => x.to_vec(),
        KvDtype::Bf16 => x.iter().copied().map(in_bf16).collect(),
        KvDtype::Fp8 => x.iter().copied().map(in_e4m3).collect(),
        KvDtype::Int8 if x.iter().any(|x| !x.is_finite()) => vec![f32::NAN; x.len()],
        KvDtype::Int8 => {
            let scale = in_bf16(x.iter().fold(0.0, |max: f32, x| max.max(x.abs())) / 127.0);
            let integer = |x: f32| if scale == 0.0 { 0.0 } else { (x / scale).round_ties_even() };
            x.iter().map(|&x| in_bf16(integer(x) * scale)).collect()
        }
    }
}

/// The nearest value of E4M3, which has three bits of mantissa, no power of two below 2^-6 and none
/// above 448; what is not finite is NaN.
fn in_e4m3(x: f32) -> f32 {
    if !x.is_finite() {
        return f32::NAN;
    }
    let exponent = f64::from(x.abs()).log2().floor().max(-6.0);
    let step = (exponent - 3.0).exp2() as f32;
    ((x / step).round_ties_even() * step).clamp(-448.0, 448.0)
}
