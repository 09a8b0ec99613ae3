//! The metadata of a GGUF file, read key by key.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::value::Value;
use crate::error::CheckpointError;

/// Keys and values, and the file to name when one cannot be used.
pub(crate) struct Metadata<'a> {
    pub(crate) values: HashMap<&'a str, Value<'a>>,
    pub(crate) file: &'a str,
}

impl<'a> Metadata<'a> {
    /// How messages name the file.
    pub(super) fn file(&self) -> String {
        self.file.to_owned()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.values.get(key)
    }

    /// A text, where the key is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, CheckpointError> {
        self.typed(key, "a text", Value::text)
    }

    /// A truth value, where the key is there.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, CheckpointError> {
        self.typed(key, "true or false", |value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        })
    }

    /// A number below `limit`, where the key is there.
    pub(super) fn index(&self, key: &str, limit: usize) -> Result<Option<usize>, CheckpointError> {
        self.typed(key, &format!("a whole number below {limit}"), |value| {
            let index = usize::try_from(value.unsigned()?).ok()?;
            (index < limit).then_some(index)
        })
    }

    /// Any value as JSON, where the key is there. It has no infinity and no NaN, and null would count
    /// as absent.
    pub(super) fn json(&self, key: &str) -> Result<Option<Json>, CheckpointError> {
        self.typed(key, "a finite number", |value| {
            Some(value.to_json()).filter(|json| !json.is_null())
        })
    }

    /// Texts, where the key is there.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, CheckpointError> {
        self.typed(key, "a list of texts", |value| {
            value.list()?.iter().map(Value::text).collect::<Option<_>>()
        })
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, CheckpointError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.invalid(key, &quote(value), expected))
    }

    /// Refuses every value but `only`; absence is fine.
    pub(super) fn only(&self, key: &str, only: &Json) -> Result<(), CheckpointError> {
        match self.get(key) {
            Some(value) if value.to_json() != *only => {
                Err(self.invalid(key, &quote(value), &only.to_string()))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn missing(&self, key: &str) -> CheckpointError {
        self.invalid(key, "missing", "every file to have it")
    }

    pub(super) fn invalid(&self, key: &str, found: &str, expected: &str) -> CheckpointError {
        CheckpointError::Invalid {
            file: self.file(),
            key: key.to_owned(),
            found: found.to_owned(),
            expected: expected.to_owned(),
        }
    }
}

/// A value for a message.
fn quote(value: &Value<'_>) -> String {
    match value {
        Value::List(elements) => format!("a list of {}", elements.len()),
        Value::Float(number) => number.to_string(),
        value => value.to_json().to_string().chars().take(60).collect(),
    }
}
