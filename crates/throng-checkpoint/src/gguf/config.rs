//! A GGUF file's metadata as the `config.json` that says the same: one row for each number.

use serde_json::{Map, Value as Json, json};

use super::metadata::Metadata;
use super::value::Value;
use crate::error::CheckpointError;

/// The rows of one architecture. Its keys in the metadata begin with its name and a dot.
struct Architecture {
    /// `general.architecture`.
    name: &'static str,
    /// `model_type` of `config.json`.
    model_type: &'static str,
    /// Pairs of a key's end in the metadata and the key of `config.json`.
    keys: &'static [&'static [(&'static str, &'static str)]],
    /// What the file does not say because it is always so.
    fixed: fn() -> Json,
}

const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        name: "gpt-oss",
        model_type: "gpt_oss",
        keys: &[BASE, ROPE, ACTIVE_EXPERTS, GPT_OSS],
        fixed: || json!({}),
    },
    Architecture {
        name: "llama",
        model_type: "llama",
        keys: &[BASE, WIDTH, ROPE],
        fixed: || json!({}),
    },
    Architecture {
        name: "qwen3",
        model_type: "qwen3",
        keys: &[BASE, WIDTH, ROPE],
        fixed: || json!({}),
    },
    Architecture {
        name: "qwen3moe",
        model_type: "qwen3_moe",
        keys: &[BASE, WIDTH, ROPE, ACTIVE_EXPERTS, QWEN3_MOE],
        fixed: || json!({ "norm_topk_prob": true }),
    },
    Architecture { name: "gpt2", model_type: "gpt2", keys: &[GPT2], fixed: || json!({}) },
];

const BASE: &[(&str, &str)] = &[
    ("block_count", "num_hidden_layers"),
    ("context_length", "max_position_embeddings"),
    ("embedding_length", "hidden_size"),
    (HEADS, "num_attention_heads"),
    (KV_HEADS, "num_key_value_heads"),
    (HEAD_WIDTH, "head_dim"),
    ("attention.layer_norm_rms_epsilon", "rms_norm_eps"),
];
const WIDTH: &[(&str, &str)] = &[("feed_forward_length", "intermediate_size")];
const ROPE: &[(&str, &str)] = &[("rope.freq_base", "rope_theta")];
const ACTIVE_EXPERTS: &[(&str, &str)] = &[("expert_used_count", "num_experts_per_tok")];
const GPT_OSS: &[(&str, &str)] = &[
    ("expert_count", "num_local_experts"),
    ("expert_feed_forward_length", "intermediate_size"),
    ("attention.sliding_window", "sliding_window"),
];
const QWEN3_MOE: &[(&str, &str)] =
    &[("expert_count", "num_experts"), ("expert_feed_forward_length", "moe_intermediate_size")];
const GPT2: &[(&str, &str)] = &[
    ("block_count", "n_layer"),
    ("context_length", "n_positions"),
    ("embedding_length", "n_embd"),
    ("feed_forward_length", "n_inner"),
    (HEADS, "n_head"),
    ("attention.layer_norm_epsilon", "layer_norm_epsilon"),
];

/// Pairs of a key's end in the metadata and the key of `config.json`'s `rope_scaling`.
const SCALING: &[(&str, &str)] = &[
    (SCALING_TYPE, "rope_type"),
    ("rope.scaling.factor", "factor"),
    ("rope.scaling.original_context_length", "original_max_position_embeddings"),
    ("rope.scaling.yarn_beta_fast", "beta_fast"),
    ("rope.scaling.yarn_beta_slow", "beta_slow"),
];

const HEADS: &str = "attention.head_count";
const KV_HEADS: &str = "attention.head_count_kv";
const HEAD_WIDTH: &str = "attention.key_length";
const SCALING_TYPE: &str = "rope.scaling.type";

/// Names of the architectures that can be read.
pub(super) fn supported() -> String {
    let names: Vec<_> = ARCHITECTURES.iter().map(|row| row.name).collect();
    names.join(", ")
}

/// The config of a file. `has` says whether it has a tensor, `vocab` how many rows its embedding.
pub(super) fn config(
    metadata: &Metadata<'_>,
    vocab: usize,
    has: impl Fn(&str) -> bool,
) -> Result<Json, CheckpointError> {
    let row = row(metadata)?;
    let mut config = (row.fixed)();
    let object = config.as_object_mut().expect("the rows have objects");
    object.insert("model_type".to_owned(), row.model_type.into());
    object.insert("vocab_size".to_owned(), vocab.into());
    object.insert("tie_word_embeddings".to_owned(), (!has("output.weight")).into());
    for (from, to) in row.keys.iter().copied().flatten() {
        if let Some(value) = number(metadata, &format!("{}.{from}", row.name))? {
            object.insert((*to).to_owned(), value);
        }
    }
    if row.keys.contains(&ROPE) {
        check_heads(metadata, row.name, object)?;
        let scaling = scaling(metadata, row)?;
        object.extend(scaling.map(|scaling| ("rope_scaling".to_owned(), scaling)));
    }
    if row.name == "llama" {
        object.insert("attention_bias".to_owned(), has("blk.0.attn_q.bias").into());
        object.insert("mlp_bias".to_owned(), has("blk.0.ffn_up.bias").into());
        // Mixtures of this name are another architecture.
        metadata.only("llama.expert_count", &json!(0))?;
    }
    Ok(config)
}

/// The key of the metadata that a key of the config was made from, for messages.
pub(super) fn origin(metadata: &Metadata<'_>, key: &str) -> Option<String> {
    let row = row(metadata).ok()?;
    let plain = row.keys.iter().copied().flatten().find(|pair| pair.1 == key);
    let scaling = || {
        let key = key.strip_prefix("rope_scaling.")?;
        SCALING.iter().find(|pair| pair.1 == key)
    };
    plain.or_else(scaling).map(|pair| format!("{}.{}", row.name, pair.0))
}

fn row(metadata: &Metadata<'_>) -> Result<&'static Architecture, CheckpointError> {
    const KEY: &str = "general.architecture";
    let name = metadata.text(KEY)?.ok_or_else(|| metadata.missing(KEY))?;
    ARCHITECTURES.iter().find(|row| row.name == name).ok_or_else(|| {
        let found = name.chars().take(40).collect();
        CheckpointError::UnknownArchitecture {
            file: metadata.file(),
            found,
            supported: supported(),
        }
    })
}

/// A number, or the one that a list repeats for every layer.
fn number(metadata: &Metadata<'_>, key: &str) -> Result<Option<Json>, CheckpointError> {
    match metadata.get(key).and_then(Value::list) {
        None => metadata.json(key),
        Some([first, rest @ ..]) if rest.iter().all(|other| other == first) => {
            Ok(Some(first.to_json()))
        }
        Some(_) => Err(metadata.invalid(key, "a list", "one number for all layers")),
    }
}

/// Values must be as wide as keys, and all of a head's width is rotated.
fn check_heads(
    metadata: &Metadata<'_>,
    name: &str,
    config: &Map<String, Json>,
) -> Result<(), CheckpointError> {
    let get = |key: &str| config.get(key).and_then(Json::as_u64);
    let width = match (get("head_dim"), get("hidden_size"), get("num_attention_heads")) {
        (Some(width), ..) => width,
        (None, Some(hidden), Some(heads)) if heads > 0 => hidden / heads,
        // What is missing is said when the config is read.
        _ => return Ok(()),
    };
    metadata.only(&format!("{name}.attention.value_length"), &width.into())?;
    metadata.only(&format!("{name}.rope.dimension_count"), &width.into())
}

fn scaling(metadata: &Metadata<'_>, row: &Architecture) -> Result<Option<Json>, CheckpointError> {
    let key = |end: &str| format!("{}.{end}", row.name);
    let kind = metadata.text(&key(SCALING_TYPE))?.filter(|kind| *kind != "none");
    if kind.is_none() {
        // gpt-oss's config must say that there is none.
        return Ok((row.name == "gpt-oss").then(|| json!({ "rope_type": "default" })));
    }
    // Whole dimensions are what the files' own engine ramps between, and what YaRN's authors do;
    // gpt-oss was trained without the rounding.
    let mut scaling = json!({ "truncate": row.name != "gpt-oss" });
    for (from, to) in SCALING {
        if let Some(value) = metadata.json(&key(from))? {
            scaling[*to] = value;
        }
    }
    Ok(Some(scaling))
}
