//! Llama (Meta 2023) and what is built like it, SmolLM2 for one: the keys of its `config.json`, with
//! the defaults of `LlamaConfig`.

use serde_json::Value;

use crate::config::{ConfigError, MAX_CONTEXT, MAX_DIMENSION, MAX_LAYERS};
use crate::fields::Fields;
use crate::mlp::{Activation, Mlp};
use crate::model::{Attention, Biases, Heads, Layer, ModelSpec, Norm, Positions};
use crate::rope::Rope;

/// `model_type` of this architecture.
pub(crate) const MODEL_TYPE: &str = "llama";

/// The row of the table of architectures.
pub(crate) fn read(config: &Fields<'_>) -> Result<ModelSpec, ConfigError> {
    relative(config, MODEL_TYPE, None)
}

/// The same for an architecture of the same build, whose heads may have a width of their own where
/// the config does not say.
pub(crate) fn relative(
    config: &Fields<'_>,
    architecture: &'static str,
    head_dim: Option<usize>,
) -> Result<ModelSpec, ConfigError> {
    config.only("hidden_act", &Value::from("silu"))?;
    let hidden = config.size("hidden_size", 1..=MAX_DIMENSION)?;
    let attention_bias = config.flag_or("attention_bias", false)?;
    let width = config.size("intermediate_size", 1..=MAX_DIMENSION / 2)?;
    let mlp = Mlp { width, activation: Activation::SwiGlu, mixture: None };
    let layer = Layer { attention: Attention { window: None }, mlp };
    let rope = Rope::read(config, 10_000.0, &["default", "linear", "llama3", "yarn"])?;
    Ok(ModelSpec {
        architecture,
        hidden,
        vocab: config.size("vocab_size", 1..=MAX_DIMENSION)?,
        context: config.size("max_position_embeddings", 1..=MAX_CONTEXT)?,
        heads: heads(config, hidden, head_dim)?,
        layers: vec![layer; config.size("num_hidden_layers", 1..=MAX_LAYERS)?],
        positions: Positions::Rope(rope),
        norm: Norm::Rms,
        norm_epsilon: config.float_or("rms_norm_eps", Some(1e-6), f32::MIN_POSITIVE..=1.0)?,
        biases: Biases {
            qkv: attention_bias,
            output: attention_bias,
            router: false,
            mlp: config.flag_or("mlp_bias", false)?,
        },
        sinks: false,
        qk_norm: false,
        tied_head: config.flag_or("tie_word_embeddings", false)?,
    })
}

fn heads(config: &Fields<'_>, hidden: usize, dim: Option<usize>) -> Result<Heads, ConfigError> {
    let query = config.size("num_attention_heads", 1..=MAX_DIMENSION)?;
    let kv = config.size_or("num_key_value_heads", query, 1..=MAX_DIMENSION)?;
    if dim.is_none() && config.get("head_dim").is_none() && !hidden.is_multiple_of(query) {
        let expected = format!("a divisor of hidden_size ({hidden}), or head_dim beside it");
        return Err(config.invalid("num_attention_heads", &Value::from(query), &expected));
    }
    let dim = config.size_or("head_dim", dim.unwrap_or(hidden / query), 2..=MAX_DIMENSION)?;
    Ok(Heads { query, kv, dim })
}
