//! OpenAI's own names of gpt-oss's tensors (folder `original/` of the releases).

use throng_spec::{LayerRole, Role};

use super::Form::{Mxfp4, Rows, Stack};
use super::{Form, Format, Names, QKV, QKV_BIAS};

pub(super) const ALL: &[Names] = &[Names {
    format: Format::Original,
    architectures: &["gpt_oss"],
    prefixes: &[""],
    layers: "block.",
    head: Rows(&["unembedding.weight"]),
    model: &[
        (Role::Embedding, Rows(&["embedding.weight"])),
        (Role::FinalNorm, Rows(&["norm.scale"])),
    ],
    layer: &[LAYER],
    ignored: &[],
}];

const LAYER: &[(LayerRole, Form)] = &[
    (LayerRole::AttentionNorm, Rows(&["attn.norm.scale"])),
    (LayerRole::Query, Stack("attn.qkv.weight", QKV)),
    (LayerRole::QueryBias, Stack("attn.qkv.bias", QKV_BIAS)),
    (LayerRole::Key, Stack("attn.qkv.weight", QKV)),
    (LayerRole::KeyBias, Stack("attn.qkv.bias", QKV_BIAS)),
    (LayerRole::Value, Stack("attn.qkv.weight", QKV)),
    (LayerRole::ValueBias, Stack("attn.qkv.bias", QKV_BIAS)),
    (LayerRole::Sinks, Rows(&["attn.sinks"])),
    (LayerRole::Output, Rows(&["attn.out.weight"])),
    (LayerRole::OutputBias, Rows(&["attn.out.bias"])),
    (LayerRole::MlpNorm, Rows(&["mlp.norm.scale"])),
    (LayerRole::Router, Rows(&["mlp.gate.weight"])),
    (LayerRole::RouterBias, Rows(&["mlp.gate.bias"])),
    (LayerRole::GateUp, Mxfp4("mlp.mlp1_weight.blocks", "mlp.mlp1_weight.scales", None)),
    (LayerRole::GateUpBias, Rows(&["mlp.mlp1_bias"])),
    (LayerRole::Down, Mxfp4("mlp.mlp2_weight.blocks", "mlp.mlp2_weight.scales", None)),
    (LayerRole::DownBias, Rows(&["mlp.mlp2_bias"])),
];
