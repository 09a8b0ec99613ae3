//! What a checkpoint's `generation_config.json` says of sampling.

use serde_json::Value;

use crate::error::CheckpointError;
use crate::files::Files;

const FILE: &str = "generation_config.json";
const STOP_KEY: &str = "eos_token_id";

/// Defaults of sampling that the model's makers recommend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generation {
    /// 0 where `do_sample` is false; `None` where the file does not say.
    pub temperature: Option<f32>,
    /// Nucleus.
    pub top_p: Option<f32>,
    /// Number of candidates.
    pub top_k: Option<usize>,
    /// `eos_token_id`: one or several.
    pub stop_tokens: Vec<u32>,
}

impl Generation {
    /// Reads the file, which may be absent; `config` is the content of `config.json`, where older
    /// checkpoints keep their stop tokens.
    pub(crate) fn read(
        files: &Files<'_>,
        config: &Value,
        vocab: usize,
    ) -> Result<Self, CheckpointError> {
        let own = files.json(FILE)?;
        let invalid = |(key, found, expected): Invalid| CheckpointError::Invalid {
            file: files.label(if own.is_some() { FILE } else { "config.json" }),
            key: key.to_owned(),
            found: found.chars().take(60).collect(),
            expected: expected.to_owned(),
        };
        match &own {
            Some(own) => Self::parse(own, config, vocab),
            None => Self::parse(&Value::Object(serde_json::Map::new()), config, vocab),
        }
        .map_err(invalid)
    }

    /// The same of the JSON in both.
    pub(crate) fn parse(own: &Value, config: &Value, vocab: usize) -> Result<Self, Invalid> {
        if !own.is_object() {
            return Err(("the file", own.to_string(), "a JSON object"));
        }
        let mut temperature = number(own, "temperature", "a number from 0 to 100", |value| {
            (0.0..=100.0).contains(&value)
        })?;
        if field(own, "do_sample") == Some(&Value::Bool(false)) {
            temperature = Some(0.0);
        }
        let top_p = number(own, "top_p", "a number above 0, at most 1", |value| {
            value > 0.0 && value <= 1.0
        })?;
        let top_k = field(own, "top_k")
            .map(|value| {
                let count = value.as_u64().and_then(|count| usize::try_from(count).ok());
                count.ok_or(("top_k", value.to_string(), "a whole number"))
            })
            .transpose()?;
        let stop = field(own, STOP_KEY).or_else(|| field(config, STOP_KEY));
        let stop_tokens = stop.map_or(Ok(Vec::new()), |value| stop_tokens(value, vocab))?;
        Ok(Self { temperature, top_p, top_k, stop_tokens })
    }
}

/// Key, found and expected.
pub(crate) type Invalid = (&'static str, String, &'static str);

fn field<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn number(
    object: &Value,
    key: &'static str,
    expected: &'static str,
    holds: impl Fn(f32) -> bool,
) -> Result<Option<f32>, Invalid> {
    field(object, key)
        .map(|value| {
            let number = value.as_f64().map(|number| number as f32).filter(|&number| holds(number));
            number.ok_or((key, value.to_string(), expected))
        })
        .transpose()
}

fn stop_tokens(value: &Value, vocab: usize) -> Result<Vec<u32>, Invalid> {
    let ids = match value {
        Value::Array(ids) => ids.as_slice(),
        one => std::slice::from_ref(one),
    };
    ids.iter()
        .map(|id| {
            id.as_u64()
                .filter(|&id| id < vocab as u64)
                .and_then(|id| u32::try_from(id).ok())
                .ok_or((STOP_KEY, id.to_string(), "token ids within the vocabulary"))
        })
        .collect()
}
