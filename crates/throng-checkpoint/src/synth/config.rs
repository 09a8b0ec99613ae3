//! A `config.json` with another number of layers.

use serde_json::Value;

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
