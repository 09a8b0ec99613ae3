//! What a `config.json` says of how its weights are quantised: checked, so that numbers are not taken
//! for others, and written.
//!
//! Two methods are known: `mxfp4`, of gpt-oss's releases, and `compressed-tensors`, of which INT8 and
//! MXFP4 in groups of 32 columns can be read.

use serde_json::{Map, Value, json};
use throng_spec::DType;

use crate::error::CheckpointError;
use crate::files::Files;

/// The key in `config.json`.
pub(crate) const KEY: &str = "quantization_config";

/// The method of gpt-oss's releases.
const RELEASED: &str = "mxfp4";

/// The method of everyone's.
const COMPRESSED: &str = "compressed-tensors";

/// Forms of stored weights that can be read: INT8, MXFP4, and each of its own.
const FORMATS: [&str; 4] =
    ["int-quantized", "naive-quantized", "mxfp4-pack-quantized", "mixed-precision"];

/// Key below [`KEY`], found and expected.
type Invalid = (String, String, &'static str);

/// Refuses weights that are quantised in a way that cannot be read.
pub(crate) fn check(files: &Files<'_>, config: &Value) -> Result<(), CheckpointError> {
    let Some(found) = field(config, KEY) else { return Ok(()) };
    method(found).map_err(|(key, found, expected)| CheckpointError::Invalid {
        file: files.label("config.json"),
        key: format!("{KEY}{key}"),
        found: found.chars().take(60).collect(),
        expected: expected.to_owned(),
    })
}

fn method(config: &Value) -> Result<(), Invalid> {
    if !config.is_object() {
        return Err((String::new(), config.to_string(), "an object"));
    }
    match config.get("quant_method").and_then(Value::as_str) {
        Some(RELEASED) => Ok(()),
        Some(COMPRESSED) => compressed(config),
        _ => {
            let found = config.get("quant_method").unwrap_or(&Value::Null).to_string();
            Err((".quant_method".to_owned(), found, "mxfp4 or compressed-tensors"))
        }
    }
}

fn compressed(config: &Value) -> Result<(), Invalid> {
    let of = |key: &str| format!(".{key}");
    for key in ["sparsity_config", "transform_config"] {
        let none = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        if let Some(value) = field(config, key).filter(|value| !none(value)) {
            return Err((of(key), value.to_string(), "none"));
        }
    }
    format(config, "")?;
    let groups = config.get("config_groups").and_then(Value::as_object);
    let Some(groups) = groups else {
        return Err((of("config_groups"), "missing or no object".to_owned(), "groups by name"));
    };
    for (name, group) in groups {
        let group_key = of(&format!("config_groups.{name}"));
        format(group, &group_key)?;
        let weights = group.get("weights").unwrap_or(&Value::Null);
        weight_arguments(weights, &format!("{group_key}.weights"))?;
    }
    Ok(())
}

/// Checks the name of a form of stored weights, if there is one.
fn format(config: &Value, key: &str) -> Result<(), Invalid> {
    match field(config, "format") {
        Some(format) if !FORMATS.iter().any(|known| format == known) => {
            let expected = "int-quantized, mxfp4-pack-quantized or mixed-precision";
            Err((format!("{key}.format"), format.to_string(), expected))
        }
        _ => Ok(()),
    }
}

/// Checks a group's weights. What activations are rounded to elsewhere is no matter of theirs.
fn weight_arguments(weights: &Value, key: &str) -> Result<(), Invalid> {
    let refuse = |name: &str, expected| {
        let found = weights.get(name).unwrap_or(&Value::Null).to_string();
        Err((format!("{key}.{name}"), found, expected))
    };
    let bits = weights.get("num_bits").and_then(Value::as_u64);
    let kind = weights.get("type").and_then(Value::as_str).map(str::to_ascii_lowercase);
    match (bits, kind.as_deref()) {
        (Some(8), Some("int")) | (Some(4), Some("float")) => {}
        (Some(4 | 8), _) => return refuse("type", "int of 8 bits or float of 4"),
        _ => return refuse("num_bits", "8, or 4 for floats"),
    }
    if weights.get("strategy").and_then(Value::as_str) != Some("group") {
        return refuse("strategy", "group");
    }
    if weights.get("group_size").and_then(Value::as_u64) != Some(32) {
        return refuse("group_size", "32");
    }
    if field(weights, "symmetric").is_some_and(|symmetric| *symmetric != json!(true)) {
        return refuse("symmetric", "true");
    }
    let ordered = |order: &Value| *order != json!(false) && *order != json!("weight");
    if field(weights, "actorder").is_some_and(ordered) {
        return refuse("actorder", "none: columns in their own order");
    }
    Ok(())
}

fn field<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

/// Modules whose weights are of a type; patterns that match their names.
pub(crate) struct Group {
    pub(crate) dtype: DType,
    pub(crate) targets: Vec<String>,
}

/// What a config says of such weights; nothing where none are quantised. MXFP4 in gpt-oss's own form
/// alone is said as releases say it.
pub(crate) fn of(groups: &[Group], is_released: bool) -> Option<Value> {
    if groups.is_empty() {
        return None;
    }
    if is_released && groups.iter().all(|group| group.dtype == DType::Mxfp4) {
        return Some(json!({ "quant_method": RELEASED }));
    }
    let form = |dtype| match dtype {
        DType::Mxfp4 => "mxfp4-pack-quantized",
        _ => "int-quantized",
    };
    let group = |(index, group): (usize, &Group)| {
        let (bits, kind) = if group.dtype == DType::Mxfp4 { (4, "float") } else { (8, "int") };
        let weights = json!({
            "num_bits": bits, "type": kind, "symmetric": true, "strategy": "group",
            "group_size": group.dtype.block_len(), "dynamic": false, "actorder": null,
        });
        let group = json!({
            "format": form(group.dtype), "targets": group.targets, "weights": weights,
            "input_activations": null, "output_activations": null,
        });
        (format!("group_{index}"), group)
    };
    let first = form(groups[0].dtype);
    let mixed = groups.iter().any(|group| form(group.dtype) != first);
    Some(json!({
        "quant_method": COMPRESSED,
        "quantization_status": "compressed",
        "format": if mixed { "mixed-precision" } else { first },
        "ignore": [],
        "kv_cache_scheme": null,
        "config_groups": Value::Object(groups.iter().enumerate().map(group).collect()),
    }))
}
