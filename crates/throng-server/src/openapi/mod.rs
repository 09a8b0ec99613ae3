//! `GET /openapi.json`: what programs may ask of this server, as an OpenAPI 3.1 document.
//!
//! Requests are read by hand and answers are written by hand, so nothing can be derived. Bounds are
//! the parsers' own constants, words about parameters are those of `API.md`, and every test of the
//! server compares what is asked and answered with the document (`tests/server/support/document.rs`).

mod chats;
mod completions;
mod generation;
mod headers;
mod operation;
mod outcome;
mod paths;
mod refusals;
mod response;
mod responses;
mod schema;
mod server;
mod tokens;
mod tools;
mod turn;
mod words;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use self::schema::Member;
use crate::state::ServerState;

const INTRODUCTION: &str = "The API of [throng](/), in the forms of OpenAI's, with vLLM's parameters \
    beside OpenAI's. In a request `null` counts as absent. A path that is not here gets 404 with \
    the code `unknown_url`, another method 405 with `method_not_allowed`. Every error has the same \
    four members: `message`, `type`, `param` and `code`.";

/// What `API.md` explains besides parameters.
const EXPLAINED: [&str; 5] = [
    "How a token is drawn",
    "Calls of functions",
    "Answers with a form",
    "Responses that are kept",
    "Keys and limits",
];

/// The document of a server that lets everybody in.
static OPEN: LazyLock<String> = LazyLock::new(|| document(false).to_string());
/// The document of a server that asks for keys.
static LOCKED: LazyLock<String> = LazyLock::new(|| document(true).to_string());

/// The route's handler.
pub(crate) async fn show(State(state): State<ServerState>) -> Response {
    let text: &'static str = if state.tenants.need_keys() { &LOCKED } else { &OPEN };
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], text).into_response()
}

/// The document; `locked`: a key is needed.
fn document(locked: bool) -> Value {
    let key = json!({ "key": [] });
    let security = if locked { json!([key]) } else { json!([{}, key]) };
    let explained = EXPLAINED.map(words::section).join("\n\n");
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "throng",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!("{INTRODUCTION}\n\n{explained}"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": security,
        "tags": paths::tags(),
        "paths": paths::paths(),
        "components": {
            "schemas": schemas(),
            "responses": refusals::components(),
            "headers": headers::components(),
            "securitySchemes": { "key": {
                "type": "http",
                "scheme": "bearer",
                "description": "Where the server asks for keys. Elsewhere each key is a tenant.",
            } },
        },
    })
}

fn schemas() -> Map<String, Value> {
    let all: [Vec<Member>; 9] = [
        chats::schemas().into(),
        turn::schemas().into(),
        tools::schemas().into(),
        responses::schemas().into(),
        response::schemas().into(),
        completions::schemas(),
        tokens::schemas().into(),
        server::schemas().into(),
        outcome::schemas().into(),
    ];
    all.into_iter().flatten().map(|(name, schema)| (name.to_owned(), json!(schema))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::document;

    /// All references of a value.
    fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn what_is_explained_is_in_the_documentation() {
        for heading in super::EXPLAINED {
            assert!(super::words::section(heading).lines().count() > 5, "{heading}");
        }
    }

    #[test]
    fn every_component_is_there_and_is_used() {
        let document = document(true);
        let mut used = BTreeSet::new();
        references(&document, &mut used);
        let mut there = BTreeSet::new();
        for kind in ["schemas", "responses", "headers"] {
            let components = document["components"][kind].as_object().unwrap();
            there.extend(components.keys().map(|name| format!("#/components/{kind}/{name}")));
        }
        assert_eq!(used, there.iter().map(String::as_str).collect());
    }
}
