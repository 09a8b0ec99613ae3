//! Qwen3-MoE (Alibaba 2025): Qwen3 with a mixture of experts in most layers, with the defaults of
//! `Qwen3MoeConfig`.

use serde_json::Value;

use crate::config::{ConfigError, MAX_DIMENSION, MAX_EXPERTS, MAX_LAYERS};
use crate::fields::Fields;
use crate::mlp::{Activation, Mixture, Mlp, Weighting};
use crate::model::ModelSpec;
use crate::qwen3;

/// `model_type` of this architecture.
pub(crate) const MODEL_TYPE: &str = "qwen3_moe";

/// The row of the table of architectures.
pub(crate) fn read(config: &Fields<'_>) -> Result<ModelSpec, ConfigError> {
    let mut spec = qwen3::relative(config, MODEL_TYPE, None)?;
    let normalised = config.flag_or("norm_topk_prob", false)?;
    let mixture = Mixture {
        experts: config.size("num_experts", 1..=MAX_EXPERTS)?,
        active: config.size("num_experts_per_tok", 1..=MAX_EXPERTS)?,
        weighting: if normalised { Weighting::Chosen } else { Weighting::All },
    };
    let sparse = Mlp {
        width: config.size("moe_intermediate_size", 1..=MAX_DIMENSION / 2)?,
        activation: Activation::SwiGlu,
        mixture: Some(mixture),
    };
    // Every so many layers there is a mixture, but for those that are listed as dense.
    let step = config.size_or("decoder_sparse_step", 1, 1..=MAX_LAYERS)?;
    let dense = dense_layers(config, spec.layers.len())?;
    for (index, layer) in spec.layers.iter_mut().enumerate() {
        if (index + 1).is_multiple_of(step) && !dense.contains(&(index as u64)) {
            layer.mlp = sparse;
        }
    }
    Ok(spec)
}

/// `mlp_only_layers`: indices of layers.
fn dense_layers(config: &Fields<'_>, layers: usize) -> Result<Vec<u64>, ConfigError> {
    const KEY: &str = "mlp_only_layers";
    let Some(value) = config.get(KEY) else { return Ok(Vec::new()) };
    let index = |item: &Value| item.as_u64().filter(|&index| index < layers as u64);
    let indices = value.as_array().filter(|items| items.len() <= layers);
    indices
        .and_then(|items| items.iter().map(index).collect())
        .ok_or_else(|| config.invalid(KEY, value, &format!("a list of indices below {layers}")))
}
