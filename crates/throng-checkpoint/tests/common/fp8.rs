//! Folders with weights in FP8.

use safetensors::Dtype;
use serde_json::{Value, json};

use super::Folder;

/// A projection of queries, which becomes FP8.
pub const QUERY: &str = "model.layers.0.self_attn.q_proj.weight";

/// The projections of queries of both layers, `[128, 32]`, become FP8 with scales 0.5 of this shape.
pub fn with_scales(config: Value, end: &str, shape: &[usize]) -> Folder {
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
pub fn matrix() -> [usize; 2] {
    let shape = Folder::new().tensors()[QUERY].1.clone();
    shape.try_into().unwrap()
}

/// The config of DeepSeek's and Qwen's releases, with blocks of this size.
pub fn fp8(block: Value) -> Value {
    json!({ "quant_method": "fp8", "fmt": "e4m3", "weight_block_size": block,
            "activation_scheme": "dynamic", "modules_to_not_convert": ["lm_head"] })
}

/// The config of compressed-tensors, with a group of these weights.
pub fn compressed(weights: Value) -> Value {
    let mut all = json!({ "num_bits": 8, "type": "float", "symmetric": true, "dynamic": false });
    all.as_object_mut().unwrap().extend(weights.as_object().unwrap().clone());
    let group = json!({ "targets": ["Linear"], "weights": all, "format": "float-quantized" });
    json!({ "quant_method": "compressed-tensors", "format": "float-quantized",
            "config_groups": { "group_0": group } })
}
