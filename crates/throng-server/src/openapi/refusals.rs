//! The responses other than 200: a row of the table for each status of `error.rs` and its meaning,
//! with the codes that it comes with.

use serde_json::{Map, Value, json};

use super::headers::{self, header};
use super::schema::{amount, named, text};

/// A status, the name of its component, what it means, and its codes.
type Refusal = (u16, &'static str, &'static str, &'static [&'static str]);

const REFUSALS: [Refusal; 14] = [
    (
        400,
        "BadRequest",
        "The body is no JSON object, one of its parameters cannot be what it is, or it refers to what \
         is not there; `param` names it.",
        &[
            "invalid_json",
            "invalid_type",
            "invalid_value",
            "missing_required_parameter",
            "unknown_parameter",
            "unsupported_parameter",
            "context_length_exceeded",
            "previous_response_not_found",
            "item_not_found",
        ],
    ),
    (
        400,
        "BadQuery",
        "A parameter of the query cannot be what it is; `param` names it.",
        &["invalid_json", "invalid_value", "unknown_parameter", "item_not_found"],
    ),
    (
        400,
        "NotInBackground",
        "The response was written for the client that asked for it, and is over.",
        &["not_in_background"],
    ),
    (
        401,
        "Unauthorized",
        "The server asks for keys, and this is none of them.",
        &["invalid_api_key"],
    ),
    (403, "Forbidden", "The request calls the server by another's name.", &["host_not_allowed"]),
    (
        404,
        "ModelNotFound",
        "No model of this name is served, or not for this key.",
        // What is no text names nothing.
        &["model_not_found", "unknown_url"],
    ),
    (
        404,
        "ResponseNotFound",
        "No response of this id is kept for whoever asks.",
        &["response_not_found", "model_not_found"],
    ),
    (408, "BodyTimeout", "The body did not arrive in time.", &["request_timeout"]),
    (413, "BodyTooLarge", "The body is larger than the server reads.", &["request_too_large"]),
    (415, "NotJson", "The body does not say that it is JSON.", &["unsupported_media_type"]),
    (
        429,
        "TooManyRequests",
        "Too many requests wait already, or the key's limits of a minute are reached.",
        &["queue_full", "rate_limit_exceeded", "too_many_in_background"],
    ),
    (500, "InternalError", "The server's own fault, or the model's.", &["internal_error"]),
    (
        503,
        "Unavailable",
        "The model is still loading, or the server is about to end.",
        &["model_loading", "service_unavailable"],
    ),
    (
        504,
        "TimedOut",
        "The answer was not complete within the request's `timeout`.",
        &["deadline_exceeded"],
    ),
];

const RETRY_AFTER: &str = "Seconds after which the request may succeed.";

/// Headers by status, with what they say.
const HEADERS: [(u16, &str, bool, &str); 5] = [
    (401, "WWW-Authenticate", true, "How to say who asks: `Bearer`."),
    (429, "Retry-After", false, RETRY_AFTER),
    (
        429,
        "x-should-retry",
        false,
        "`false`: the limits allow no such request, however long one waits.",
    ),
    (503, "Retry-After", false, RETRY_AFTER),
    (504, "x-should-retry", true, "`false`: OpenAI's clients would only be late again."),
];

/// The components.
pub(super) fn components() -> Map<String, Value> {
    REFUSALS.iter().map(|refusal| (refusal.1.to_owned(), response(refusal))).collect()
}

/// The status of a component, and a reference to it.
///
/// # Panics
/// No row has that name: our own mistake, which every test would meet.
pub(super) fn reference(name: &str) -> (u16, Value) {
    let row = REFUSALS.iter().find(|refusal| refusal.1 == name);
    let (status, ..) = row.expect("operations name components of the table");
    (*status, json!({ "$ref": format!("#/components/responses/{name}") }))
}

fn response((status, _, meaning, codes): &Refusal) -> Value {
    let code =
        json!({ "properties": { "error": { "properties": { "code": { "enum": codes } } } } });
    let schema = json!({ "allOf": [named("Error"), code] });
    // Before it is known who asks there are no limits.
    let mut headers = headers::references(![401, 403].contains(status));
    for (_, name, required, words) in HEADERS.into_iter().filter(|(of, ..)| of == status) {
        let schema = if name == "Retry-After" { amount().with("minimum", 1) } else { text() };
        headers.insert(name.to_owned(), header(words, required, schema));
    }
    json!({
        "description": meaning,
        "headers": headers,
        "content": { "application/json": { "schema": schema } },
    })
}
