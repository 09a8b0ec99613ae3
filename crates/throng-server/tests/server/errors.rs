//! What is refused, with which status, under which name.

use serde_json::{Value, json};
use throng_engine::EngineConfig;

use crate::hostile::begin_stream;
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body, http};

#[test]
fn a_refusal_names_the_parameter() {
    let server = Server::start();
    let cases = [
        (json!({ "temperature": "hot" }), "temperature", "invalid_type"),
        (json!({ "temperature": -0.5 }), "temperature", "invalid_value"),
        (json!({ "temperature": 1e300 }), "temperature", "invalid_value"),
        (json!({ "top_p": 0 }), "top_p", "invalid_value"),
        (json!({ "top_p": 1e-300 }), "top_p", "invalid_value"),
        (json!({ "top_k": 1.5 }), "top_k", "invalid_type"),
        (json!({ "min_p": 2 }), "min_p", "invalid_value"),
        (json!({ "seed": "x" }), "seed", "invalid_type"),
        (json!({ "seed": 9223372036854775808u64 }), "seed", "invalid_value"),
        (json!({ "max_tokens": 0 }), "max_tokens", "invalid_value"),
        (json!({ "max_tokens": 18446744073709551615u64 }), "max_tokens", "invalid_value"),
        (json!({ "max_completion_tokens": -1 }), "max_completion_tokens", "invalid_value"),
        (json!({ "stop": [1] }), "stop[0]", "invalid_type"),
        (json!({ "stop": "" }), "stop", "invalid_value"),
        (json!({ "stop": vec!["x"; 17] }), "stop", "invalid_value"),
        (json!({ "stop_token_ids": [-1] }), "stop_token_ids[0]", "invalid_value"),
        (json!({ "stream": 1 }), "stream", "invalid_type"),
        (json!({ "stream_options": {} }), "stream_options", "invalid_value"),
        (json!({ "logprobs": 3 }), "logprobs", "invalid_type"),
        (json!({ "top_logprobs": 3 }), "top_logprobs", "invalid_value"),
        (json!({ "logprobs": true, "top_logprobs": 21 }), "top_logprobs", "invalid_value"),
        (json!({ "reasoning_effort": "max" }), "reasoning_effort", "invalid_value"),
        (json!({ "n": 0 }), "n", "invalid_value"),
        (json!({ "n": 129 }), "n", "invalid_value"),
        (json!({ "n": 2, "best_of": 3 }), "best_of", "unsupported_parameter"),
        (json!({ "cache_salt": "" }), "cache_salt", "invalid_value"),
        (json!({ "cache_salt": "x".repeat(257) }), "cache_salt", "invalid_value"),
        (json!({ "cache_salt": 1 }), "cache_salt", "invalid_type"),
        (json!({ "timeout": 0 }), "timeout", "invalid_value"),
        (json!({ "timeout": 1e9 }), "timeout", "invalid_value"),
        (json!({ "timeout": "soon" }), "timeout", "invalid_type"),
        (json!({ "functions": [] }), "functions", "unsupported_parameter"),
        (json!({ "modalities": ["audio"] }), "modalities", "unsupported_parameter"),
        (json!({ "service_tier": "flex" }), "service_tier", "unsupported_parameter"),
        (json!({ "tool_choice": "required" }), "tool_choice", "invalid_value"),
        (json!({ "tools": [{ "type": "web" }] }), "tools[0].type", "unsupported_parameter"),
        (json!({ "tools": [{}] }), "tools[0].function", "missing_required_parameter"),
        (
            json!({ "tools": [{ "function": { "name": "a b" } }] }),
            "tools[0].function.name",
            "invalid_value",
        ),
        (json!({ "response_format": "json" }), "response_format", "invalid_type"),
        (json!({ "response_format": { "type": "xml" } }), "response_format.type", "invalid_value"),
        (
            json!({ "response_format": { "type": "json_schema" } }),
            "response_format.json_schema",
            "missing_required_parameter",
        ),
        (json!({ "temprature": 1 }), "temprature", "unknown_parameter"),
        (json!({ "messages": [] }), "messages", "invalid_value"),
        (json!({ "messages": "hi" }), "messages", "invalid_type"),
        (json!({ "messages": null }), "messages", "missing_required_parameter"),
        (json!({ "model": 5 }), "model", "invalid_type"),
        (json!({ "model": null }), "model", "missing_required_parameter"),
    ];
    for (members, param, code) in cases {
        let error = server.chat("think", members.clone()).error(400);
        assert_eq!(error["param"], param, "{members}: {error}");
        assert_eq!(error["code"], code, "{members}: {error}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].as_str().unwrap().contains(param), "{error}");
    }
}

#[test]
fn a_refusal_names_the_message() {
    let server = Server::start();
    let image = json!({ "type": "image_url", "image_url": { "url": "data:" } });
    let cases = [
        (json!({}), "messages[1].role"),
        (json!({ "role": "robot", "content": "x" }), "messages[1].role"),
        (json!({ "role": "user" }), "messages[1].content"),
        (json!({ "role": "user", "content": 5 }), "messages[1].content"),
        (json!({ "role": "user", "content": [5] }), "messages[1].content[0]"),
        (json!({ "role": "user", "content": [image] }), "messages[1].content[0].type"),
        (json!({ "role": "user", "content": "x", "mood": 1 }), "messages[1].mood"),
        (json!({ "role": "assistant" }), "messages[1].content"),
        (json!({ "role": "assistant", "content": "", "audio": {} }), "messages[1].audio"),
        (
            json!({ "role": "assistant", "tool_calls": [{ "id": "a", "function": {} }] }),
            "messages[1].tool_calls[0].function.name",
        ),
        (json!({ "role": "tool", "content": "x" }), "messages[1].tool_call_id"),
        (json!({ "role": "tool", "tool_call_id": "nobody's", "content": "x" }), "messages"),
        (json!("hello"), "messages[1]"),
    ];
    for (message, param) in cases {
        let messages = json!([{ "role": "user", "content": "x" }, message]);
        let error = server.chat("", json!({ "messages": messages })).error(400);
        assert_eq!(error["param"], param, "{message}: {error}");
    }
}

#[test]
fn completions_have_refusals_of_their_own() {
    let server = Server::start();
    let cases = [
        (json!({ "prompt": null }), "prompt", "missing_required_parameter"),
        (json!({ "prompt": [] }), "prompt", "invalid_value"),
        (json!({ "prompt": "" }), "prompt", "invalid_value"),
        (json!({ "prompt": 5 }), "prompt", "invalid_type"),
        (json!({ "prompt": [1, "x"] }), "prompt[1]", "invalid_type"),
        (json!({ "prompt": ["x", 1] }), "prompt[1]", "invalid_type"),
        (json!({ "prompt": [[1], [2.5]] }), "prompt[1][0]", "invalid_type"),
        (json!({ "prompt": [[]] }), "prompt", "invalid_value"),
        (json!({ "prompt": [-1] }), "prompt[0]", "invalid_value"),
        (json!({ "prompt": [99999] }), "prompt", "invalid_value"),
        (json!({ "prompt": vec!["x"; 65] }), "prompt", "invalid_value"),
        (json!({ "suffix": "x" }), "suffix", "unsupported_parameter"),
        (json!({ "best_of": 2 }), "best_of", "unsupported_parameter"),
        (json!({ "prompt": vec!["x"; 2], "n": 65 }), "n", "invalid_value"),
        (json!({ "logprobs": true }), "logprobs", "invalid_type"),
        (json!({ "messages": [] }), "messages", "unknown_parameter"),
    ];
    for (members, param, code) in cases {
        let error = server.complete(json!("x"), members.clone()).error(400);
        assert_eq!(error["param"], param, "{members}: {error}");
        assert_eq!(error["code"], code, "{members}: {error}");
    }
    // What changes nothing is let pass.
    let neutral = json!({
        "n": 1, "best_of": 1, "suffix": "", "presence_penalty": 0.0, "logit_bias": {},
        "user": "u", "temperature": null, "stream": false,
    });
    server.complete(json!("x"), neutral).ok();
}

#[test]
fn bodies_that_are_no_json_objects_are_refused() {
    let server = Server::start();
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 8] = [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b"\"text\"",
        b"{\"model\": \"\xff\xfe\"}",
        b"\0",
        deep.as_bytes(),
    ];
    for path in ["/v1/chat/completions", "/v1/completions"] {
        for body in bodies {
            let json = [("Content-Type", "application/json; charset=utf-8")];
            let error = http::request(server.address, "POST", path, &json, body).error(400);
            assert_eq!(error["code"], "invalid_json", "{}", String::from_utf8_lossy(body));
        }
    }
}

#[test]
fn the_body_must_be_sent_as_json() {
    let server = Server::start();
    let body = chat_body("think", json!({})).to_string();
    let post = |headers: &[(&str, &str)]| {
        let path = "/v1/chat/completions";
        http::request(server.address, "POST", path, headers, body.as_bytes())
    };
    post(&[]).error(415);
    post(&[("Content-Type", "text/plain")]).error(415);
    post(&[("Content-Type", "Application/JSON")]).ok();
}

#[test]
fn other_models_paths_and_methods_are_not_found() {
    let server = Server::start();
    let error = server.chat("think", json!({ "model": "gpt-5" })).error(404);
    assert_eq!((&error["code"], &error["param"]), (&json!("model_not_found"), &json!("model")));
    server.chat("think", json!({ "model": "org/other" })).ok();
    server.get("/v1/models/gpt-5").error(404);
    let error = server.get("/v1/nonsense").error(404);
    assert_eq!((&error["code"], &error["param"]), (&json!("unknown_url"), &Value::Null));
    server.get("/page/../lib.rs").error(404);
    let response = server.get("/v1/chat/completions");
    response.error(405);
    assert_eq!(response.header("Allow"), Some("POST"));
    server.post("/health", &json!({})).error(405);
}

#[test]
fn a_prompt_past_the_context_is_named_as_openai_names_it() {
    let server = Server::start();
    let long = "x".repeat(5000);
    let error = server.chat(&long, json!({})).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
    assert_eq!(error["param"], "messages");
    let message = error["message"].as_str().unwrap();
    assert!(message.starts_with("This model's maximum context length is 4096 tokens"), "{message}");
    let error = server.complete(json!(long), json!({})).error(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&json!("context_length_exceeded"), &json!("prompt"))
    );
}

#[test]
fn a_model_that_fails_is_a_server_error_and_in_a_stream_an_event() {
    let server = Server::with(Setup { failing_after: 5, ..Setup::default() });
    let streamed = server.chat("think", json!({ "stream": true }));
    assert_eq!(streamed.status, 200);
    let last = streamed.text().trim_end().lines().last().unwrap();
    let event: Value = serde_json::from_str(last.strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!(event["error"]["type"], "server_error");
    let error = server.chat("think", json!({})).error(500);
    assert!(error["message"].as_str().unwrap().contains("scripted to fail"), "{error}");
    server.complete(json!("Once"), json!({})).error(500);
    server.get("/health").ok();
}

#[test]
fn a_full_queue_is_429_and_says_when_to_come_back() {
    let config = EngineConfig { queue: 1, max_sequences: 1, ..EngineConfig::default() };
    let server = Server::with(Setup { config, context: 100_000, ..Setup::default() });
    // One runs and never ends, another waits for it.
    let _running = begin_stream(&server, ENDLESS);
    let body = chat_body("Hello", json!({})).to_string();
    let _waiting = http::send(server.address, "/v1/chat/completions", &body);
    server.wait_until(|stats| stats.waiting == 1);
    let several = server.complete(json!(["Once", "Once"]), json!({}));
    several.error(429);
    let refused = server.complete(json!("Once"), json!({}));
    assert_eq!(server.engine.stats().waiting, 1, "of several, all or none");
    let error = refused.error(429);
    assert_eq!(error["type"], "rate_limit_error");
    assert_eq!(refused.header("Retry-After"), Some("1"));
}
