//! A JSON object whose members are taken out one by one, each checked, until none may be left.
//!
//! A derived deserialiser names neither the path of a mistyped member nor a member that it does
//! not know; OpenAI's errors name both.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::json_size;

/// The members of an object that are not dealt with yet. `null` counts as absent everywhere.
#[derive(Debug)]
pub(crate) struct Fields {
    /// Where the object is, as errors name it; empty for the body itself.
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    /// The body of a request.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(body)
            .map_err(|error| ApiError::malformed(format!("The body is not UTF-8: {error}")))?;
        json_size::check(text)?;
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => Ok(Self { path: String::new(), members }),
            Ok(_) => Err(ApiError::malformed("The body must be a JSON object")),
            Err(error) => Err(ApiError::malformed(format!("The body is not JSON: {error}"))),
        }
    }

    /// The object at `path`.
    pub(crate) fn object(path: String, value: Value) -> Result<Self, ApiError> {
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            other => Err(ApiError::mistyped(&path, "an object", &other)),
        }
    }

    /// How errors name a member.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether a member is there, and not taken yet.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.members.get(key).is_some_and(|value| !value.is_null())
    }

    /// Any value.
    pub(crate) fn value(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key).filter(|value| !value.is_null())
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, key: &str) -> Result<Option<bool>, ApiError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(ApiError::mistyped(&self.path(key), "a boolean", &other)),
        }
    }

    /// Text.
    pub(crate) fn string(&mut self, key: &str) -> Result<Option<String>, ApiError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(value)) => Ok(Some(value)),
            Some(other) => Err(ApiError::mistyped(&self.path(key), "a string", &other)),
        }
    }

    /// A number within the range.
    pub(crate) fn number(
        &mut self,
        key: &str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let path = self.path(key);
        let number = value.as_f64().ok_or_else(|| ApiError::mistyped(&path, "a number", &value))?;
        if !range.contains(&number) {
            let (low, high) = range.into_inner();
            let message = format_args!("must be between {low} and {high}, not {number}");
            return Err(ApiError::invalid(&path, message));
        }
        Ok(Some(number))
    }

    /// A whole number within the range.
    pub(crate) fn integer(
        &mut self,
        key: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let path = self.path(key);
        if !value.is_i64() && !value.is_u64() {
            return Err(ApiError::mistyped(&path, "an integer", &value));
        }
        match value.as_i64().filter(|integer| range.contains(integer)) {
            Some(integer) => Ok(Some(integer)),
            None => {
                let (low, high) = range.into_inner();
                let message = format_args!("must be between {low} and {high}, not {value}");
                Err(ApiError::invalid(&path, message))
            }
        }
    }

    /// A whole number within the range that counts something.
    pub(crate) fn count(
        &mut self,
        key: &str,
        range: RangeInclusive<u32>,
    ) -> Result<Option<usize>, ApiError> {
        let (low, high) = range.into_inner();
        let integer = self.integer(key, i64::from(low)..=i64::from(high))?;
        Ok(integer.map(|integer| usize::try_from(integer).expect("within u32, and not negative")))
    }

    /// A list, with each element's path.
    pub(crate) fn array(
        &mut self,
        key: &str,
    ) -> Result<Option<impl Iterator<Item = (String, Value)> + use<>>, ApiError> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Array(values)) => {
                let path = self.path(key);
                Ok(Some(elements(path, values)))
            }
            Some(other) => Err(ApiError::mistyped(&self.path(key), "an array", &other)),
        }
    }

    /// The same for a list of at most so many.
    pub(crate) fn list(
        &mut self,
        key: &str,
        most: usize,
    ) -> Result<Option<impl Iterator<Item = (String, Value)> + use<>>, ApiError> {
        if self.members.get(key).and_then(Value::as_array).is_some_and(|all| all.len() > most) {
            let message = format_args!("has more than {most} entries");
            return Err(ApiError::invalid(&self.path(key), message));
        }
        self.array(key)
    }

    /// An object inside this one.
    pub(crate) fn fields(&mut self, key: &str) -> Result<Option<Self>, ApiError> {
        self.value(key).map(|value| Self::object(self.path(key), value)).transpose()
    }

    /// The names of all members, in order.
    pub(crate) fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The object, unread.
    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.members)
    }

    /// A member that must be there.
    pub(crate) fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, ApiError> {
        value.ok_or_else(|| ApiError::missing(&self.path(key)))
    }

    /// Takes members that may be there and change nothing.
    pub(crate) fn ignore(&mut self, keys: &[&str]) {
        for key in keys {
            self.members.remove(*key);
        }
    }

    /// Takes members that are known and not honoured: one that is there and differs from the
    /// value that means "no" is refused.
    pub(crate) fn refuse(&mut self, keys: &[(&str, Value, &str)]) -> Result<(), ApiError> {
        for (key, neutral, why) in keys {
            if self.value(key).is_some_and(|value| !same(&value, neutral)) {
                return Err(ApiError::unsupported(&self.path(key), why));
            }
        }
        Ok(())
    }

    /// Refuses what is left.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        match self.members.iter().find(|(_, value)| !value.is_null()) {
            Some((key, _)) => Err(ApiError::unknown(&self.path(key))),
            None => Ok(()),
        }
    }
}

/// The elements of a list with their paths.
pub(crate) fn elements(path: String, values: Vec<Value>) -> impl Iterator<Item = (String, Value)> {
    values.into_iter().enumerate().map(move |(index, value)| (format!("{path}[{index}]"), value))
}

/// Equality that does not tell 0 from 0.0.
fn same(left: &Value, right: &Value) -> bool {
    match (left.as_f64(), right.as_f64()) {
        (Some(left), Some(right)) => left == right,
        _ => left == right,
    }
}
