//! What tests of `/v1/responses` share.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Server, http, merge};

pub const PATH: &str = "/v1/responses";

/// A request with other members added.
pub fn body(input: Value, members: Value) -> Value {
    let mut body = json!({ "model": "scripted", "input": input, "temperature": 0 });
    merge(&mut body, members);
    body
}

impl Server {
    pub fn respond(&self, input: impl Into<Value>, members: Value) -> http::Response {
        self.post(PATH, &body(input.into(), members))
    }

    pub fn retrieve(&self, id: &Value, rest: &str) -> http::Response {
        self.get(&format!("{PATH}/{}{rest}", id.as_str().unwrap()))
    }
}

/// The events of a stream, after a check of their names and numbers.
pub fn events(response: &http::Response) -> Vec<Value> {
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("Content-Type"), Some("text/event-stream"));
    let text = response.text();
    assert!(text.is_empty() || text.ends_with("\n\n"));
    let events: Vec<Value> = text
        .split_terminator("\n\n")
        .map(|event| {
            let (name, data) = event.split_once('\n').unwrap();
            let data: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: "), data["type"].as_str());
            data
        })
        .collect();
    let first = events.first().map_or(0, |event| event["sequence_number"].as_u64().unwrap());
    for (number, event) in (first..).zip(&events) {
        assert_eq!(event["sequence_number"], number);
    }
    events
}

/// Events line by line, with what differs from run to run put out of the way: seconds are 0, and
/// names are numbered in the order in which they come.
pub fn masked(events: &[Value]) -> String {
    let mut names = HashMap::new();
    let mut lines = String::new();
    for event in events {
        let mut event = event.clone();
        mask(&mut event, &mut names);
        lines.push_str(&format!("{event}\n"));
    }
    lines
}

fn mask(value: &mut Value, names: &mut HashMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members.iter_mut() {
                if key.ends_with("_at") && value.is_number() {
                    *value = json!(0);
                }
                mask(value, names);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask(value, names)),
        Value::String(text) => {
            let kind = ["resp_", "msg_", "rs_", "fc_", "fco_", "call_"]
                .into_iter()
                .find(|kind| text.starts_with(kind) && text.len() > 16);
            if let Some(kind) = kind {
                let number = names.len() + 1;
                let name = names.entry(text.clone()).or_insert_with(|| format!("{kind}{number}"));
                text.clone_from(name);
            }
        }
        _ => {}
    }
}

/// A function as this endpoint has it.
pub fn calculator() -> Value {
    json!({
        "type": "function",
        "name": "calculator",
        "description": "Evaluates an arithmetic expression.",
        "parameters": { "type": "object", "properties": { "expression": { "type": "string" } } },
        "strict": false,
    })
}
