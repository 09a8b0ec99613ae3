//! Words for what a model is made of.

use throng_engine::Verdict;
use throng_spec::{Activation, ModelSpec, Part, Positions, RopeScaling};

use super::report::Report;
use crate::units::{bytes, grouped};

/// A part of a model.
pub fn part(part: Part) -> &'static str {
    match part {
        Part::Embedding => "embedding",
        Part::Attention => "attention",
        Part::Mlp => "mlp",
        Part::Head => "head",
    }
}

/// How the model knows where a token stands.
pub fn positions(spec: &ModelSpec) -> String {
    let Positions::Rope(rope) = spec.positions else { return "learned".to_owned() };
    match rope.scaling {
        None => "RoPE".to_owned(),
        Some(RopeScaling::Linear { factor }) => format!("RoPE / {factor}"),
        Some(RopeScaling::Llama3(scaling)) => format!("Llama 3 × {}", scaling.factor),
        Some(RopeScaling::Yarn(scaling)) => format!("YaRN × {}", scaling.factor),
    }
}

/// How many layers see how far, a line a kind.
pub fn attention(spec: &ModelSpec) -> String {
    let mut kinds: Vec<(Option<usize>, usize)> = Vec::new();
    for layer in &spec.layers {
        let window = layer.attention.window;
        match kinds.iter_mut().find(|(kind, _)| *kind == window) {
            Some((_, count)) => *count += 1,
            None => kinds.push((window, 1)),
        }
    }
    lines(kinds.into_iter().map(|(window, count)| match window {
        Some(window) => format!("{count} window {}", grouped(window)),
        None => format!("{count} full"),
    }))
}

/// Query heads, and how many of them share a KV head.
pub fn heads(spec: &ModelSpec) -> String {
    let heads = spec.heads;
    if heads.query == heads.kv {
        return format!("{} × {}", heads.query, heads.dim);
    }
    format!("{} × {}, {} KV", heads.query, heads.dim, heads.kv)
}

/// What follows attention, a line a kind: the width of an MLP, or experts and theirs.
pub fn mlps(spec: &ModelSpec) -> String {
    let mut kinds = Vec::new();
    for layer in &spec.layers {
        let (mixture, width) = (layer.mlp.mixture, grouped(layer.mlp.width));
        let kind = match mixture {
            Some(mixture) => format!("{} of {}\n× {width}", mixture.active, mixture.experts),
            None => width,
        };
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    lines(kinds.into_iter())
}

/// What stands inside the MLPs.
pub fn activation(spec: &ModelSpec) -> &'static str {
    match spec.layers.first().map(|layer| layer.mlp.activation) {
        Some(Activation::ClampedSwiGlu { .. }) => "clamped SwiGLU",
        Some(Activation::SwiGlu) => "SwiGLU",
        Some(Activation::GeluTanh) => "GELU",
        None => "",
    }
}

/// Whether the plan fits.
pub fn verdict(report: &Report) -> String {
    let memory = &report.memory;
    match (memory.free_bytes, memory.verdict) {
        (None, _) => "unknown".to_owned(),
        (_, Verdict::Fits) => "yes".to_owned(),
        (_, Verdict::SmallerKv(kv_bytes, _)) => format!("with {} of KV", bytes(kv_bytes)),
        (_, Verdict::TooLarge) => "no".to_owned(),
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}
