//! What the released layout calls each tensor.

use throng_spec::{LayerRole, Role};

/// Ends the name of an MXFP4 tensor's nibbles: `u8 [.., rows, row length / 32, 16]`.
pub(crate) const BLOCKS: &str = "_blocks";
/// Ends the name of its scales: `u8 [.., rows, row length / 32]`.
pub(crate) const SCALES: &str = "_scales";

/// The stored name of a role's tensor. A matrix of experts has none of its own, but the two that
/// [`BLOCKS`] and [`SCALES`] make of it.
pub(crate) fn stored(role: Role) -> String {
    match role {
        Role::Embedding => "model.embed_tokens.weight".to_owned(),
        Role::FinalNorm => "model.norm.weight".to_owned(),
        Role::Head => "lm_head.weight".to_owned(),
        Role::Layer(layer, role) => format!("model.layers.{layer}.{}", in_layer(role)),
    }
}

/// Whether the released layout stores a role as MXFP4.
pub(crate) fn is_mxfp4(role: Role) -> bool {
    matches!(role, Role::Layer(_, LayerRole::GateUp | LayerRole::Down))
}

const fn in_layer(role: LayerRole) -> &'static str {
    match role {
        LayerRole::AttentionNorm => "input_layernorm.weight",
        LayerRole::Query => "self_attn.q_proj.weight",
        LayerRole::QueryBias => "self_attn.q_proj.bias",
        LayerRole::Key => "self_attn.k_proj.weight",
        LayerRole::KeyBias => "self_attn.k_proj.bias",
        LayerRole::Value => "self_attn.v_proj.weight",
        LayerRole::ValueBias => "self_attn.v_proj.bias",
        LayerRole::Sinks => "self_attn.sinks",
        LayerRole::Output => "self_attn.o_proj.weight",
        LayerRole::OutputBias => "self_attn.o_proj.bias",
        LayerRole::MlpNorm => "post_attention_layernorm.weight",
        LayerRole::Router => "mlp.router.weight",
        LayerRole::RouterBias => "mlp.router.bias",
        LayerRole::GateUp => "mlp.experts.gate_up_proj",
        LayerRole::GateUpBias => "mlp.experts.gate_up_proj_bias",
        LayerRole::Down => "mlp.experts.down_proj",
        LayerRole::DownBias => "mlp.experts.down_proj_bias",
    }
}
