//! Headers of answers.

use serde_json::{Map, Value, json};

use super::schema::{Schema, amount, text};
use crate::exchange::REQUEST_ID;
use crate::rate_limits;

/// What all rows of the limits have in common, as API.md has it at more length.
const OF_A_LIMIT: &str = "For a key with limits: ";

/// The components.
pub(super) fn components() -> Map<String, Value> {
    let id = "The request's name: the client's own, or a new one.";
    let limits = rate_limits::HEADERS.map(|name| (name, limit(name)));
    [(REQUEST_ID, header(id, true, text()))]
        .into_iter()
        .chain(limits)
        .map(|(name, header)| (name.to_owned(), header))
        .collect()
}

/// A header with what it says.
pub(super) fn header(words: &str, required: bool, schema: Schema) -> Value {
    json!({ "description": words, "required": required, "schema": schema })
}

/// Those of an answer; `to_a_key`: it may be one to a key with limits.
pub(super) fn references(to_a_key: bool) -> Map<String, Value> {
    let limits = rate_limits::HEADERS.into_iter().filter(|_| to_a_key);
    [REQUEST_ID]
        .into_iter()
        .chain(limits)
        .map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") })))
        .collect()
}

fn limit(name: &str) -> Value {
    let of = if name.ends_with("tokens") { "tokens" } else { "requests" };
    let (words, schema) = if name.contains("-reset-") {
        (format!("{OF_A_LIMIT}until all {of} are there again, such as `1m12.5s`."), text())
    } else if name.contains("-remaining-") {
        (format!("{OF_A_LIMIT}{of} that may be used now."), amount())
    } else {
        (format!("{OF_A_LIMIT}{of} a minute."), amount())
    };
    header(&words, false, schema)
}
