//! Folders whose weights are FP8, spoilt: refused by name.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use common::fp8::{QUERY, compressed, fp8, matrix, with_scales};
use common::{Folder, Stored};
use safetensors::Dtype;
use serde_json::{Value, json};

#[test]
fn scales_that_do_not_belong_to_their_matrix_are_refused() {
    let [rows, cols] = matrix();
    let blocks =
        || with_scales(fp8(json!([128, 16])), "_scale_inv", &[rows.div_ceil(128), cols / 16]);
    let channels =
        || with_scales(compressed(json!({ "strategy": "channel" })), "_scale", &[rows, 1]);
    blocks().open().unwrap();
    channels().open().unwrap();
    let refused = |folder: Folder, change: &dyn Fn(&Folder), what: &str| {
        change(&folder);
        let (message, hint) = folder.error();
        assert!(message.contains(what) && hint.is_some(), "{message}");
    };
    let scale = |end: &str| format!("{QUERY}{end}");
    let set = |end: &'static str, content: Stored| {
        move |folder: &Folder| {
            let content = content.clone();
            folder.change(&scale(end), move |tensor| *tensor = content);
        }
    };
    let numbers = |value: f32, count: usize| -> Vec<u8> {
        (0..count).flat_map(|_| value.to_le_bytes()).collect()
    };
    let one = (Dtype::F32, vec![1, 1], numbers(1.0, 1));
    let expected = format!("scale has shape [1, 1], expected [{rows}, 1]");
    refused(channels(), &set("_scale", one.clone()), &expected);
    let expected = format!("scale_inv has shape [1, 1], expected [{}, 2]", rows.div_ceil(128));
    refused(blocks(), &set("_scale_inv", one), &expected);
    let bytes = (Dtype::U8, vec![rows, 1], vec![127; rows]);
    refused(channels(), &set("_scale", bytes), "scale has dtype u8, expected f32, bf16 or f16");
    for bad in [f32::NAN, f32::INFINITY] {
        let mut scales = numbers(1.0, rows);
        scales[12..16].copy_from_slice(&bad.to_le_bytes());
        let content = (Dtype::F32, vec![rows, 1], scales);
        refused(
            channels(),
            &set("_scale", content),
            &format!("scale 3 of tensor {QUERY}_scale is {bad}"),
        );
    }
    let without = |end: &'static str| {
        move |folder: &Folder| {
            let mut tensors = folder.tensors();
            tensors.remove(&scale(end)).unwrap();
            folder.store("model.safetensors", &tensors);
        }
    };
    refused(channels(), &without("_scale"), &format!("no tensor {QUERY}_scale"));
    refused(blocks(), &without("_scale_inv"), &format!("no tensor {QUERY}_scale_inv"));
    let e5m2 = |folder: &Folder| folder.change(QUERY, |(dtype, _, _)| *dtype = Dtype::F8_E5M2);
    refused(channels(), &e5m2, "has dtype f8_e5m2, expected i8 or f8_e4m3");
    refused(blocks(), &e5m2, "has dtype f8_e5m2, expected bf16, f16 or f32");
    let turned = |folder: &Folder| folder.change(QUERY, |(_, shape, _)| shape.reverse());
    refused(channels(), &turned, &format!("has shape [{cols}, {rows}]"));
    let unsaid = |folder: &Folder| folder.set("config.json", "quantization_config", Value::Null);
    refused(channels(), &unsaid, "expected bf16, f16 or f32 where config.json says nothing of FP8");
    let both = |folder: &Folder| {
        let mut tensors = folder.tensors();
        tensors.insert(scale("_scale_inv"), (Dtype::F32, vec![1], numbers(1.0, 1)));
        folder.store("model.safetensors", &tensors);
    };
    refused(channels(), &both, &format!("has a tensor {QUERY}_scale_inv that the model does not"));
}

#[test]
fn configs_that_make_no_sense_are_refused_by_key() {
    let [rows, _] = matrix();
    let folder = with_scales(compressed(json!({ "strategy": "channel" })), "_scale", &[rows, 1]);
    let refused = |config: Value, key: &str| {
        folder.set("config.json", "quantization_config", config);
        let (message, hint) = folder.error();
        assert!(message.contains(&format!("quantization_config{key} is")), "{message}");
        assert!(hint.is_some(), "{message}");
    };
    for (key, value) in [
        ("fmt", json!("e5m2")),
        ("activation_scheme", json!(7)),
        ("modules_to_not_convert", json!("lm_head")),
        ("ignored_layers", json!([1])),
        ("weight_block_size", json!(128)),
        ("weight_block_size", json!([128])),
        ("weight_block_size", json!([128, 0])),
        ("weight_block_size", json!([128, 1u64 << 40])),
    ] {
        let mut config = fp8(json!([128, 128]));
        config[key] = value;
        refused(config, &format!(".{key}"));
    }
    let place = ".config_groups.group_0.weights";
    for (weights, key) in [
        (json!({ "strategy": "token" }), "strategy"),
        (json!({ "strategy": null }), "strategy"),
        (json!({ "strategy": "group", "group_size": -1 }), "group_size"),
        (json!({ "strategy": "block" }), "block_structure"),
        (json!({ "strategy": "block", "block_structure": [0, 1] }), "block_structure"),
        (json!({ "strategy": "block", "block_structure": "128" }), "block_structure"),
        (json!({ "strategy": "block", "block_structure": "16x-1" }), "block_structure"),
        (json!({ "strategy": "channel", "symmetric": false }), "symmetric"),
    ] {
        refused(compressed(weights), &format!("{place}.{key}"));
    }
}

/// A config with a group for each of these weights.
fn groups(all: impl IntoIterator<Item = Value>) -> Value {
    let mut config = compressed(json!({}));
    let group = |weights| compressed(weights)["config_groups"]["group_0"].clone();
    let named = all.into_iter().enumerate();
    config["config_groups"] =
        named.map(|(index, weights)| (format!("group_{index}"), group(weights))).collect();
    config
}

fn columns(count: usize) -> Value {
    json!({ "strategy": "group", "group_size": count })
}

#[test]
fn scales_that_may_be_of_two_forms_are_refused() {
    let [rows, cols] = matrix();
    let open =
        |forms: [Value; 2], across: usize| with_scales(groups(forms), "_scale", &[rows, across]);
    let folder = open([columns(16), columns(24)], 2);
    let (message, hint) = folder.error();
    let expected =
        format!("{QUERY}_scale of shape [{rows}, 2] may have a scale for each [1, 16] or");
    assert!(message.contains(&expected) && message.contains("[1, 24]"), "{message}");
    assert!(hint.is_some());
    // They are of one where they have the same scales for the same values.
    let block = json!({ "strategy": "block", "block_structure": [1, 16] });
    open([columns(16), block], 2).open().unwrap();
    open([columns(cols + 1), json!({ "strategy": "channel" })], 1).open().unwrap();
    open([columns(16), columns(8)], 2).open().unwrap();
}

#[test]
fn forms_of_scales_are_counted() {
    let [rows, cols] = matrix();
    // One that fits and fifteen that do not.
    let forms: Vec<usize> = [16].into_iter().chain(cols + 1..cols + 16).collect();
    let open = |more: usize| {
        let sizes = forms.iter().copied().chain([more]);
        with_scales(groups(sizes.map(columns)), "_scale", &[rows, 2])
    };
    open(16).open().unwrap();
    let message = open(cols + 16).message();
    let expected = "config_groups is of more than 16 forms of FP8's scales, expected fewer";
    assert!(message.ends_with(expected), "{message}");
}

#[test]
fn tensors_of_experts_that_cannot_be_fp8_are_refused() {
    let config = || compressed(json!({ "strategy": "channel" }));
    let refused = |content: Stored, scales: Stored, name: &str, what: &str| {
        let folder = with_scales(config(), "_scale", &[matrix()[0], 1]);
        let mut tensors = folder.tensors();
        let name = format!("model.layers.0.mlp.experts.{name}");
        tensors.insert(name.clone(), content);
        tensors.insert(format!("{name}_scale"), scales);
        folder.store("model.safetensors", &tensors);
        let message = folder.message();
        assert!(message.ends_with(&format!("tensor {name} has dtype {what}")), "{message}");
    };
    let zeros = |dtype: Dtype, shape: &[usize]| {
        let bytes = dtype.bitsize() / 8 * shape.iter().product::<usize>();
        (dtype, shape.to_vec(), vec![0; bytes])
    };
    let bias = "gate_up_proj_bias";
    let (values, scales) = (zeros(Dtype::F8_E4M3, &[2, 128]), zeros(Dtype::F32, &[2, 1]));
    refused(values, scales, bias, "f8_e4m3, expected bf16, f16 or f32");
    let (values, scales) = (zeros(Dtype::I8, &[2, 128]), zeros(Dtype::F16, &[2, 4]));
    refused(values, scales, bias, "i8, expected bf16, f16 or f32");
    let values = zeros(Dtype::F8_E4M3, &[2, 32, 128]);
    let scales = zeros(Dtype::F16, &[2, 128, 1]);
    refused(values, scales, "gate_up_proj", "f8_e4m3, expected i8");
}
