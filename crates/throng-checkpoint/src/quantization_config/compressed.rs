//! compressed-tensors (<https://github.com/vllm-project/compressed-tensors>): groups of modules with
//! types of weights, of which a table says what can be read.

use serde_json::{Map, Value, json};

use super::{Invalid, SIDES, field, refused, side, sides};
use crate::names::SCALE;
use crate::scaling::{Scaling, Scalings};

/// A type of weights that can be read.
struct Type {
    bits: u64,
    /// `type` in a config.
    kind: &'static str,
    /// Checks which values share a scale, and says what there is to say of FP8.
    scales: fn(&Value, &str) -> Result<Option<Scaling>, Invalid>,
}

/// All of them: INT8, FP8 and MXFP4.
const TYPES: [Type; 3] = [
    Type { bits: 8, kind: "int", scales: blocks },
    Type { bits: 8, kind: "float", scales: floats },
    Type { bits: 4, kind: "float", scales: blocks },
];

/// Names of their stored forms: of INT8, of FP8, of either, of MXFP4, and each group with its own.
const FORMATS: [&str; 5] = [
    "int-quantized",
    "float-quantized",
    "naive-quantized",
    "mxfp4-pack-quantized",
    "mixed-precision",
];

/// Different forms of FP8's scales in a config, at most: known ones have one or two.
const MAX_FORMS: usize = 16;

/// Checks all groups; the forms of scales of those in FP8.
pub(super) fn read(config: &Value) -> Result<Scalings, Invalid> {
    for key in ["sparsity_config", "transform_config"] {
        let none = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        if field(config, key).is_some_and(|value| !none(value)) {
            return Err(refused(config, "", key, "none"));
        }
    }
    format(config, "")?;
    let groups = config.get("config_groups").and_then(Value::as_object);
    let Some(groups) = groups else {
        let found = "missing or no object".to_owned();
        return Err((".config_groups".to_owned(), found, "groups by name"));
    };
    let mut forms = Vec::new();
    for (name, group) in groups {
        let place = format!(".config_groups.{name}");
        format(group, &place)?;
        let weights = group.get("weights").unwrap_or(&Value::Null);
        let form = arguments(weights, &format!("{place}.weights"))?;
        forms.extend(form.filter(|form| !forms.contains(form)));
        if forms.len() > MAX_FORMS {
            let found = format!("of more than {MAX_FORMS} forms of FP8's scales");
            return Err((".config_groups".to_owned(), found, "fewer"));
        }
    }
    Ok(Scalings { forms, end: SCALE })
}

/// Checks the name of a form of stored weights, if there is one.
fn format(config: &Value, place: &str) -> Result<(), Invalid> {
    match field(config, "format") {
        Some(format) if !FORMATS.iter().any(|known| format == known) => {
            let expected = "int-quantized, float-quantized, naive-quantized, \
                            mxfp4-pack-quantized or mixed-precision";
            Err(refused(config, place, "format", expected))
        }
        _ => Ok(()),
    }
}

/// Checks a group's weights.
fn arguments(weights: &Value, place: &str) -> Result<Option<Scaling>, Invalid> {
    let bits = weights.get("num_bits").and_then(Value::as_u64);
    let Some(bits) = bits.filter(|&bits| TYPES.iter().any(|known| known.bits == bits)) else {
        return Err(refused(weights, place, "num_bits", "8, or 4 for floats"));
    };
    let kind = weights.get("type").and_then(Value::as_str).map(str::to_ascii_lowercase);
    let is = |known: &&Type| known.bits == bits && Some(known.kind) == kind.as_deref();
    let Some(known) = TYPES.iter().find(is) else {
        return Err(refused(weights, place, "type", "int of 8 bits, or float of 8 or 4"));
    };
    if field(weights, "symmetric").is_some_and(|symmetric| *symmetric != json!(true)) {
        return Err(refused(weights, place, "symmetric", "true"));
    }
    let ordered = |order: &Value| *order != json!(false) && *order != json!("weight");
    if field(weights, "actorder").is_some_and(ordered) {
        return Err(refused(weights, place, "actorder", "none: columns in their own order"));
    }
    (known.scales)(weights, place)
}

/// Blocks of 32 values of a row.
fn blocks(weights: &Value, place: &str) -> Result<Option<Scaling>, Invalid> {
    if weights.get("strategy").and_then(Value::as_str) != Some("group") {
        return Err(refused(weights, place, "strategy", "group"));
    }
    match weights.get("group_size").and_then(Value::as_u64) {
        Some(32) => Ok(None),
        _ => Err(refused(weights, place, "group_size", "32")),
    }
}

/// Rows and columns of a block: two numbers, or as text with an x between them, as they once were.
fn structure(block: &Value) -> Option<[usize; 2]> {
    let Some((rows, cols)) = block.as_str().and_then(|text| text.split_once('x')) else {
        return sides(block);
    };
    let number = |text: &str| side(&text.parse::<u64>().ok()?.into());
    Some([number(rows)?, number(cols)?])
}

/// Any form of scales that FP8 has.
fn floats(weights: &Value, place: &str) -> Result<Option<Scaling>, Invalid> {
    let no = |key, expected| refused(weights, place, key, expected);
    Ok(Some(match weights.get("strategy").and_then(Value::as_str) {
        Some("tensor") => Scaling::Tensor,
        Some("channel") => Scaling::Channel,
        Some("group") => {
            let size = weights.get("group_size").and_then(side);
            Scaling::Group(size.ok_or_else(|| no("group_size", "a whole number of columns"))?)
        }
        Some("block") => {
            let block = weights.get("block_structure").and_then(structure);
            Scaling::Block(block.ok_or_else(|| no("block_structure", SIDES))?)
        }
        _ => return Err(no("strategy", "tensor, channel, group or block")),
    }))
}
