//! What a `config.json` says of how its weights are quantised: checked, so that numbers are not taken
//! for others, and written.
//!
//! Three methods are known: `mxfp4`, of gpt-oss's releases; `fp8`, of DeepSeek's and Qwen's; and
//! `compressed-tensors`, of everyone's. What activations are rounded to elsewhere is no matter of a
//! model's weights, so it is not looked at: the engine has a choice of its own.

mod compressed;
mod written;

use serde_json::Value;

use crate::error::CheckpointError;
use crate::files::Files;
use crate::names::{INVERSE_SCALE, SCALE};
use crate::scaling::{Scaling, Scalings};

pub(crate) use written::{Group, of};

/// The key in `config.json`.
pub(crate) const KEY: &str = "quantization_config";

/// How a method's object is read.
type Read = fn(&Value) -> Result<Scalings, Invalid>;

/// The methods that can be read.
const METHODS: [(&str, Read); 3] =
    [(RELEASED, |_| Ok(Scalings::default())), (FP8, fp8), (COMPRESSED, compressed::read)];

/// The method of gpt-oss's releases.
const RELEASED: &str = "mxfp4";

/// The method of DeepSeek's and Qwen's releases.
const FP8: &str = "fp8";

/// The method of everyone's.
const COMPRESSED: &str = "compressed-tensors";

/// Values along one side of a group or a block of values that share a scale, at most.
const MAX_SIDE: u64 = 1 << 20;

/// Key below [`KEY`], found and expected.
type Invalid = (String, String, &'static str);

/// Reads what is said of FP8, and refuses weights that are quantised in a way that cannot be read.
pub(crate) fn read(files: &Files<'_>, config: &Value) -> Result<Scalings, CheckpointError> {
    let Some(found) = field(config, KEY) else { return Ok(Scalings::default()) };
    method(found).map_err(|(key, found, expected)| CheckpointError::Quantisation {
        file: files.label("config.json"),
        key: format!("{KEY}{key}"),
        found: found.chars().take(60).collect(),
        expected,
    })
}

fn method(config: &Value) -> Result<Scalings, Invalid> {
    if !config.is_object() {
        return Err((String::new(), config.to_string(), "an object"));
    }
    let name = config.get("quant_method").and_then(Value::as_str);
    match METHODS.iter().find(|(known, _)| name == Some(known)) {
        Some((_, read)) => read(config),
        None => Err(refused(config, "", "quant_method", "fp8, mxfp4 or compressed-tensors")),
    }
}

/// Weights in blocks that have a scale each, or whole tensors that have one. Which modules are not
/// quantised is seen from their tensors.
fn fp8(config: &Value) -> Result<Scalings, Invalid> {
    if field(config, "fmt").is_some_and(|fmt| fmt != "e4m3") {
        return Err(refused(config, "", "fmt", "e4m3"));
    }
    if field(config, "activation_scheme").is_some_and(|scheme| !scheme.is_string()) {
        return Err(refused(config, "", "activation_scheme", "a text"));
    }
    for key in ["modules_to_not_convert", "ignored_layers"] {
        let names = |list: &Vec<Value>| list.iter().all(Value::is_string);
        if field(config, key).is_some_and(|list| !list.as_array().is_some_and(names)) {
            return Err(refused(config, "", key, "a list of names"));
        }
    }
    let key = "weight_block_size";
    let (form, end) = match field(config, key) {
        // As the first checkpoints had it, and then the usual ending.
        None => (Scaling::Tensor, SCALE),
        Some(block) => {
            let form = sides(block).map(Scaling::Block);
            (form.ok_or_else(|| refused(config, "", key, SIDES))?, INVERSE_SCALE)
        }
    };
    Ok(Scalings { forms: vec![form], end })
}

const SIDES: &str = "two whole numbers, rows and columns";

/// Rows and columns of a block.
fn sides(block: &Value) -> Option<[usize; 2]> {
    match &block.as_array()?[..] {
        [rows, cols] => Some([side(rows)?, side(cols)?]),
        _ => None,
    }
}

/// Values along one side.
fn side(value: &Value) -> Option<usize> {
    let side = value.as_u64().filter(|side| (1..=MAX_SIDE).contains(side))?;
    usize::try_from(side).ok()
}

/// The error for a key of an object that is at `place`.
fn refused(object: &Value, place: &str, key: &str, expected: &'static str) -> Invalid {
    let found = object.get(key).unwrap_or(&Value::Null).to_string();
    (format!("{place}.{key}"), found, expected)
}

fn field<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}
