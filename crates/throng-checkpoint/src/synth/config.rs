//! What is read and changed in a `config.json` besides the spec.

use serde_json::Value;
use throng_spec::DType;

use super::SynthError;

/// Layers of a model at most; the spec allows no more either.
const MAX_LAYERS: usize = 1024;

/// Changes the number of layers, and the lists that have an entry for each.
pub(super) fn set_layers(config: &mut Value, layers: usize) -> Result<(), SynthError> {
    if !(1..=MAX_LAYERS).contains(&layers) {
        return Err(SynthError::Layers { found: layers, most: MAX_LAYERS });
    }
    // Whatever is no object is no config either, which reading the spec finds out.
    let Some(config) = config.as_object_mut() else { return Ok(()) };
    let key = if config.contains_key("n_layer") { "n_layer" } else { "num_hidden_layers" };
    config.insert(key.to_owned(), Value::from(layers));
    if let Some(kinds) = config.get_mut("layer_types").and_then(Value::as_array_mut) {
        // Where there are more layers than before, the pattern goes on.
        *kinds = kinds.iter().cycle().take(layers).cloned().collect();
    }
    if let Some(dense) = config.get_mut("mlp_only_layers").and_then(Value::as_array_mut) {
        dense.retain(|layer| layer.as_u64().is_none_or(|layer| layer < layers as u64));
    }
    Ok(())
}

/// The element type of a release's plain tensors: what the config says, else what the
/// architecture's makers used.
pub(super) fn dtype(config: &Value) -> Result<DType, SynthError> {
    for key in ["dtype", "torch_dtype"] {
        let found = match config.get(key) {
            None | Some(Value::Null) => continue,
            Some(found) => found,
        };
        return match found.as_str() {
            Some("float32") => Ok(DType::F32),
            Some("float16") => Ok(DType::F16),
            Some("bfloat16") => Ok(DType::Bf16),
            _ => Err(SynthError::Dtype { key, found: found.to_string() }),
        };
    }
    let is_gpt2 = config.get("model_type").and_then(Value::as_str) == Some("gpt2");
    Ok(if is_gpt2 { DType::F32 } else { DType::Bf16 })
}
