//! Names in GGUF files, as llama.cpp's converter gives them.

use throng_spec::{LayerRole, Role};

use super::Form::{Pairs, Rows, Stack};
use super::{Form, Format, Names, QKV, QKV_BIAS};

pub(super) const ALL: &[Names] = &[LLAMA, QWEN3, QWEN3_MOE, GPT_OSS, GPT2];

/// What all have in common.
const BASE: Names = Names {
    format: Format::Gguf,
    architectures: &[],
    prefixes: &[""],
    layers: "blk.",
    head: Rows(&["output.weight"]),
    model: &[
        (Role::Embedding, Rows(&["token_embd.weight"])),
        (Role::Positions, Rows(&["position_embd.weight"])),
        (Role::FinalNorm, Rows(&["output_norm.weight"])),
        (Role::FinalNormBias, Rows(&["output_norm.bias"])),
    ],
    layer: &[],
    // Part of the model's shape: see `gguf/rope_factors.rs`.
    ignored: &["rope_freqs.weight"],
};

const LLAMA: Names =
    Names { architectures: &["llama"], layer: &[PAIRED, ATTENTION, DENSE], ..BASE };
const QWEN3: Names =
    Names { architectures: &["qwen3"], layer: &[HALVES, ATTENTION, DENSE], ..BASE };
const QWEN3_MOE: Names =
    Names { architectures: &["qwen3_moe"], layer: &[HALVES, ATTENTION, DENSE, EXPERTS], ..BASE };
const GPT_OSS: Names = Names {
    architectures: &["gpt_oss"],
    layer: &[GPT_OSS_LAYER, HALVES, ATTENTION, EXPERTS],
    ..BASE
};
const GPT2: Names = Names { architectures: &["gpt2"], layer: &[FUSED, ATTENTION, DENSE], ..BASE };

/// Llama's heads are rotated in neighbouring pairs there, so their rows were moved.
const PAIRED: &[(LayerRole, Form)] = &[
    (LayerRole::Query, Pairs("attn_q.weight")),
    (LayerRole::QueryBias, Pairs("attn_q.bias")),
    (LayerRole::Key, Pairs("attn_k.weight")),
    (LayerRole::KeyBias, Pairs("attn_k.bias")),
    (LayerRole::Value, Rows(&["attn_v.weight"])),
    (LayerRole::ValueBias, Rows(&["attn_v.bias"])),
];

const HALVES: &[(LayerRole, Form)] = &[
    (LayerRole::Query, Rows(&["attn_q.weight"])),
    (LayerRole::QueryBias, Rows(&["attn_q.bias"])),
    (LayerRole::Key, Rows(&["attn_k.weight"])),
    (LayerRole::KeyBias, Rows(&["attn_k.bias"])),
    (LayerRole::Value, Rows(&["attn_v.weight"])),
    (LayerRole::ValueBias, Rows(&["attn_v.bias"])),
];

const FUSED: &[(LayerRole, Form)] = &[
    (LayerRole::Query, Stack("attn_qkv.weight", QKV)),
    (LayerRole::QueryBias, Stack("attn_qkv.bias", QKV_BIAS)),
    (LayerRole::Key, Stack("attn_qkv.weight", QKV)),
    (LayerRole::KeyBias, Stack("attn_qkv.bias", QKV_BIAS)),
    (LayerRole::Value, Stack("attn_qkv.weight", QKV)),
    (LayerRole::ValueBias, Stack("attn_qkv.bias", QKV_BIAS)),
    // Without a gate.
    (LayerRole::DenseUp, Rows(&["ffn_up.weight"])),
    (LayerRole::DenseUpBias, Rows(&["ffn_up.bias"])),
];

const ATTENTION: &[(LayerRole, Form)] = &[
    (LayerRole::AttentionNorm, Rows(&["attn_norm.weight"])),
    (LayerRole::AttentionNormBias, Rows(&["attn_norm.bias"])),
    (LayerRole::QueryNorm, Rows(&["attn_q_norm.weight"])),
    (LayerRole::KeyNorm, Rows(&["attn_k_norm.weight"])),
    (LayerRole::Output, Rows(&["attn_output.weight"])),
    (LayerRole::OutputBias, Rows(&["attn_output.bias"])),
    (LayerRole::MlpNorm, Rows(&["ffn_norm.weight"])),
    (LayerRole::MlpNormBias, Rows(&["ffn_norm.bias"])),
];

const DENSE: &[(LayerRole, Form)] = &[
    (LayerRole::DenseUp, Rows(&["ffn_gate.weight", "ffn_up.weight"])),
    (LayerRole::DenseUpBias, Rows(&["ffn_gate.bias", "ffn_up.bias"])),
    (LayerRole::DenseDown, Rows(&["ffn_down.weight"])),
    (LayerRole::DenseDownBias, Rows(&["ffn_down.bias"])),
];

const EXPERTS: &[(LayerRole, Form)] = &[
    (LayerRole::Router, Rows(&["ffn_gate_inp.weight"])),
    (LayerRole::RouterBias, Rows(&["ffn_gate_inp.bias"])),
    (LayerRole::GateUp, Rows(&["ffn_gate_exps.weight", "ffn_up_exps.weight"])),
    (LayerRole::GateUpBias, Rows(&["ffn_gate_exps.bias", "ffn_up_exps.bias"])),
    (LayerRole::Down, Rows(&["ffn_down_exps.weight"])),
    (LayerRole::DownBias, Rows(&["ffn_down_exps.bias"])),
];

/// The first row of a role counts: this norm has another name than elsewhere.
const GPT_OSS_LAYER: &[(LayerRole, Form)] = &[
    (LayerRole::MlpNorm, Rows(&["post_attention_norm.weight"])),
    (LayerRole::Sinks, Rows(&["attn_sinks.weight"])),
];
