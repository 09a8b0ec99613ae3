//! `POST /v1/responses`: which functions may be called, and which must.

use serde_json::{Value, json};

use crate::support::responses::calculator;
use crate::support::{Server, Setup};

#[test]
fn functions_that_may_not_be_called_are_not_told() {
    let server = Server::start();
    let other = json!({ "type": "function", "name": "other" });
    let tokens = |tools: Value, choice: Value| {
        let body = server.respond("list", json!({ "tools": tools, "tool_choice": choice })).ok();
        assert_eq!(body["tool_choice"], choice);
        assert_eq!(body["tools"].as_array().unwrap().len(), tools.as_array().unwrap().len());
        body["usage"]["input_tokens"].as_u64().unwrap()
    };
    let both = json!([calculator(), other]);
    assert_eq!(tokens(both.clone(), allowed("auto")), tokens(both.clone(), json!("auto")));
    assert_eq!(tokens(both, json!("none")), tokens(json!([]), json!("auto")));
}

/// A choice of the calculator alone.
fn allowed(mode: &str) -> Value {
    let tools = [json!({ "type": "function", "name": "calculator" })];
    json!({ "type": "allowed_tools", "mode": mode, "tools": tools })
}

#[test]
fn a_call_may_be_required() {
    let server = Server::with(Setup { random: true, ..Setup::default() });
    let strict = json!({
        "type": "function",
        "name": "other",
        "parameters": {
            "type": "object",
            "properties": { "x": { "enum": [1, 2] } },
            "required": ["x"],
            "additionalProperties": false,
        },
        "strict": true,
    });
    let tools = json!([calculator(), strict]);
    let named = json!({ "type": "function", "name": "other" });
    let choices = [(json!("required"), ""), (named, "other"), (allowed("required"), "calculator")];
    for (choice, name) in choices {
        let mut calls = 0;
        for seed in 0..8 {
            let members = json!({ "tools": tools, "tool_choice": choice, "seed": seed });
            let body = server.respond("anything", members).ok();
            assert_eq!(body["tool_choice"], choice);
            if body["status"] != "completed" {
                continue;
            }
            let call = body["output"].as_array().unwrap().last().unwrap();
            assert_eq!(call["type"], "function_call", "{body}");
            assert!(name.is_empty() || call["name"] == name, "{body}");
            let arguments: Value =
                serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
            assert!(call["name"] != "other" || [1, 2].iter().any(|x| arguments["x"] == *x));
            calls += 1;
        }
        assert!(calls > 0, "no answer to {choice} came to its end");
    }
}
