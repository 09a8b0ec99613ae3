//! `layer_types` of `config.json`: which layers see a sliding window only.

use serde_json::Value;

use crate::config::ConfigError;
use crate::fields::{Fields, quote};

const KEY: &str = "layer_types";

/// Whether each of `count` layers has the window; where the key is absent, as `default` says.
pub(crate) fn windowed(
    config: &Fields<'_>,
    count: usize,
    default: impl Fn(usize) -> bool,
) -> Result<Vec<bool>, ConfigError> {
    let Some(value) = config.get(KEY) else { return Ok((0..count).map(default).collect()) };
    let expected = format!("a list with the name of each layer's kind, {count} in all");
    let names = value
        .as_array()
        .filter(|names| names.len() == count)
        .ok_or_else(|| config.invalid(KEY, value, &expected))?;
    names.iter().map(|name| is_windowed(config, name)).collect()
}

fn is_windowed(config: &Fields<'_>, name: &Value) -> Result<bool, ConfigError> {
    match name.as_str() {
        Some("sliding_attention") => Ok(true),
        Some("full_attention") => Ok(false),
        _ => {
            let found = Value::from(format!("an entry {}", quote(name)));
            Err(config.invalid(KEY, &found, "sliding_attention or full_attention"))
        }
    }
}
