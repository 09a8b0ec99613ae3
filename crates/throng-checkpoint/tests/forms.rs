//! The ways in which other architectures than gpt-oss store a tensor, and what is refused of them.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::collections::BTreeMap;

use common::{Folder, Stored};
use safetensors::Dtype;
use serde_json::{Value, json};
use throng_spec::{DType, LayerRole, Layout, Role};

/// Counts up, so that every value is another.
fn counting(from: &mut u16, shape: &[usize]) -> Stored {
    let count = shape.iter().product::<usize>() as u16;
    let data = (*from..*from + count).flat_map(u16::to_le_bytes).collect();
    *from += count;
    (Dtype::BF16, shape.to_vec(), data)
}

/// A folder with this config and tensors of these names and shapes.
fn folder(config: &Value, shapes: &[(String, Vec<usize>)]) -> Folder {
    let folder = Folder::new();
    folder.write("config.json", config.to_string());
    folder.remove("generation_config.json");
    let mut next = 0;
    let tensors: BTreeMap<String, Stored> =
        shapes.iter().map(|(name, shape)| (name.clone(), counting(&mut next, shape))).collect();
    folder.store("model.safetensors", &tensors);
    folder
}

/// A Qwen3-MoE with a dense layer and then a sparse one: hidden 4, one head of 2, 3 experts of 5.
fn qwen3_moe() -> Folder {
    let config = json!({
        "model_type": "qwen3_moe", "hidden_size": 4, "intermediate_size": 6, "vocab_size": 272,
        "max_position_embeddings": 64, "num_hidden_layers": 2, "num_attention_heads": 1,
        "head_dim": 2, "num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 5,
        "decoder_sparse_step": 2, "tie_word_embeddings": true,
    });
    let mut shapes = vec![("model.embed_tokens.weight".to_owned(), vec![272, 4])];
    let mut put = |name: String, shape: &[usize]| shapes.push((name, shape.to_vec()));
    put("model.norm.weight".to_owned(), &[4]);
    for layer in 0..2 {
        let name = |name: &str| format!("model.layers.{layer}.{name}.weight");
        for projection in ["q_proj", "k_proj", "v_proj"] {
            put(name(&format!("self_attn.{projection}")), &[2, 4]);
        }
        put(name("self_attn.o_proj"), &[4, 2]);
        for norm in ["self_attn.q_norm", "self_attn.k_norm"] {
            put(name(norm), &[2]);
        }
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            put(name(norm), &[4]);
        }
    }
    let mut mlp = |name: &str, width: usize| {
        put(format!("{name}.gate_proj.weight"), &[width, 4]);
        put(format!("{name}.up_proj.weight"), &[width, 4]);
        put(format!("{name}.down_proj.weight"), &[4, width]);
    };
    mlp("model.layers.0.mlp", 6);
    (0..3).for_each(|expert| mlp(&format!("model.layers.1.mlp.experts.{expert}"), 5));
    put("model.layers.1.mlp.gate.weight".to_owned(), &[3, 4]);
    folder(&config, &shapes)
}

/// A GPT-2 with one layer: hidden 4, two heads of 2.
fn gpt2(prefix: &str) -> Folder {
    let config = json!({
        "model_type": "gpt2", "n_embd": 4, "n_head": 2, "n_layer": 1, "n_positions": 8,
        "vocab_size": 272,
    });
    let shapes: [(&str, &[usize]); 16] = [
        ("wte.weight", &[272, 4]),
        ("wpe.weight", &[8, 4]),
        ("ln_f.weight", &[4]),
        ("ln_f.bias", &[4]),
        ("h.0.ln_1.weight", &[4]),
        ("h.0.ln_1.bias", &[4]),
        ("h.0.ln_2.weight", &[4]),
        ("h.0.ln_2.bias", &[4]),
        ("h.0.attn.c_attn.weight", &[4, 12]),
        ("h.0.attn.c_attn.bias", &[12]),
        ("h.0.attn.c_proj.weight", &[4, 4]),
        ("h.0.attn.c_proj.bias", &[4]),
        ("h.0.mlp.c_fc.weight", &[4, 16]),
        ("h.0.mlp.c_fc.bias", &[16]),
        ("h.0.mlp.c_proj.weight", &[16, 4]),
        ("h.0.mlp.c_proj.bias", &[4]),
    ];
    folder(&config, &shapes.map(|(name, shape)| (format!("{prefix}{name}"), shape.to_vec())))
}

#[test]
fn experts_stored_one_by_one_are_pieces() {
    let folder = qwen3_moe();
    let (checkpoint, stored) = (folder.open().unwrap(), folder.tensors());
    let pieces: Vec<_> = checkpoint.pieces(Role::Layer(1, LayerRole::GateUp)).collect();
    assert_eq!(pieces.len(), 6);
    for (index, piece) in pieces.iter().enumerate() {
        let kind = ["gate", "up"][index % 2];
        let name = format!("model.layers.1.mlp.experts.{}.{kind}_proj.weight", index / 2);
        assert_eq!((piece.data, piece.shape), (&stored[&name].2[..], &[5, 4][..]), "{name}");
        assert_eq!((piece.dtype, piece.layout), (DType::Bf16, Layout::Rows));
    }
    let down: Vec<_> = checkpoint.pieces(Role::Layer(1, LayerRole::Down)).collect();
    assert_eq!(down.iter().map(|piece| piece.shape).collect::<Vec<_>>(), [[4, 5]; 3]);
    let dense = checkpoint.pieces(Role::Layer(0, LayerRole::DenseUp));
    assert_eq!(dense.map(|piece| piece.shape.to_vec()).collect::<Vec<_>>(), [[6, 4]; 2]);
}

#[test]
fn experts_that_lie_are_refused() {
    let folder = qwen3_moe();
    let name = "model.layers.1.mlp.experts.2.up_proj.weight";
    folder.change(name, |(_, shape, _)| shape.swap(0, 1));
    let shapes = "has shape [4, 5], expected [5, 4]";
    assert_eq!(folder.message(), format!("model.safetensors: tensor {name} {shapes}"));
    let mut tensors = folder.tensors();
    tensors.remove(name);
    folder.store("model.safetensors", &tensors);
    assert_eq!(folder.message(), format!("model.safetensors has no tensor {name}"));
    // More experts than there are names.
    folder.set("config.json", "num_experts", json!(4096));
    assert!(folder.message().contains("model.layers.1.mlp.gate.weight has shape [3, 4]"));
}

#[test]
fn one_tensor_gives_queries_keys_and_values() {
    for prefix in ["transformer.", ""] {
        let folder = gpt2(prefix);
        let (checkpoint, stored) = (folder.open().unwrap(), folder.tensors());
        let fused = &stored[&format!("{prefix}h.0.attn.c_attn.weight")].2;
        let bias = &stored[&format!("{prefix}h.0.attn.c_attn.bias")].2;
        let roles = [
            (LayerRole::Query, LayerRole::QueryBias),
            (LayerRole::Key, LayerRole::KeyBias),
            (LayerRole::Value, LayerRole::ValueBias),
        ];
        for (share, (weight, bias_role)) in roles.into_iter().enumerate() {
            let weight = checkpoint.tensor(Role::Layer(0, weight));
            assert_eq!((weight.shape, weight.layout), (&[4, 4][..], Layout::Columns { pitch: 12 }));
            // From the share's first value of the first column to its last of the last.
            assert_eq!(weight.data, &fused[8 * share..][..2 * (3 * 12 + 4)]);
            let values = checkpoint.tensor(Role::Layer(0, bias_role));
            assert_eq!((values.data, values.layout), (&bias[8 * share..][..8], Layout::Rows));
        }
        let positions = checkpoint.tensor(Role::Positions);
        assert_eq!(positions.shape, [8, 4]);
    }
}

#[test]
fn columns_that_lie_are_refused() {
    let folder = gpt2("transformer.");
    let name = "transformer.h.0.mlp.c_fc.weight";
    folder.change(name, |(_, shape, _)| shape.swap(0, 1));
    let shapes = "has shape [16, 4], expected [4, 16]";
    assert_eq!(folder.message(), format!("model.safetensors: tensor {name} {shapes}"));
    let folder = gpt2("");
    let name = "h.0.attn.c_attn.weight";
    folder.change(name, |(dtype, _, _)| *dtype = Dtype::I16);
    let dtypes = "has dtype i16, expected bf16, f16 or f32";
    assert_eq!(folder.message(), format!("model.safetensors: tensor {name} {dtypes}"));
    // Without an embedding, the usual prefix is asked for.
    let mut tensors = folder.tensors();
    tensors.remove("wte.weight");
    folder.store("model.safetensors", &tensors);
    let message = folder.message();
    assert_eq!(message, "model.safetensors has no tensor transformer.wte.weight");
}

/// As `transformers` writes gpt-oss when it has undone the quantisation: `[experts, in, out]`.
#[test]
fn experts_without_quantisation_are_columns() {
    let folder = Folder::new();
    let name = "model.layers.0.mlp.experts.gate_up_proj";
    let mut tensors = folder.tensors();
    for suffix in ["blocks", "scales"] {
        assert!(tensors.remove(&format!("{name}_{suffix}")).is_some());
    }
    let (experts, inputs, outputs) = (2, 32, 128);
    tensors.insert(name.to_owned(), counting(&mut 0, &[experts, inputs, outputs]));
    folder.store("model.safetensors", &tensors);
    let checkpoint = folder.open().unwrap();
    let pieces: Vec<_> = checkpoint.pieces(Role::Layer(0, LayerRole::GateUp)).collect();
    assert_eq!(pieces.len(), experts);
    for (expert, piece) in pieces.iter().enumerate() {
        assert_eq!(piece.shape, [outputs, inputs]);
        assert_eq!(piece.layout, Layout::Columns { pitch: outputs });
        let first = u16::from_le_bytes([piece.data[0], piece.data[1]]);
        assert_eq!(usize::from(first), expert * inputs * outputs);
        assert_eq!(piece.data.len(), inputs * outputs * 2);
    }
}
