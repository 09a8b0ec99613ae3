//! Names in the safetensors of the Hugging Face hub, as `transformers` gives them.

use throng_spec::{LayerRole, Role};

use super::Form::{Columns, Experts, Mxfp4, Rows};
use super::{Form, Format, Names, QKV, QKV_BIAS};

pub(super) const ALL: &[Names] = &[LLAMA, QWEN3_MOE, GPT_OSS, GPT2];

/// Names that Llama brought and others took over.
const LLAMA: Names = Names {
    format: Format::Released,
    architectures: &["llama", "qwen3"],
    prefixes: &["model.", ""],
    layers: "layers.",
    head: Rows(&["lm_head.weight"]),
    model: &[
        (Role::Embedding, Rows(&["embed_tokens.weight"])),
        (Role::FinalNorm, Rows(&["norm.weight"])),
    ],
    layer: &[LLAMA_LAYER],
    ignored: &["rotary_emb.inv_freq"],
};

const LLAMA_LAYER: &[(LayerRole, Form)] = &[
    (LayerRole::AttentionNorm, Rows(&["input_layernorm.weight"])),
    (LayerRole::Query, Rows(&["self_attn.q_proj.weight"])),
    (LayerRole::QueryBias, Rows(&["self_attn.q_proj.bias"])),
    (LayerRole::Key, Rows(&["self_attn.k_proj.weight"])),
    (LayerRole::KeyBias, Rows(&["self_attn.k_proj.bias"])),
    (LayerRole::Value, Rows(&["self_attn.v_proj.weight"])),
    (LayerRole::ValueBias, Rows(&["self_attn.v_proj.bias"])),
    (LayerRole::QueryNorm, Rows(&["self_attn.q_norm.weight"])),
    (LayerRole::KeyNorm, Rows(&["self_attn.k_norm.weight"])),
    (LayerRole::Output, Rows(&["self_attn.o_proj.weight"])),
    (LayerRole::OutputBias, Rows(&["self_attn.o_proj.bias"])),
    (LayerRole::MlpNorm, Rows(&["post_attention_layernorm.weight"])),
    (LayerRole::DenseUp, Rows(&["mlp.gate_proj.weight", "mlp.up_proj.weight"])),
    (LayerRole::DenseUpBias, Rows(&["mlp.gate_proj.bias", "mlp.up_proj.bias"])),
    (LayerRole::DenseDown, Rows(&["mlp.down_proj.weight"])),
    (LayerRole::DenseDownBias, Rows(&["mlp.down_proj.bias"])),
];

const QWEN3_MOE: Names =
    Names { architectures: &["qwen3_moe"], layer: &[LLAMA_LAYER, QWEN3_EXPERTS], ..LLAMA };

const QWEN3_EXPERTS: &[(LayerRole, Form)] = &[
    (LayerRole::Router, Rows(&["mlp.gate.weight"])),
    (
        LayerRole::GateUp,
        Experts(&["mlp.experts.{}.gate_proj.weight", "mlp.experts.{}.up_proj.weight"]),
    ),
    (LayerRole::Down, Experts(&["mlp.experts.{}.down_proj.weight"])),
];

const GPT_OSS: Names =
    Names { architectures: &["gpt_oss"], layer: &[LLAMA_LAYER, GPT_OSS_EXPERTS], ..LLAMA };

const GPT_OSS_EXPERTS: &[(LayerRole, Form)] = &[
    (LayerRole::Sinks, Rows(&["self_attn.sinks"])),
    (LayerRole::Router, Rows(&["mlp.router.weight"])),
    (LayerRole::RouterBias, Rows(&["mlp.router.bias"])),
    (
        LayerRole::GateUp,
        Mxfp4(
            "mlp.experts.gate_up_proj_blocks",
            "mlp.experts.gate_up_proj_scales",
            Some("mlp.experts.gate_up_proj"),
        ),
    ),
    (LayerRole::GateUpBias, Rows(&["mlp.experts.gate_up_proj_bias"])),
    (
        LayerRole::Down,
        Mxfp4(
            "mlp.experts.down_proj_blocks",
            "mlp.experts.down_proj_scales",
            Some("mlp.experts.down_proj"),
        ),
    ),
    (LayerRole::DownBias, Rows(&["mlp.experts.down_proj_bias"])),
];

const GPT2: Names = Names {
    architectures: &["gpt2"],
    prefixes: &["transformer.", ""],
    layers: "h.",
    model: &[
        (Role::Embedding, Rows(&["wte.weight"])),
        (Role::Positions, Rows(&["wpe.weight"])),
        (Role::FinalNorm, Rows(&["ln_f.weight"])),
        (Role::FinalNormBias, Rows(&["ln_f.bias"])),
    ],
    layer: &[GPT2_LAYER],
    // The causal mask, which the first releases stored.
    ignored: &["attn.bias", "attn.masked_bias"],
    ..LLAMA
};

const GPT2_LAYER: &[(LayerRole, Form)] = &[
    (LayerRole::AttentionNorm, Rows(&["ln_1.weight"])),
    (LayerRole::AttentionNormBias, Rows(&["ln_1.bias"])),
    (LayerRole::Query, Columns("attn.c_attn.weight", QKV)),
    (LayerRole::QueryBias, Columns("attn.c_attn.bias", QKV_BIAS)),
    (LayerRole::Key, Columns("attn.c_attn.weight", QKV)),
    (LayerRole::KeyBias, Columns("attn.c_attn.bias", QKV_BIAS)),
    (LayerRole::Value, Columns("attn.c_attn.weight", QKV)),
    (LayerRole::ValueBias, Columns("attn.c_attn.bias", QKV_BIAS)),
    (LayerRole::Output, Columns("attn.c_proj.weight", &[LayerRole::Output])),
    (LayerRole::OutputBias, Rows(&["attn.c_proj.bias"])),
    (LayerRole::MlpNorm, Rows(&["ln_2.weight"])),
    (LayerRole::MlpNormBias, Rows(&["ln_2.bias"])),
    (LayerRole::DenseUp, Columns("mlp.c_fc.weight", &[LayerRole::DenseUp])),
    (LayerRole::DenseUpBias, Rows(&["mlp.c_fc.bias"])),
    (LayerRole::DenseDown, Columns("mlp.c_proj.weight", &[LayerRole::DenseDown])),
    (LayerRole::DenseDownBias, Rows(&["mlp.c_proj.bias"])),
];
