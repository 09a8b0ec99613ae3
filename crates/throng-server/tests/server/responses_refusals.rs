//! What `/v1/responses` does not take, and how it says so.

use serde_json::{Value, json};

use crate::support::Server;

const UNSUPPORTED: &str = "unsupported_parameter";
const MISSING: &str = "missing_required_parameter";

/// Each body must be refused for the parameter that is at fault, with the code.
fn check(cases: &[(Value, &str, &str)]) {
    let server = Server::start();
    for (members, param, code) in cases {
        let error = server.respond("think", members.clone()).error(400);
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{error}");
    }
}

#[test]
fn items_that_cannot_be_are_refused_by_name() {
    let item = |item: Value| json!({ "input": [item] });
    let part = |part: Value| item(json!({ "role": "user", "content": [part] }));
    check(&[
        (json!({ "input": null }), "input", MISSING),
        (json!({ "input": [] }), "input", "invalid_value"),
        (json!({ "input": ["x"] }), "input[0]", "invalid_type"),
        (json!({ "input": "x".repeat(5000) }), "input", "context_length_exceeded"),
        (item(json!({})), "input[0].type", MISSING),
        (item(json!({ "type": "web_search_call" })), "input[0].type", UNSUPPORTED),
        (item(json!({ "role": "tool", "content": "" })), "input[0].role", "invalid_value"),
        (item(json!({ "role": "user" })), "input[0].content", MISSING),
        (part(json!({ "type": "input_image" })), "input[0].content[0].type", UNSUPPORTED),
        (
            item(json!({ "role": "user", "content": "x", "mood": 1 })),
            "input[0].mood",
            "unknown_parameter",
        ),
        (
            item(json!({ "type": "reasoning", "summary": [], "encrypted_content": "x" })),
            "input[0].encrypted_content",
            UNSUPPORTED,
        ),
        (
            item(json!({ "type": "function_call_output", "call_id": "c1", "output": "x" })),
            "input",
            "invalid_value",
        ),
        (item(json!({ "type": "item_reference", "id": "x" })), "input[0].id", "item_not_found"),
        (item(json!({ "id": "x" })), "input[0].id", "item_not_found"),
    ]);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let pairs: Value = (0..17).map(|n| (n.to_string(), json!("v"))).collect();
    let schema = json!({ "type": "array", "uniqueItems": true });
    let format = json!({ "type": "json_schema", "name": "x", "schema": schema });
    let tools = json!([{ "type": "function", "name": "f" }]);
    let allowed = json!({ "type": "allowed_tools", "mode": "auto", "tools": tools });
    check(&[
        (
            json!({ "previous_response_id": "x" }),
            "previous_response_id",
            "previous_response_not_found",
        ),
        (json!({ "tools": [{ "type": "web_search" }] }), "tools[0].type", UNSUPPORTED),
        (json!({ "tools": [{ "type": "function" }] }), "tools[0].name", MISSING),
        (json!({ "tool_choice": allowed }), "tool_choice.tools[0].name", "invalid_value"),
        (json!({ "reasoning": { "effort": "huge" } }), "reasoning.effort", "invalid_value"),
        (json!({ "reasoning": { "summary": "detailed" } }), "reasoning.summary", UNSUPPORTED),
        (json!({ "reasoning": { "context": "all_turns" } }), "reasoning.context", UNSUPPORTED),
        (json!({ "text": { "verbosity": "low" } }), "text.verbosity", UNSUPPORTED),
        (json!({ "text": { "format": format } }), "text.format", "invalid_value"),
        (json!({ "metadata": { "k": 5 } }), "metadata", "invalid_type"),
        (json!({ "metadata": { "k": "v".repeat(513) } }), "metadata", "invalid_value"),
        (json!({ "metadata": pairs }), "metadata", "invalid_value"),
        (json!({ "include": ["everything"] }), "include[0]", "invalid_value"),
        (json!({ "background": true, "store": false }), "background", "invalid_value"),
        (json!({ "stream_options": {} }), "stream_options", "invalid_value"),
    ]);
    let refused = Server::start().post("/v1/responses", &json!({ "model": "gpt-5", "input": "x" }));
    assert_eq!(refused.error(404)["code"], "model_not_found");
}
