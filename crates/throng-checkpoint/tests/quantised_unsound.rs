//! Folders with quantised weights that are spoilt: refused by name.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use std::collections::BTreeMap;

use common::Folder;
use common::quantised::quantise;
use common::random::{OPTIONS, files, model};
use safetensors::Dtype;
use serde_json::{Value, json};
use throng_checkpoint::Checkpoint;
use throng_testkit::configs;

/// A folder whose attention and head are INT8, to be spoilt.
fn quantised() -> Folder {
    let (folder, to) = (Folder::new(), tempfile::tempdir().unwrap());
    let from = folder.path("config.json");
    quantise(from.parent().unwrap(), "int8", &to.path().join("to"), &OPTIONS).unwrap();
    for (name, content) in files(&to.path().join("to")) {
        folder.write(&name, content);
    }
    folder
}

#[test]
fn tensors_that_do_not_belong_together_are_refused() {
    let head = "lm_head.weight";
    let refused = |change: &dyn Fn(&Folder), what: &str| {
        let folder = quantised();
        change(&folder);
        let (message, hint) = folder.error();
        assert!(message.contains(what) && hint.is_some(), "{message}");
    };
    let scale = "lm_head.weight_scale";
    quantised().open().unwrap();
    refused(
        &|folder| folder.change(scale, |(dtype, _, _)| *dtype = Dtype::BF16),
        "lm_head.weight_scale has dtype bf16, expected f16",
    );
    refused(
        &|folder| folder.change(head, |(dtype, _, _)| *dtype = Dtype::F8_E5M2),
        "lm_head.weight has dtype f8_e5m2, expected i8 or f8_e4m3",
    );
    refused(&|folder| folder.change(scale, |(_, shape, _)| shape.reverse()), "has shape [1, 272]");
    refused(&|folder| folder.change(head, |(_, shape, _)| shape.reverse()), "has shape [32, 272]");
    let without = |name: &'static str| {
        move |folder: &Folder| {
            let mut tensors = folder.tensors();
            tensors.remove(name).unwrap();
            folder.store("model.safetensors", &tensors);
        }
    };
    refused(&without(head), "no tensor lm_head.weight");
    refused(&without(scale), "lm_head.weight has dtype i8, expected bf16");
    refused(
        &|folder| {
            let mut tensors = folder.tensors();
            tensors.insert(
                "lm_head.weight_packed".to_owned(),
                (Dtype::U8, vec![272, 16], vec![0; 4352]),
            );
            folder.store("model.safetensors", &tensors);
        },
        "lm_head.weight_scale has dtype f16, expected u8",
    );
}

#[test]
fn rows_that_are_no_whole_blocks_are_refused() {
    let mut config = configs()[1].clone();
    config["hidden_size"] = json!(80);
    config["head_dim"] = json!(16);
    let folder = tempfile::tempdir().unwrap();
    model(&config, None, 3).write_folder(folder.path(), &OPTIONS).unwrap();
    let path = folder.path().join("model.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let name = "model.layers.0.self_attn.q_proj.weight";
    let mut tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec())))
        .collect();
    tensors.insert(name.to_owned(), (Dtype::I8, vec![64, 80], vec![0; 64 * 80]));
    tensors.insert(format!("{name}_scale"), (Dtype::F16, vec![64, 2], vec![0; 64 * 4]));
    let views = tensors.iter().map(|(name, (dtype, shape, data))| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    std::fs::write(&path, safetensors::tensor::serialize(views, None).unwrap()).unwrap();
    let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
    assert!(
        message.contains("q_proj.weight_scale is of blocks of 32 values, rows have 80"),
        "{message}"
    );
}

#[test]
fn configs_of_other_quantisations_are_refused_by_key() {
    let folder = quantised();
    let sound: Value = serde_json::from_slice(&folder.read("config.json")).unwrap();
    let sound = sound["quantization_config"].clone();
    let refused = |pointer: &str, value: Value, key: &str| {
        let mut config = sound.clone();
        match config.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => config[pointer.trim_start_matches('/')] = value,
        }
        folder.set("config.json", "quantization_config", config);
        let (message, hint) = folder.error();
        assert!(message.contains(&format!("quantization_config{key} is")), "{message}");
        assert!(hint.is_some_and(|hint| hint.contains("FP8")), "{hint:?}");
    };
    refused("", json!("int8"), "");
    refused("/quant_method", json!("gptq"), ".quant_method");
    refused("/quant_method", json!(7), ".quant_method");
    refused("/format", json!("pack-quantized"), ".format");
    refused("/config_groups", json!([]), ".config_groups");
    refused("/sparsity_config", json!({ "format": "sparse-24-bitmask" }), ".sparsity_config");
    refused("/transform_config", json!({ "config_groups": {} }), ".transform_config");
    let weights = "/config_groups/group_0/weights";
    let key = ".config_groups.group_0.weights";
    for (name, value) in [
        ("num_bits", json!(16)),
        ("num_bits", json!(-8)),
        ("type", json!("uint")),
        ("strategy", json!("channel")),
        ("group_size", json!(128)),
        ("symmetric", json!(false)),
        ("actorder", json!("group")),
    ] {
        refused(&format!("{weights}/{name}"), value, &format!("{key}.{name}"));
    }
    refused(weights, Value::Null, &format!("{key}.num_bits"));
    folder.set("config.json", "quantization_config", sound.clone());
    folder.open().unwrap();
}
