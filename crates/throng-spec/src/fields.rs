//! Typed and bounded reading of a JSON object's fields. A null counts as absent.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::config::ConfigError;

/// A JSON object whose fields are read one by one.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    /// Prefix of the keys in errors: empty, or the outer key and a dot.
    prefix: String,
}

impl<'a> Fields<'a> {
    /// The fields of a whole file.
    pub(crate) fn new(value: &'a Value) -> Result<Self, ConfigError> {
        let object =
            value.as_object().ok_or_else(|| ConfigError::NotAnObject { found: quote(value) })?;
        Ok(Self { object, prefix: String::new() })
    }

    /// The object under `key`, if the key is there.
    pub(crate) fn object(&self, key: &str) -> Result<Option<Self>, ConfigError> {
        self.get(key)
            .map(|value| {
                let object =
                    value.as_object().ok_or_else(|| self.invalid(key, value, "an object"))?;
                Ok(Self { object, prefix: format!("{}{key}.", self.prefix) })
            })
            .transpose()
    }

    /// The value under `key`, unless absent or null.
    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        self.object.get(key).filter(|value| !value.is_null())
    }

    /// A whole number within `bounds`.
    pub(crate) fn size(
        &self,
        key: &str,
        bounds: RangeInclusive<usize>,
    ) -> Result<usize, ConfigError> {
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let value = self.get(key).ok_or_else(|| self.missing(key, &expected))?;
        value
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| self.invalid(key, value, &expected))
    }

    /// The same, or `default` where the key is absent.
    pub(crate) fn size_or(
        &self,
        key: &str,
        default: usize,
        bounds: RangeInclusive<usize>,
    ) -> Result<usize, ConfigError> {
        if self.get(key).is_some() { self.size(key, bounds) } else { Ok(default) }
    }

    /// A number within `bounds` (so neither infinite nor NaN), or `default` where the key is absent.
    pub(crate) fn float_or(
        &self,
        key: &str,
        default: Option<f32>,
        bounds: RangeInclusive<f32>,
    ) -> Result<f32, ConfigError> {
        let expected = format!("a number from {:e} to {:e}", bounds.start(), bounds.end());
        let Some(value) = self.get(key) else {
            return default.ok_or_else(|| self.missing(key, &expected));
        };
        value
            .as_f64()
            .map(|number| number as f32)
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| self.invalid(key, value, &expected))
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Result<&'a str, ConfigError> {
        let value = self.get(key).ok_or_else(|| self.missing(key, "a text"))?;
        value.as_str().ok_or_else(|| self.invalid(key, value, "a text"))
    }

    /// A truth value, or `default` where the key is absent.
    pub(crate) fn flag_or(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        self.get(key).map_or(Ok(default), |value| {
            value.as_bool().ok_or_else(|| self.invalid(key, value, "true or false"))
        })
    }

    /// Refuses every value under `key` but `only`; absence is fine. For switches of the
    /// architecture's reference code that nothing here implements another position of.
    pub(crate) fn only(&self, key: &str, only: &Value) -> Result<(), ConfigError> {
        match self.get(key) {
            // Numbers by value, because 1 and 1.0 differ as JSON.
            Some(value)
                if value != only && (!only.is_number() || value.as_f64() != only.as_f64()) =>
            {
                Err(self.invalid(key, value, &quote(only)))
            }
            _ => Ok(()),
        }
    }

    /// The error for a key that is not there.
    pub(crate) fn missing(&self, key: &str, expected: &str) -> ConfigError {
        let key = format!("{}{key}", self.prefix);
        ConfigError::Missing { key, expected: expected.to_owned() }
    }

    /// The error for a value that cannot be used.
    pub(crate) fn invalid(&self, key: &str, found: &Value, expected: &str) -> ConfigError {
        let key = format!("{}{key}", self.prefix);
        ConfigError::Invalid { key, found: quote(found), expected: expected.to_owned() }
    }
}

/// A value for an error message: as JSON, on one line, cut short when long.
pub(crate) fn quote(value: &Value) -> String {
    const MAX_CHARACTERS: usize = 40;
    match value {
        Value::Array(items) => return format!("a list of {}", items.len()),
        Value::Object(_) => return "an object".to_owned(),
        _ => {}
    }
    let text = value.to_string();
    match text.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
