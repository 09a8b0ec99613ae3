//! gpt-oss (OpenAI 2025): the keys of its `config.json`, as released and as newer `transformers`
//! write them, with the defaults of `GptOssConfig`.

use serde_json::Value;

use crate::config::{ConfigError, MAX_CONTEXT, MAX_DIMENSION, MAX_EXPERTS, MAX_LAYERS};
use crate::dtype::DType;
use crate::fields::Fields;
use crate::layer_types;
use crate::mlp::{Activation, Mixture, Mlp, Weighting};
use crate::model::{Attention, Biases, Heads, Layer, ModelSpec, Norm, Positions};
use crate::rope::Rope;

/// `model_type` of this architecture.
pub(crate) const MODEL_TYPE: &str = "gpt_oss";

const LARGE: f32 = 1e9;

/// The row of the table of architectures.
pub(crate) fn read(config: &Fields<'_>) -> Result<ModelSpec, ConfigError> {
    config.only("hidden_act", &Value::from("silu"))?;
    config.only("attention_bias", &Value::from(true))?;
    config.only("tie_word_embeddings", &Value::from(false))?;
    let hidden = blocked(config, "hidden_size")?;
    let active = ["num_experts_per_tok", "experts_per_token"]
        .into_iter()
        .find(|key| config.get(key).is_some())
        .unwrap_or("num_experts_per_tok");
    let mixture = Mixture {
        experts: config.size("num_local_experts", 1..=MAX_EXPERTS)?,
        active: config.size(active, 1..=MAX_EXPERTS)?,
        weighting: Weighting::Chosen,
    };
    let activation = Activation::ClampedSwiGlu {
        clamp: config.float_or("swiglu_limit", Some(7.0), f32::MIN_POSITIVE..=LARGE)?,
        alpha: config.float_or("swiglu_alpha", Some(1.702), f32::MIN_POSITIVE..=LARGE)?,
    };
    let width = blocked(config, "intermediate_size")?;
    let mlp = Mlp { width, activation, mixture: Some(mixture) };
    Ok(ModelSpec {
        architecture: MODEL_TYPE,
        hidden,
        vocab: config.size("vocab_size", 1..=MAX_DIMENSION)?,
        context: config.size("max_position_embeddings", 1..=MAX_CONTEXT)?,
        heads: Heads {
            query: config.size("num_attention_heads", 1..=MAX_DIMENSION)?,
            kv: config.size("num_key_value_heads", 1..=MAX_DIMENSION)?,
            dim: config.size("head_dim", 2..=MAX_DIMENSION)?,
        },
        layers: layers(config, mlp)?,
        positions: Positions::Rope(rope(config)?),
        norm: Norm::Rms,
        norm_epsilon: config.float_or("rms_norm_eps", Some(1e-5), f32::MIN_POSITIVE..=1.0)?,
        biases: Biases { qkv: true, output: true, router: true, mlp: true },
        sinks: true,
        qk_norm: false,
        tied_head: false,
    })
}

/// The released models say how they are scaled, so a config that does not is broken.
fn rope(config: &Fields<'_>) -> Result<Rope, ConfigError> {
    const KINDS: [&str; 2] = ["yarn", "default"];
    let key = Rope::key(config);
    if config.get(key).is_none() {
        return Err(config.missing(key, "an object with rope_type yarn or default"));
    }
    Rope::read(config, 150_000.0, &KINDS)
}

/// The length of rows that MXFP4 cuts into blocks.
fn blocked(config: &Fields<'_>, key: &str) -> Result<usize, ConfigError> {
    let (size, block) = (config.size(key, 1..=MAX_DIMENSION)?, DType::Mxfp4.block_len());
    if size.is_multiple_of(block) {
        return Ok(size);
    }
    Err(config.invalid(key, &Value::from(size), &format!("a multiple of {block}")))
}

/// By default every other layer has the window, from the first.
fn layers(config: &Fields<'_>, mlp: Mlp) -> Result<Vec<Layer>, ConfigError> {
    let count = config.size("num_hidden_layers", 1..=MAX_LAYERS)?;
    let window = config.size_or("sliding_window", 128, 1..=MAX_CONTEXT)?;
    let windowed = layer_types::windowed(config, count, |layer| layer % 2 == 0)?;
    let layer =
        |windowed: bool| Layer { attention: Attention { window: windowed.then_some(window) }, mlp };
    Ok(windowed.into_iter().map(layer).collect())
}
