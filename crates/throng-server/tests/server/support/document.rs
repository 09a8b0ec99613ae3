//! Every request of these tests and its response, compared with what `/openapi.json` says of them.

use std::net::SocketAddr;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::http::{Response, exchange};
use super::schemas::flaw;

/// Refusals of what no body of the schema can be. Other codes are also for what a schema cannot say.
const SAID_BY_THE_SCHEMA: [&str; 3] =
    ["invalid_type", "missing_required_parameter", "unknown_parameter"];

/// How headers begin that not every server has.
const OWN_HEADERS: [&str; 3] = ["x-", "retry-", "www-"];
/// The only path whose variable part may have slashes.
const WITH_SLASHES: &str = "/v1/models/{id}";

/// The document of the first server that a test asks; all have the same but for who may ask.
static DOCUMENT: OnceLock<Value> = OnceLock::new();

/// The document.
pub fn document(address: SocketAddr) -> &'static Value {
    DOCUMENT.get_or_init(|| exchange(address, "GET", "/openapi.json", &[], b"").ok())
}

/// Whatever is asked of a documented operation, and answered by it, must be as documented.
pub fn compare(address: SocketAddr, method: &str, path: &str, body: &[u8], response: &Response) {
    let document = document(address);
    let Some(operation) = operation(document, method, path) else { return };
    let what = format!("{method} {path}: {}", response.status);
    let said = &operation["responses"][response.status.to_string()];
    assert!(said.is_object(), "{what} is not in the document");
    compare_answer(&what, &closed(document, said), response);
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    if let (false, Ok(body)) = (schema.is_null(), serde_json::from_slice::<Value>(body)) {
        compare_body(&what, &inlined(document, schema), &body, response);
    }
}

/// The operation that a request is for.
pub fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let path = path.split('?').next().unwrap();
    let paths = document["paths"].as_object().unwrap();
    let (_, operations) = paths.iter().find(|(pattern, _)| is_of(path, pattern))?;
    operations.get(method.to_lowercase())
}

/// Whether a path is of a pattern.
fn is_of(path: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('{') else { return path == pattern };
    let (_, after) = after.split_once('}').unwrap();
    let part = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let may_be = |part: &str| !part.is_empty() && (pattern == WITH_SLASHES || !part.contains('/'));
    part.is_some_and(may_be)
}

fn compare_answer(what: &str, said: &Value, response: &Response) {
    let media_type = response.header("Content-Type").unwrap_or_default();
    let schema = &said["content"][media_type]["schema"];
    assert!(!schema.is_null(), "{what} of the type {media_type:?} is not in the document");
    let flaw = match media_type {
        "application/json" => flaw(schema, &serde_json::from_slice(&response.body).unwrap()),
        "text/event-stream" => events(response.text()).find_map(|event| flaw(schema, &event)),
        _ => flaw(schema, &Value::from(response.text())),
    };
    assert_eq!(flaw, None, "{what} is not as documented: {}", response.text());
    compare_headers(what, &said["headers"], response);
}

/// The events of a stream, each as an object of its fields.
fn events(stream: &str) -> impl Iterator<Item = Value> {
    let field = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        // A comment has no name.
        (!name.is_empty()).then(|| (name.to_owned(), Value::from(value)))
    };
    let events = stream.split_terminator("\n\n");
    let events = events.map(move |event| event.lines().filter_map(field).collect::<Map<_, _>>());
    events.filter(|event| !event.is_empty()).map(Value::Object)
}

/// What must be there is there, and of what only this API has, nothing else.
fn compare_headers(what: &str, said: &Value, response: &Response) {
    let said = said.as_object().unwrap();
    for (name, header) in said {
        let Some(value) = response.header(name) else {
            assert_ne!(header["required"], true, "{what} has no {name}");
            continue;
        };
        let schema = &header["schema"];
        let value = match value.parse::<u64>() {
            Ok(number) if schema["type"] == "integer" => json!(number),
            _ => json!(value),
        };
        assert_eq!(flaw(schema, &value), None, "{what}: {name}");
    }
    let is_said = |name: &str| said.keys().any(|own| own.eq_ignore_ascii_case(name));
    for name in response.header_names() {
        let own = OWN_HEADERS.iter().any(|start| name.to_lowercase().starts_with(start));
        assert!(!own || is_said(name), "{what} has {name}");
    }
}

/// Who is answered has asked for what the document allows; who is refused for the form of the body
/// has not.
fn compare_body(what: &str, schema: &Value, body: &Value, response: &Response) {
    let flaw = flaw(schema, body);
    if response.status == 200 {
        assert_eq!(flaw, None, "{what} for what the document forbids: {body}");
    }
    if response.status != 400 {
        return;
    }
    let error = response.error(400);
    // To JSON Schema 1.0 is an integer, to this API as to OpenAI's it is none.
    let of_a_fraction = error["message"].as_str().unwrap().ends_with("a fraction");
    if SAID_BY_THE_SCHEMA.iter().any(|code| error["code"] == *code) && !of_a_fraction {
        assert!(flaw.is_some(), "{what} for what the document allows: {body}: {error}");
    }
}

/// A part of the document about answers without references. What it does not speak of, nobody sends.
fn closed(document: &Value, part: &Value) -> Value {
    let mut part = inlined(document, part);
    close(&mut part);
    part
}

fn close(part: &mut Value) {
    match part {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.get("type") == Some(&json!("object")) && members.contains_key("properties") {
                members.entry("additionalProperties").or_insert(Value::Bool(false));
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}

/// A part of the document with what it refers to in the place of its references.
fn inlined(document: &Value, part: &Value) -> Value {
    match part {
        Value::Object(members) => {
            let mut whole: Map<String, Value> = Map::new();
            for (name, member) in members {
                if name == "$ref" {
                    let place = member.as_str().unwrap().strip_prefix('#').unwrap();
                    let referred = inlined(document, document.pointer(place).unwrap());
                    whole.extend(referred.as_object().unwrap().clone());
                } else {
                    whole.insert(name.clone(), inlined(document, member));
                }
            }
            Value::Object(whole)
        }
        Value::Array(parts) => parts.iter().map(|part| inlined(document, part)).collect(),
        other => other.clone(),
    }
}
