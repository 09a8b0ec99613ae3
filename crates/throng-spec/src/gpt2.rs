//! GPT-2 (Radford et al. 2019): the keys of its `config.json`, with the defaults of `GPT2Config`.

use serde_json::Value;

use crate::config::{ConfigError, MAX_DIMENSION, MAX_LAYERS};
use crate::fields::Fields;
use crate::mlp::{Activation, Mlp};
use crate::model::{Attention, Biases, Heads, Layer, ModelSpec, Norm, Positions};

/// `model_type` of this architecture.
pub(crate) const MODEL_TYPE: &str = "gpt2";

/// The row of the table of architectures.
pub(crate) fn read(config: &Fields<'_>) -> Result<ModelSpec, ConfigError> {
    // Two names of one function.
    const GELU: &str = "gelu_new";
    match config.get("activation_function").map_or(Some(GELU), Value::as_str) {
        Some("gelu_pytorch_tanh") => {}
        _ => config.only("activation_function", &Value::from(GELU))?,
    }
    config.only("scale_attn_weights", &Value::from(true))?;
    config.only("scale_attn_by_inverse_layer_idx", &Value::from(false))?;
    config.only("add_cross_attention", &Value::from(false))?;
    let hidden = config.size("n_embd", 1..=MAX_DIMENSION / 4)?;
    let heads = config.size("n_head", 1..=MAX_DIMENSION)?;
    if !hidden.is_multiple_of(heads) || !(hidden / heads).is_multiple_of(2) {
        let expected = format!("a number that divides n_embd ({hidden}) in even heads");
        return Err(config.invalid("n_head", &Value::from(heads), &expected));
    }
    let width = config.size_or("n_inner", 4 * hidden, 1..=MAX_DIMENSION)?;
    let mlp = Mlp { width, activation: Activation::GeluTanh, mixture: None };
    let layer = Layer { attention: Attention { window: None }, mlp };
    Ok(ModelSpec {
        architecture: MODEL_TYPE,
        hidden,
        vocab: config.size("vocab_size", 1..=MAX_DIMENSION)?,
        // Each position has a row of its own in a table.
        context: config.size("n_positions", 1..=MAX_DIMENSION)?,
        heads: Heads { query: heads, kv: heads, dim: hidden / heads },
        layers: vec![layer; config.size("n_layer", 1..=MAX_LAYERS)?],
        positions: Positions::Learned,
        norm: Norm::Layer,
        norm_epsilon: config.float_or("layer_norm_epsilon", Some(1e-5), f32::MIN_POSITIVE..=1.0)?,
        biases: Biases { qkv: true, output: true, router: false, mlp: true },
        sinks: false,
        qk_norm: false,
        tied_head: config.flag_or("tie_word_embeddings", true)?,
    })
}
