//! Folders as models are released in: `config.json`, `tokenizer.json` and safetensors.

use serde_json::{Value, json};
use throng_spec::ModelSpec;

use crate::chat_template::ChatTemplate;
use crate::error::CheckpointError;
use crate::files::Files;
use crate::generation::Generation;
use crate::names::{Format, Names};
use crate::parts::Parts;
use crate::quantization_config;
use crate::weights::Weights;

pub(crate) const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";

/// Reads a folder.
pub(crate) fn read(files: &Files<'_>) -> Result<Parts, CheckpointError> {
    let stored = files.json(CONFIG)?.ok_or_else(|| files.missing(CONFIG))?;
    let original = original(&stored);
    let config = original.as_ref().unwrap_or(&stored);
    let spec = ModelSpec::from_config(config)
        .map_err(|source| CheckpointError::Config { file: files.label(CONFIG), source })?;
    let scalings = quantization_config::read(files, config)?;
    let generation = Generation::read(files, config, spec.vocab)?;
    let chat_template = ChatTemplate::read(files)?;
    let tokenizer = match files.read(TOKENIZER)? {
        // OpenAI's own layout is a folder within one that has the tokenizer.
        None if original.is_some() => files.read_above(TOKENIZER)?,
        own => own,
    };
    let tokenizer = tokenizer.ok_or_else(|| files.missing(TOKENIZER))?;
    let format = if original.is_some() { Format::Original } else { Format::Released };
    let names = Names::of(spec.architecture, format);
    let weights = Weights::open(files)?;
    Ok(Parts { spec, generation, chat_template, tokenizer, weights, names, scalings })
}

/// Keys of OpenAI's own `config.json` of gpt-oss (folder `original/`), and what they are called since.
const ORIGINAL_KEYS: &[(&str, &str)] = &[
    ("num_hidden_layers", "num_hidden_layers"),
    ("num_experts", "num_local_experts"),
    ("experts_per_token", "num_experts_per_tok"),
    ("vocab_size", "vocab_size"),
    ("hidden_size", "hidden_size"),
    ("intermediate_size", "intermediate_size"),
    ("swiglu_limit", "swiglu_limit"),
    ("head_dim", "head_dim"),
    ("num_attention_heads", "num_attention_heads"),
    ("num_key_value_heads", "num_key_value_heads"),
    ("sliding_window", "sliding_window"),
    ("rope_theta", "rope_theta"),
];

/// The config that the original one of gpt-oss is short for; `None` if it is none.
fn original(config: &Value) -> Option<Value> {
    let factor = config.get("rope_scaling_factor")?;
    let context = config.get("initial_context_length")?;
    if config.get("model_type").is_some() {
        return None;
    }
    let longest = context.as_u64().zip(factor.as_f64());
    let mut translated = json!({
        "model_type": "gpt_oss",
        "max_position_embeddings":
            longest.map(|(context, factor)| (context as f64 * factor) as u64),
        "rope_scaling": {
            "rope_type": "yarn", "factor": factor, "truncate": false,
            "original_max_position_embeddings": context,
            "beta_slow": config.get("rope_ntk_alpha"), "beta_fast": config.get("rope_ntk_beta"),
        },
    });
    for (from, to) in ORIGINAL_KEYS {
        if let Some(value) = config.get(from) {
            translated[*to] = value.clone();
        }
    }
    Some(translated)
}
