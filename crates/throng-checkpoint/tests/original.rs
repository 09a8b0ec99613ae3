//! OpenAI's own layout (folder `original/`): other names, another config, and query, key and value in
//! one tensor. The same model, opened from it, has the same tensors.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::collections::BTreeMap;

use common::{Folder, Stored, sizes};
use serde_json::json;
use throng_checkpoint::Checkpoint;
use throng_spec::Role;

/// Names within a layer, as released and as OpenAI has them.
const LAYER: [(&str, &str); 13] = [
    ("input_layernorm.weight", "attn.norm.scale"),
    ("self_attn.sinks", "attn.sinks"),
    ("self_attn.o_proj.weight", "attn.out.weight"),
    ("self_attn.o_proj.bias", "attn.out.bias"),
    ("post_attention_layernorm.weight", "mlp.norm.scale"),
    ("mlp.router.weight", "mlp.gate.weight"),
    ("mlp.router.bias", "mlp.gate.bias"),
    ("mlp.experts.gate_up_proj_blocks", "mlp.mlp1_weight.blocks"),
    ("mlp.experts.gate_up_proj_scales", "mlp.mlp1_weight.scales"),
    ("mlp.experts.gate_up_proj_bias", "mlp.mlp1_bias"),
    ("mlp.experts.down_proj_blocks", "mlp.mlp2_weight.blocks"),
    ("mlp.experts.down_proj_scales", "mlp.mlp2_weight.scales"),
    ("mlp.experts.down_proj_bias", "mlp.mlp2_bias"),
];

/// Puts the folder `original` into a released one.
fn add_original(folder: &Folder) {
    let sizes = sizes();
    std::fs::create_dir(folder.path("original")).unwrap();
    let config = json!({
        "num_hidden_layers": sizes.layers, "num_experts": sizes.experts,
        "experts_per_token": sizes.active, "vocab_size": sizes.vocab,
        "hidden_size": sizes.hidden, "intermediate_size": sizes.width, "swiglu_limit": 7.0,
        "head_dim": sizes.head_dim, "num_attention_heads": sizes.query_heads,
        "num_key_value_heads": sizes.kv_heads, "sliding_window": sizes.window,
        "initial_context_length": sizes.original_context, "rope_theta": 150_000,
        "rope_scaling_factor": sizes.context as f64 / sizes.original_context as f64,
        "rope_ntk_alpha": 1, "rope_ntk_beta": 32,
    });
    folder.write("original/config.json", config.to_string());
    let released = folder.tensors();
    let mut tensors = BTreeMap::new();
    let mut put = |from: &str, to: String| tensors.insert(to, released[from].clone());
    put("model.embed_tokens.weight", "embedding.weight".to_owned());
    put("model.norm.weight", "norm.scale".to_owned());
    put("lm_head.weight", "unembedding.weight".to_owned());
    for layer in 0..sizes.layers {
        let (from, to) = (format!("model.layers.{layer}"), format!("block.{layer}"));
        for (own, other) in LAYER {
            put(&format!("{from}.{own}"), format!("{to}.{other}"));
        }
    }
    for layer in 0..sizes.layers {
        for kind in ["weight", "bias"] {
            let part = |part: &str| {
                &released[&format!("model.layers.{layer}.self_attn.{part}_proj.{kind}")]
            };
            tensors.insert(
                format!("block.{layer}.attn.qkv.{kind}"),
                stacked(["q", "k", "v"].map(part)),
            );
        }
    }
    folder.store("original/model.safetensors", &tensors);
}

/// Tensors behind each other, along their first dimension.
fn stacked(parts: [&Stored; 3]) -> Stored {
    let mut shape = parts[0].1.clone();
    shape[0] = parts.iter().map(|part| part.1[0]).sum();
    (parts[0].0, shape, parts.map(|part| &part.2[..]).concat())
}

#[test]
fn the_original_layout_is_the_released_one() {
    let folder = Folder::new();
    add_original(&folder);
    let released = folder.open().unwrap();
    let original = Checkpoint::open(&folder.path("original")).unwrap();
    assert_eq!(original.spec(), released.spec());
    assert_eq!(original.tokenizer_json(), released.tokenizer_json());
    let bytes = |checkpoint: &Checkpoint, role: Role| -> Vec<Vec<u8>> {
        checkpoint.pieces(role).map(|piece| [piece.data, piece.scales].concat()).collect()
    };
    for (role, _) in released.spec().tensors() {
        assert_eq!(bytes(&original, role), bytes(&released, role), "{role:?}");
    }
}

#[test]
fn the_tokenizer_is_found_from_a_path_without_a_name_too() {
    let folder = Folder::new();
    add_original(&folder);
    std::fs::create_dir(folder.path("original/inner")).unwrap();
    assert!(Checkpoint::open(&folder.path("original/inner/..")).is_ok());
}

#[test]
fn a_stack_of_another_height_is_refused() {
    let folder = Folder::new();
    add_original(&folder);
    folder.set("original/config.json", "num_key_value_heads", json!(4));
    let error = Checkpoint::open(&folder.path("original")).unwrap_err().to_string();
    assert!(error.ends_with("attn.qkv.weight has shape [192, 32], expected [256, 32]"), "{error}");
}
