//! gpt-oss (OpenAI 2025): the keys of its `config.json`, as released and as newer `transformers`
//! write them, with the defaults of `GptOssConfig`.

use serde_json::Value;

use crate::config::{ConfigError, MAX_CONTEXT, MAX_DIMENSION, MAX_EXPERTS, MAX_LAYERS};
use crate::dtype::DType;
use crate::fields::{Fields, quote};
use crate::model::{Attention, Heads, Layer, MoE, ModelSpec, Rope, Yarn};

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
    let moe = MoE {
        experts: config.size("num_local_experts", 1..=MAX_EXPERTS)?,
        active: config.size(active, 1..=MAX_EXPERTS)?,
        width: blocked(config, "intermediate_size")?,
        clamp: config.float_or("swiglu_limit", Some(7.0), f32::MIN_POSITIVE..=LARGE)?,
        alpha: config.float_or("swiglu_alpha", Some(1.702), f32::MIN_POSITIVE..=LARGE)?,
    };
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
        layers: layers(config, moe)?,
        rope: rope(config)?,
        norm_epsilon: config.float_or("rms_norm_eps", Some(1e-5), f32::MIN_POSITIVE..=1.0)?,
    })
}

/// The length of rows that MXFP4 cuts into blocks.
fn blocked(config: &Fields<'_>, key: &str) -> Result<usize, ConfigError> {
    let (size, block) = (config.size(key, 1..=MAX_DIMENSION)?, DType::Mxfp4.block_len());
    if size.is_multiple_of(block) {
        return Ok(size);
    }
    Err(config.invalid(key, &Value::from(size), &format!("a multiple of {block}")))
}

/// `layer_types` says which layers have the window; by default every other one, from the first.
fn layers(config: &Fields<'_>, moe: MoE) -> Result<Vec<Layer>, ConfigError> {
    let count = config.size("num_hidden_layers", 1..=MAX_LAYERS)?;
    let window = config.size_or("sliding_window", 128, 1..=MAX_CONTEXT)?;
    let windowed: Vec<bool> = match config.get("layer_types") {
        None => (0..count).map(|layer| layer % 2 == 0).collect(),
        Some(value) => {
            let expected = format!("a list of num_hidden_layers ({count}) names");
            let names = value
                .as_array()
                .filter(|names| names.len() == count)
                .ok_or_else(|| config.invalid("layer_types", value, &expected))?;
            names.iter().map(|name| is_windowed(config, name)).collect::<Result<_, _>>()?
        }
    };
    let layer =
        |windowed: bool| Layer { attention: Attention { window: windowed.then_some(window) }, moe };
    Ok(windowed.into_iter().map(layer).collect())
}

fn is_windowed(config: &Fields<'_>, name: &Value) -> Result<bool, ConfigError> {
    match name.as_str() {
        Some("sliding_attention") => Ok(true),
        Some("full_attention") => Ok(false),
        _ => {
            let found = Value::from(format!("an entry {}", quote(name)));
            Err(config.invalid("layer_types", &found, "sliding_attention or full_attention"))
        }
    }
}

/// `rope_scaling` beside `rope_theta` as released, or both in `rope_parameters`.
fn rope(config: &Fields<'_>) -> Result<Rope, ConfigError> {
    const KEYS: [&str; 2] = ["rope_parameters", "rope_scaling"];
    let key = KEYS.into_iter().find(|key| config.get(key).is_some()).unwrap_or("rope_scaling");
    let scaling = config
        .object(key)?
        .ok_or_else(|| config.missing(key, "an object with rope_type yarn or default"))?;
    // 1.01 keeps the logarithm of the base, by which YaRN divides, away from 0.
    let theta = 1.01..=1e12;
    let outer = config.float_or("rope_theta", Some(150_000.0), theta.clone())?;
    let theta = scaling.float_or("rope_theta", Some(outer), theta)?;
    // Variants of the published method that no gpt-oss model uses.
    scaling.only("partial_rotary_factor", &Value::from(1.0))?;
    for key in ["attention_factor", "mscale", "mscale_all_dim"] {
        scaling.only(key, &Value::Null)?;
    }
    let kind = if scaling.get("rope_type").is_some() { "rope_type" } else { "type" };
    let yarn = match scaling.text(kind)? {
        "default" => None,
        "yarn" => Some(yarn(&scaling)?),
        other => return Err(scaling.invalid(kind, &Value::from(other), "yarn or default")),
    };
    Ok(Rope { theta, yarn })
}

fn yarn(scaling: &Fields<'_>) -> Result<Yarn, ConfigError> {
    let beta_slow = scaling.float_or("beta_slow", Some(1.0), 1e-6..=1e6)?;
    Ok(Yarn {
        factor: scaling.float_or("factor", None, 1.0..=1e6)?,
        original_context: scaling.size("original_max_position_embeddings", 1..=MAX_CONTEXT)?,
        // Equal ends would make the ramp between them a division by 0.
        beta_fast: scaling.float_or("beta_fast", Some(32.0), beta_slow * 1.001..=1e7)?,
        beta_slow,
        truncate: scaling.flag_or("truncate", true)?,
    })
}
