//! Any JSON in the place of any parameter is answered or refused in good form.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Server, chat_body, responses};

const KEYS: [&str; 52] = [
    "model",
    "messages",
    "prompt",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "seed",
    "stop",
    "stop_token_ids",
    "max_tokens",
    "max_completion_tokens",
    "logprobs",
    "top_logprobs",
    "echo",
    "n",
    "best_of",
    "suffix",
    "logit_bias",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "min_tokens",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
    "reasoning_effort",
    "include_reasoning",
    "return_tokens_as_token_ids",
    "service_tier",
    "modalities",
    "user",
    "metadata",
    "store",
    "input",
    "instructions",
    "previous_response_id",
    "text",
    "reasoning",
    "include",
    "truncation",
    "conversation",
    "max_output_tokens",
    "max_tool_calls",
    "nonsense",
];

/// JSON made of what the API's own words are, so that it gets past the first checks.
fn value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "",
        "user",
        "assistant",
        "tool",
        "text",
        "function",
        "auto",
        "json_schema",
        "object",
        "input_text",
        "reasoning_text",
        "function_call_output",
        "<|end|>",
        "é\u{0}",
        "think",
    ]);
    let key = prop::sample::select(vec![
        "role",
        "content",
        "type",
        "text",
        "function",
        "name",
        "arguments",
        "parameters",
        "id",
        "tool_calls",
        "tool_call_id",
        "json_schema",
        "schema",
        "include_usage",
        "format",
        "effort",
        "call_id",
        "output",
        "properties",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3i64..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4).prop_map(|members| {
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

#[test]
fn any_value_is_answered_or_refused() {
    let server = Server::start();
    let keys = prop::collection::vec((prop::sample::select(KEYS.to_vec()), value()), 1..4);
    let config = ProptestConfig { cases: 400, ..ProptestConfig::default() };
    proptest!(config, |(members in keys, endpoint in 0..3)| {
        let (path, mut body) = match endpoint {
            0 => ("/v1/completions", json!({ "model": "scripted", "prompt": "Once" })),
            1 => ("/v1/chat/completions", chat_body("think", json!({}))),
            _ => (responses::PATH, responses::body(json!("think"), json!({}))),
        };
        for (key, value) in members {
            body[key] = value;
        }
        let response = server.post(path, &body);
        match response.status {
            200 => {
                response.ok();
            }
            404 => prop_assert_eq!(&response.error(404)["param"], "model"),
            _ => {
                response.error(400);
            }
        }
    });
}
