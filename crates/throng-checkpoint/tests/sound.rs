//! Sound checkpoints: one file, shards and embedded files give the same tensors.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::collections::BTreeMap;

use common::{Folder, Stored, sizes};
use serde_json::{Value, json};
use throng_checkpoint::{Checkpoint, Generation};
use throng_spec::{DType, LayerRole, Role};

/// Role, dtype, shape, data and scales of a tensor.
type Content = (Role, DType, Vec<usize>, Vec<u8>, Vec<u8>);

/// Every tensor of the spec.
fn contents(checkpoint: &Checkpoint) -> Vec<Content> {
    let roles = checkpoint.spec().tensors();
    let content = |role| {
        let tensor = checkpoint.tensor(role);
        let (data, scales) = (tensor.data.to_vec(), tensor.scales.to_vec());
        (role, tensor.dtype, tensor.shape.to_vec(), data, scales)
    };
    roles.into_iter().map(|(role, _)| content(role)).collect()
}

#[test]
fn each_role_has_the_tensor_of_its_stored_name() {
    let folder = Folder::new();
    let checkpoint = folder.open().unwrap();
    let stored = folder.tensors();
    let names = [
        (Role::Embedding, "model.embed_tokens.weight"),
        (Role::Head, "lm_head.weight"),
        (Role::FinalNorm, "model.norm.weight"),
        (Role::Layer(1, LayerRole::AttentionNorm), "model.layers.1.input_layernorm.weight"),
        (Role::Layer(0, LayerRole::Key), "model.layers.0.self_attn.k_proj.weight"),
        (Role::Layer(1, LayerRole::Sinks), "model.layers.1.self_attn.sinks"),
        (Role::Layer(0, LayerRole::DownBias), "model.layers.0.mlp.experts.down_proj_bias"),
    ];
    for (role, name) in names {
        let tensor = checkpoint.tensor(role);
        let (_, shape, data) = &stored[name];
        assert_eq!((tensor.dtype, tensor.shape), (DType::Bf16, &shape[..]), "{name}");
        assert_eq!((tensor.data, tensor.scales), (&data[..], &[][..]), "{name}");
    }
    let experts = checkpoint.tensor(Role::Layer(1, LayerRole::GateUp));
    assert_eq!((experts.dtype, experts.shape), (DType::Mxfp4, &[2, 128, 32][..]));
    assert_eq!(experts.data, stored["model.layers.1.mlp.experts.gate_up_proj_blocks"].2);
    assert_eq!(experts.scales, stored["model.layers.1.mlp.experts.gate_up_proj_scales"].2);
}

#[test]
fn every_tensor_has_the_bytes_of_its_shape() {
    let checkpoint = Folder::new().open().unwrap();
    for (role, dtype, shape, data, scales) in contents(&checkpoint) {
        let count = shape.iter().product();
        assert_eq!(data.len() + scales.len(), dtype.bytes(count), "{role:?}");
    }
}

#[test]
fn embedded_files_are_the_same_checkpoint() {
    let embedded = Checkpoint::embedded(&sizes().embedded()).unwrap();
    let opened = Folder::new().open().unwrap();
    assert_eq!(contents(&embedded), contents(&opened));
    assert_eq!(embedded.tokenizer_json(), opened.tokenizer_json());
    assert_eq!((embedded.spec(), embedded.generation()), (opened.spec(), opened.generation()));
}

/// Replaces the single file by two shards with an index.
fn shard(folder: &Folder) -> Value {
    let mut shards = [BTreeMap::<String, Stored>::new(), BTreeMap::new()];
    let mut map = serde_json::Map::new();
    for (index, (name, tensor)) in folder.tensors().into_iter().enumerate() {
        map.insert(name.clone(), json!(format!("part-{}.safetensors", index % 2)));
        shards[index % 2].insert(name, tensor);
    }
    for (index, tensors) in shards.iter().enumerate() {
        folder.store(&format!("part-{index}.safetensors"), tensors);
    }
    folder.remove("model.safetensors");
    let index = json!({ "metadata": { "total_size": 1 }, "weight_map": map });
    folder.write("model.safetensors.index.json", index.to_string());
    index
}

#[test]
fn shards_are_the_same_checkpoint() {
    let folder = Folder::new();
    let single = contents(&folder.open().unwrap());
    shard(&folder);
    assert_eq!(contents(&folder.open().unwrap()), single);
}

#[test]
fn a_tensor_in_two_shards_is_refused() {
    let folder = Folder::new();
    let (name, tensor) = folder.tensors().into_iter().next().unwrap();
    shard(&folder);
    folder.store("part-2.safetensors", &BTreeMap::from([(name.clone(), tensor)]));
    assert!(folder.open().is_ok(), "a file that the index does not name is no shard");
    let mut index: Value =
        serde_json::from_slice(&folder.read("model.safetensors.index.json")).unwrap();
    index["weight_map"]["other"] = json!("part-2.safetensors");
    folder.write("model.safetensors.index.json", index.to_string());
    let (message, hint) = folder.error();
    assert_eq!(
        message,
        format!("tensor {name} is in part-0.safetensors and in part-2.safetensors")
    );
    assert!(hint.unwrap().contains("from one release"));
}

#[test]
fn an_index_that_lies_is_refused() {
    let folder = Folder::new();
    let mut index = shard(&folder);
    let mut with = |shard: Value| {
        index["weight_map"]["lm_head.weight"] = shard;
        folder.write("model.safetensors.index.json", index.to_string());
        folder.message()
    };
    let no_name = "expected a file name without folders";
    for path in ["../part-0.safetensors", "/etc/passwd", "sub/part-0.safetensors", "", ".."] {
        let message = with(json!(path));
        assert!(message.contains("weight_map.lm_head.weight") && message.contains(no_name));
    }
    assert!(with(json!(7)).contains(no_name));
    assert_eq!(with(json!("part-7.safetensors")), "part-7.safetensors is missing");
    assert_eq!(
        with(json!("part-1.safetensors")),
        "part-1.safetensors has no tensor lm_head.weight"
    );
    index["weight_map"].as_object_mut().unwrap().remove("lm_head.weight");
    folder.write("model.safetensors.index.json", index.to_string());
    let message = folder.message();
    assert_eq!(message, "model.safetensors.index.json has no tensor lm_head.weight");
    folder.write("model.safetensors.index.json", "{}");
    assert!(folder.message().contains("weight_map is missing or no object"));
}

#[test]
fn tensors_that_say_nothing_more_are_ignored() {
    let folder = Folder::new();
    let mut tensors = folder.tensors();
    let name = "model.layers.0.self_attn.rotary_emb.inv_freq".to_owned();
    tensors.insert(name, (safetensors::Dtype::F32, vec![3], vec![0; 12]));
    folder.store("model.safetensors", &tensors);
    folder.open().unwrap();
}

#[test]
fn f16_and_f32_are_accepted_where_bf16_is() {
    let folder = Folder::new();
    folder.change("model.norm.weight", |(dtype, _, data)| {
        *dtype = safetensors::Dtype::F32;
        *data = [&data[..], &data[..]].concat();
    });
    folder.change("lm_head.weight", |(dtype, _, _)| *dtype = safetensors::Dtype::F16);
    let checkpoint = folder.open().unwrap();
    assert_eq!(checkpoint.tensor(Role::FinalNorm).dtype, DType::F32);
    assert_eq!(checkpoint.tensor(Role::Head).dtype, DType::F16);
}

#[test]
fn sampling_defaults_come_from_the_generation_config() {
    let folder = Folder::new();
    let generation = json!({
        "do_sample": true, "temperature": 0.5, "top_p": 0.9, "top_k": 40, "eos_token_id": [258, 264],
    });
    folder.write("generation_config.json", generation.to_string());
    let expected = Generation {
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        stop_tokens: vec![258, 264],
    };
    assert_eq!(folder.open().unwrap().generation(), &expected);

    folder.set("generation_config.json", "do_sample", json!(false));
    assert_eq!(folder.open().unwrap().generation().temperature, Some(0.0));

    folder.set("config.json", "eos_token_id", json!(257));
    folder.set("generation_config.json", "eos_token_id", Value::Null);
    assert_eq!(folder.open().unwrap().generation().stop_tokens, [257]);

    folder.remove("generation_config.json");
    let expected = Generation { stop_tokens: vec![257], ..Generation::default() };
    assert_eq!(folder.open().unwrap().generation(), &expected);
}
