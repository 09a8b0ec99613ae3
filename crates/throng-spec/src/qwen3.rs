//! Qwen3 (Alibaba 2025), dense: Llama's build with a norm on every query and key head.

use serde_json::Value;

use crate::config::ConfigError;
use crate::fields::Fields;
use crate::layer_types;
use crate::llama;
use crate::model::ModelSpec;

/// `model_type` of this architecture.
pub(crate) const MODEL_TYPE: &str = "qwen3";

/// The row of the table of architectures.
pub(crate) fn read(config: &Fields<'_>) -> Result<ModelSpec, ConfigError> {
    relative(config, MODEL_TYPE, Some(128))
}

/// What Qwen3's models have in common.
pub(crate) fn relative(
    config: &Fields<'_>,
    architecture: &'static str,
    head_dim: Option<usize>,
) -> Result<ModelSpec, ConfigError> {
    // No released model has a window, though the config has a place for it.
    config.only("use_sliding_window", &Value::from(false))?;
    config.only("mlp_bias", &Value::from(false))?;
    let spec = llama::relative(config, architecture, head_dim)?;
    if layer_types::windowed(config, spec.layers.len(), |_| false)?.contains(&true) {
        let found = Value::from("a list with sliding_attention");
        return Err(config.invalid("layer_types", &found, "full_attention for every layer"));
    }
    Ok(ModelSpec { qk_norm: true, ..spec })
}
