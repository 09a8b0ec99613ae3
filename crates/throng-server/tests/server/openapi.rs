//! `/openapi.json` is the whole API and nothing else. That requests and answers are as it says, every
//! other test sees to (`support/document.rs`).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use throng_server::{ApiKeys, ServerConfig};

use crate::parameters::rows;
use crate::support::document::{document, operation};
use crate::support::responses::{self, PATH as RESPONSES};
use crate::support::{Server, Setup, chat_body};

const ROUTES: &str = include_str!("../../src/routes.rs");
/// Parameters that other parameters bound too, and texts that must be grammars besides.
const BOUND_OTHERWISE: [&str; 4] = ["best_of", "min_tokens", "guided_regex", "guided_grammar"];
/// For people.
const PAGES: [&str; 3] = ["/", "/docs", "/page/{*file}"];
const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";
const TOKENIZE: &str = "/tokenize";
const DETOKENIZE: &str = "/detokenize";

/// Paths and methods of the table of routes.
fn routes() -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    for row in ROUTES.split(".route(\"").skip(1) {
        let (path, handlers) = row.split_once("\", ").unwrap();
        let handlers = handlers.lines().next().unwrap();
        for method in ["get", "post", "delete", "put", "patch"] {
            if handlers.contains(&format!("{method}(")) && !PAGES.contains(&path) {
                routes.insert((path.replace("{*", "{"), method.to_owned()));
            }
        }
    }
    routes
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let server = Server::start();
    let paths = document(server.address)["paths"].as_object().unwrap();
    let documented = paths.iter().flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(|method| (path.clone(), method.clone()))
    });
    let documented: BTreeSet<_> = documented.collect();
    assert!(documented.len() > 9);
    assert_eq!(documented, routes());
    for (path, method) in &documented {
        let id = if path.starts_with(&format!("{RESPONSES}/")) {
            let kept = server.respond("think", json!({ "background": true })).ok();
            kept["id"].as_str().unwrap().to_owned()
        } else {
            "scripted".to_owned()
        };
        let response = server.exchange(&method.to_uppercase(), &path.replace("{id}", &id));
        assert!(![404, 405].contains(&response.status), "{method} {path}: {}", response.status);
    }
}

/// The schema of an endpoint's body.
fn body_of<'a>(document: &'a Value, path: &str) -> &'a Value {
    let operation = operation(document, "POST", path).unwrap();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    document.pointer(schema["$ref"].as_str().unwrap().strip_prefix('#').unwrap()).unwrap()
}

/// What is refused whatever it is must not be in the document; what is refused unless it means "no"
/// must be there as that.
fn check_parameters(path: &str, schema: &Value, rows: Vec<(&str, &str, &str)>) {
    let members = schema["properties"].as_object().unwrap();
    let mut wanted = BTreeSet::new();
    for (name, state, remark) in rows {
        match state {
            "honoured" | "accepted" => {}
            "refused" if remark.starts_with("unless") => {
                assert!(members[name]["enum"].is_array(), "{name} of {path}");
            }
            _ => continue,
        }
        wanted.insert(name);
        let says = members[name]["description"].as_str().unwrap_or_default();
        assert!(!says.is_empty() || (remark.is_empty() && state != "accepted"), "{name} of {path}");
    }
    let documented: BTreeSet<&str> = members.keys().map(String::as_str).collect();
    assert_eq!(documented, wanted, "{path}");
}

#[test]
fn the_document_has_the_parameters_of_the_tables_and_no_others() {
    let server = Server::start();
    let document = document(server.address);
    for (path, headings) in [
        (CHAT, &["Both endpoints", "Chats alone"][..]),
        (COMPLETIONS, &["Both endpoints", "Completions alone"]),
        (RESPONSES, &["Responses"]),
        (DETOKENIZE, &["Text of tokens"]),
    ] {
        let rows = headings.iter().flat_map(|heading| rows(heading)).collect();
        check_parameters(path, body_of(document, path), rows);
    }
    let forms = body_of(document, TOKENIZE)["anyOf"].as_array().unwrap();
    assert_eq!(forms.len(), 2);
    check_parameters(TOKENIZE, &forms[0], rows("Tokens of a text"));
    check_parameters(TOKENIZE, &forms[1], rows("Tokens of a conversation"));
}

/// Values just within a parameter's bounds, and just outside.
fn edges(schema: &Value) -> (Vec<Value>, Vec<Value>) {
    let whole = schema["type"].to_string().contains("integer");
    let step = |by: i64| {
        move |edge: &Value| match edge.as_i64() {
            Some(edge) if whole => edge.checked_add(by).map(Value::from),
            _ => {
                edge.as_f64().map(|edge| Value::from(edge + by as f64 * 1e-6 * edge.abs().max(1.0)))
            }
        }
    };
    let (mut within, mut outside) = (Vec::new(), Vec::new());
    for (keyword, by) in [("minimum", -1), ("maximum", 1)] {
        within.extend(schema.get(keyword).cloned());
        outside.extend(schema.get(keyword).and_then(step(by)));
    }
    if let Some(edge) = schema.get("exclusiveMinimum") {
        within.extend(step(1)(edge));
        outside.push(edge.clone());
    }
    for (keyword, least) in [("minLength", true), ("maxLength", false)] {
        let Some(edge) = schema[keyword].as_u64() else { continue };
        let text = |length: u64| Value::from("x".repeat(length.try_into().unwrap()));
        within.push(text(edge));
        outside.push(text(if least { edge - 1 } else { edge + 1 }));
    }
    (within, outside)
}

fn check_bounds(path: &str) {
    let server = Server::start();
    let members = body_of(document(server.address), path)["properties"].as_object().unwrap();
    let mut tried = 0;
    for (name, schema) in members {
        let (within, outside) = edges(schema);
        let refusal = |value: &Value| {
            let mut body = match path {
                CHAT => chat_body("think", json!({ "logprobs": true })),
                RESPONSES => responses::body(json!("think"), json!({})),
                _ => json!({ "model": "scripted", "prompt": "Once", "temperature": 0 }),
            };
            body[name] = value.clone();
            let response = server.post(path, &body);
            (response.status == 400).then(|| response.error(400))
        };
        for value in within.iter().filter(|_| !BOUND_OTHERWISE.contains(&name.as_str())) {
            let refused = refusal(value);
            assert!(refused.is_none(), "{name} {value}: {refused:?}");
            tried += 1;
        }
        for value in &outside {
            let error = refusal(value).unwrap_or_else(|| panic!("{name} may be {value}"));
            assert_eq!((&error["param"], &error["code"]), (&json!(name), &json!("invalid_value")));
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn the_bounds_of_chats_are_those_of_the_document() {
    check_bounds(CHAT);
}

#[test]
fn the_bounds_of_completions_are_those_of_the_document() {
    check_bounds(COMPLETIONS);
}

#[test]
fn the_bounds_of_responses_are_those_of_the_document() {
    check_bounds(RESPONSES);
}

#[test]
fn the_document_needs_no_key_and_no_model_and_says_who_does() {
    let keys = ApiKeys::parse("sk-one alice").unwrap();
    let server = ServerConfig { api_keys: Some(keys), ..Setup::default().server };
    let (locked, loaded) = Server::loading(Setup { server, ..Setup::default() });
    let document = locked.get("/openapi.json").ok();
    assert_eq!(document["openapi"], "3.1.1");
    assert_eq!(document["security"], json!([{ "key": [] }]));
    let open: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, operations)| operations["get"]["security"] == json!([]))
        .map(|(path, _)| path.as_str())
        .collect();
    assert_eq!(open, ["/health", "/version", "/metrics", "/openapi.json"]);
    drop(loaded);
    locked.wait_until_ready();
    let without_key = |path: &&str| locked.get(path).status;
    assert!(open.iter().map(without_key).all(|status| status == 200));
    assert_eq!(locked.get("/v1/models").status, 401);
    let everybodys = Server::start().get("/openapi.json").ok();
    assert_eq!(everybodys["security"], json!([{}, { "key": [] }]));
}
