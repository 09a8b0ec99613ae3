//! Folders whose weights are FP8: read in every form of scales, refused by name when spoilt, and
//! quantised further.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use common::quantised::{quantise, resolved, stored};
use common::random::OPTIONS;
use common::{Folder, Stored};
use safetensors::Dtype;
use serde_json::{Value, json};
use throng_checkpoint::Checkpoint;
use throng_spec::{DType, LayerRole, QuantisationRequest, Role, ScaleGrid};

const QUERY: &str = "model.layers.0.self_attn.q_proj.weight";
const ROLE: Role = Role::Layer(0, LayerRole::Query);

/// The projections of queries of both layers, `[128, 32]`, become FP8 with scales 0.5 of this shape.
fn with_scales(config: Value, end: &str, shape: &[usize]) -> Folder {
    let folder = Folder::new();
    folder.set("config.json", "quantization_config", config);
    let mut tensors = folder.tensors();
    for layer in 0..2 {
        let name = QUERY.replace('0', &layer.to_string());
        let (_, rows_and_cols, _) = tensors[&name].clone();
        let codes = (0..rows_and_cols.iter().product::<usize>()).map(|i| i as u8 & 0x7e).collect();
        tensors.insert(name.clone(), (Dtype::F8_E4M3, rows_and_cols, codes));
        let count: usize = shape.iter().product();
        let scales = (0..count).flat_map(|_| 0.5f32.to_le_bytes()).collect();
        tensors.insert(format!("{name}{end}"), (Dtype::F32, shape.to_vec(), scales));
        let more = (Dtype::F32, vec![1], 1f32.to_le_bytes().to_vec());
        tensors.insert(format!("model.layers.{layer}.self_attn.q_proj.input_scale"), more);
    }
    folder.store("model.safetensors", &tensors);
    folder
}

/// Rows and columns of the projection.
fn matrix() -> [usize; 2] {
    let shape = Folder::new().tensors()[QUERY].1.clone();
    shape.try_into().unwrap()
}

fn fp8(block: Value) -> Value {
    json!({ "quant_method": "fp8", "fmt": "e4m3", "weight_block_size": block,
            "activation_scheme": "dynamic", "modules_to_not_convert": ["lm_head"] })
}

fn compressed(weights: Value) -> Value {
    let mut all = json!({ "num_bits": 8, "type": "float", "symmetric": true, "dynamic": false });
    all.as_object_mut().unwrap().extend(weights.as_object().unwrap().clone());
    let group = json!({ "targets": ["Linear"], "weights": all, "format": "float-quantized" });
    json!({ "quant_method": "compressed-tensors", "format": "float-quantized",
            "config_groups": { "group_0": group } })
}

/// Configs, how scales are named and shaped by them, and the rectangles that these are of.
fn forms() -> Vec<(Value, &'static str, Vec<usize>, [usize; 2])> {
    let [rows, cols] = matrix();
    let [down, across] = [rows.div_ceil(48), cols.div_ceil(24)];
    let strategy = |name: &str| compressed(json!({ "strategy": name }));
    vec![
        (fp8(json!([48, 24])), "_scale_inv", vec![down, across], [48, 24]),
        (fp8(json!([48, 24])), "_scale", vec![down, across], [48, 24]),
        (fp8(Value::Null), "_scale", vec![1], [rows, cols]),
        (fp8(Value::Null), "_scale_inv", vec![], [rows, cols]),
        (strategy("tensor"), "_scale", vec![1], [rows, cols]),
        (strategy("channel"), "_scale", vec![rows, 1], [1, cols]),
        (strategy("channel"), "_scale", vec![rows], [1, cols]),
        (
            compressed(json!({ "strategy": "group", "group_size": 16 })),
            "_scale",
            vec![rows, cols / 16],
            [1, 16],
        ),
        (
            compressed(json!({ "strategy": "block", "block_structure": "48x24" })),
            "_scale",
            vec![down, across],
            [48, 24],
        ),
        (
            compressed(json!({ "strategy": "block", "block_structure": [48, 24] })),
            "_scale",
            vec![down, across],
            [48, 24],
        ),
    ]
}

#[test]
fn every_form_of_scales_is_read() {
    for (config, end, shape, [rows, cols]) in forms() {
        let checkpoint = with_scales(config.clone(), end, &shape).open().unwrap();
        let tensor = checkpoint.tensor(ROLE);
        let grid = ScaleGrid { dtype: DType::F32, rows, cols };
        assert_eq!((tensor.dtype, tensor.grid), (DType::Fp8, Some(grid)), "{config}");
        assert_eq!(tensor.scales.len(), grid.bytes(matrix()));
        assert_eq!(tensor.data.len(), matrix().iter().product::<usize>());
        let all = stored(&checkpoint);
        let query = all.iter().find(|tensor| tensor.role == ROLE).unwrap();
        assert_eq!(query.bytes(), tensor.data.len() + tensor.scales.len());
    }
}

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

#[test]
fn what_is_fp8_can_be_quantised_further() {
    for (config, end, shape, _) in forms() {
        let folder = with_scales(config.clone(), end, &shape);
        let to = tempfile::tempdir().unwrap();
        let (from, path) = (folder.path(""), |name: &str| to.path().join(name));
        let before = folder.open().unwrap();
        let values = |checkpoint: &Checkpoint| {
            let tensor = checkpoint.tensor(ROLE);
            let (grid, [_, cols]) = (tensor.grid.unwrap(), matrix());
            let mut out = vec![0.0; tensor.data.len()];
            let rows = tensor.data.chunks(cols).zip(out.chunks_mut(cols)).enumerate();
            rows.for_each(|(row, (codes, out))| {
                grid.decode(codes, grid.of_row(tensor.scales, row, cols), out);
            });
            out
        };

        // What stays FP8 is the same under the names of compressed-tensors.
        quantise(&from, "head=int8", &path("head"), &OPTIONS).unwrap();
        let head = Checkpoint::open(&path("head")).unwrap();
        assert_eq!(values(&head), values(&before), "{config}");
        let said: Value =
            serde_json::from_slice(&std::fs::read(path("head").join("config.json")).unwrap())
                .unwrap();
        let groups = said["quantization_config"]["config_groups"].as_object().unwrap();
        let pattern = json!("re:^model\\.layers\\.\\d+\\.self_attn\\.q_proj$");
        assert!(
            groups.values().any(|group| group["weights"]["type"] == "float"
                && group["weights"]["num_bits"] == 8
                && group["targets"] == json!([pattern])),
            "{said}"
        );

        // In 16 bits it says no more of it: 0.5 and its multiples by codes are exact.
        quantise(&from, "attention=bf16", &path("bf16"), &OPTIONS).unwrap();
        let bf16 = Checkpoint::open(&path("bf16")).unwrap();
        let wide = bf16.tensor(ROLE).data.as_chunks().0;
        let wide: Vec<f32> = wide.iter().map(|&[a, b]| f32::from_le_bytes([0, 0, a, b])).collect();
        assert_eq!(wide, values(&before));

        let reports = quantise(&from, "attention=int8", &path("int8"), &OPTIONS).unwrap();
        let query = reports.iter().find(|report| report.name == QUERY).unwrap();
        let tensor = before.tensor(ROLE);
        assert_eq!((query.from, query.to), (DType::Fp8, DType::Q8_0));
        assert_eq!(query.bytes_before, (tensor.data.len() + tensor.scales.len()) as u64);
        assert!((0.0001..0.02).contains(&query.deviation.relative_rms()), "{query:?}");
        let int8 = Checkpoint::open(&path("int8")).unwrap();
        assert_eq!(int8.tensor(ROLE).dtype, DType::Q8_0);
        let asked = |checkpoint: &Checkpoint| {
            let request: QuantisationRequest = "attention=mxfp4".parse().unwrap();
            request.resolve(checkpoint.spec(), &stored(checkpoint))
        };
        assert!(asked(&before).is_ok() && asked(&int8).is_err(), "INT8 is not quantised again");
        let counted = resolved(&before, "attention=int8").apply(before.spec(), &stored(&before));
        let query = counted.iter().find(|tensor| tensor.role == ROLE).unwrap();
        assert_eq!(query.bytes(), matrix().iter().product::<usize>() / 32 * 34);
    }
}
