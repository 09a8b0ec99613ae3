//! Text to token ids and back.

use serde_json::{Value, json};
use throng_testkit::special;

use crate::support::{CONTEXT, Server, Setup, http};

fn tagged() -> Server {
    Server::with(Setup { tagged: true, ..Setup::default() })
}

fn tokenize(server: &Server, body: Value) -> Vec<u32> {
    let answer = server.post("/tokenize", &body).ok();
    let tokens: Vec<u32> = serde_json::from_value(answer["tokens"].clone()).unwrap();
    assert_eq!(
        answer,
        json!({ "count": tokens.len(), "max_model_len": CONTEXT, "tokens": tokens })
    );
    tokens
}

fn detokenize(server: &Server, tokens: &[u32]) -> String {
    let answer = server.post("/detokenize", &json!({ "tokens": tokens })).ok();
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["prompt"].as_str().unwrap().to_owned()
}

#[test]
fn a_prompt_has_the_tokens_that_completions_read() {
    let server = tagged();
    let begin = special("<|startoftext|>");
    let bytes = [u32::from(b'a'), 0xc3, 0xa9];
    let prompt = |members: Value| {
        let mut body = json!({ "model": "scripted", "prompt": "a\u{e9}" });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        tokenize(&server, body)
    };
    assert_eq!(prompt(json!({})), [&[begin][..], &bytes].concat());
    assert_eq!(prompt(json!({ "add_special_tokens": true, "model": null })).len(), 4);
    assert_eq!(prompt(json!({ "add_special_tokens": false })), bytes);
    let named =
        tokenize(&server, json!({ "prompt": "<|endoftext|>", "add_special_tokens": false }));
    assert_eq!(named.len(), "<|endoftext|>".len(), "text is only ever text");
    assert!(tokenize(&server, json!({ "prompt": "", "add_special_tokens": false })).is_empty());
}

#[test]
fn a_conversation_has_the_tokens_that_chats_read() {
    let messages = json!([{ "role": "user", "content": "think" }]);
    let tools = json!([{ "type": "function", "function": { "name": "calculator" } }]);
    for (server, turn) in [(Server::start(), "<|start|>"), (tagged(), "<|im_start|>")] {
        for members in [json!({}), json!({ "tools": tools }), json!({ "reasoning_effort": "low" })]
        {
            let mut body = json!({ "messages": messages });
            body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            let tokens = tokenize(&server, body.clone());
            let usage = &server.chat("think", members).ok()["usage"];
            assert_eq!(usage["prompt_tokens"], tokens.len());

            body["add_generation_prompt"] = json!(false);
            let history = tokenize(&server, body);
            let asks = detokenize(&server, tokens.strip_prefix(&*history).unwrap());
            assert!(asks.starts_with(&format!("{turn}assistant")), "{asks}");
            assert!(detokenize(&server, &history).contains("think"));
        }
    }
}

#[test]
fn an_effort_that_models_do_not_have_is_the_nearest_that_they_have() {
    for server in [Server::start(), tagged()] {
        let prompt = |effort: Value| {
            let messages = json!([{ "role": "user", "content": "think" }]);
            tokenize(&server, json!({ "messages": messages, "reasoning_effort": effort }))
        };
        let [none, minimal, low, medium, high, xhigh] =
            ["none", "minimal", "low", "medium", "high", "xhigh"].map(|name| prompt(json!(name)));
        assert_eq!((&none, &minimal), (&low, &low));
        assert_eq!(xhigh, high);
        assert_ne!(low, medium);
        assert_eq!(prompt(Value::Null), medium, "the default");
    }
}

#[test]
fn a_template_looks_up_what_the_client_says() {
    let prompt = |server: &Server, members: Value| {
        let mut body = json!({ "messages": [{ "role": "user", "content": "think" }] });
        body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        tokenize(server, body)
    };
    let (harmony, tagged) = (Server::start(), tagged());
    let low = json!({ "reasoning_effort": "low" });
    let said = json!({ "chat_template_kwargs": low });
    assert_eq!(prompt(&harmony, said), prompt(&harmony, low.clone()));
    let said = json!({ "chat_template_kwargs": { "enable_thinking": false, "other": [null] } });
    assert_eq!(prompt(&tagged, said), prompt(&tagged, low));

    let error = |server: &Server, kwargs: Value| {
        let body = json!({ "messages": [{ "role": "user", "content": "think" }],
            "chat_template_kwargs": kwargs });
        let error = server.post("/tokenize", &body).error(400);
        (error["param"].clone(), error["code"].clone())
    };
    let long = json!({ "text": "x".repeat(20_000) });
    for (server, kwargs, param, code) in [
        (
            &harmony,
            json!({ "enable_thinking": false }),
            ".enable_thinking",
            "unsupported_parameter",
        ),
        (&harmony, json!({ "reasoning_effort": "max" }), ".reasoning_effort", "invalid_value"),
        (&harmony, json!([]), "", "invalid_type"),
        (&tagged, json!({ "messages": [] }), ".messages", "unsupported_parameter"),
        (&tagged, long, "", "invalid_value"),
    ] {
        let expected = (json!(format!("chat_template_kwargs{param}")), json!(code));
        assert_eq!(error(server, kwargs), expected);
    }
}

#[test]
fn a_long_prompt_is_counted_and_an_endless_one_is_not_tokenized() {
    let server = Server::start();
    // A token of the scripted model is a byte.
    assert_eq!(tokenize(&server, json!({ "prompt": "x".repeat(CONTEXT) })).len(), CONTEXT);
    let error = server.post("/tokenize", &json!({ "prompt": "x".repeat(CONTEXT + 1) })).error(400);
    assert_eq!(error["code"], "context_length_exceeded");
    let messages = json!([{ "role": "user", "content": "x".repeat(CONTEXT + 1) }]);
    let error = server.post("/tokenize", &json!({ "messages": messages })).error(400);
    assert_eq!(error["param"], "messages");
    let error = server.post("/detokenize", &json!({ "tokens": vec![65; CONTEXT + 1] })).error(400);
    assert_eq!(error["param"], "tokens");
}

#[test]
fn token_ids_have_the_text_that_they_stand_for() {
    let server = Server::start();
    assert_eq!(detokenize(&server, &[]), "");
    assert_eq!(detokenize(&server, &[0xc3, 0xa9, special("<|end|>"), 65]), "\u{e9}<|end|>A");
    assert_eq!(detokenize(&server, &[0xc3, 65]), "\u{fffd}A");
    let text = "na\u{ef}ve <|start|>\n".repeat(100);
    assert_eq!(detokenize(&server, &tokenize(&server, json!({ "prompt": text }))), text);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let server = Server::start();
    let messages = json!([{ "role": "user", "content": "x" }]);
    let cases = [
        ("/tokenize", json!({}), "prompt", "missing_required_parameter"),
        ("/tokenize", json!({ "prompt": ["x"] }), "prompt", "invalid_type"),
        ("/tokenize", json!({ "prompt": "x", "messages": messages }), "messages", "invalid_value"),
        ("/tokenize", json!({ "prompt": "x", "tools": [] }), "tools", "unknown_parameter"),
        (
            "/tokenize",
            json!({ "prompt": "x", "add_special_tokens": 1 }),
            "add_special_tokens",
            "invalid_type",
        ),
        (
            "/tokenize",
            json!({ "prompt": "x", "return_token_strs": true }),
            "return_token_strs",
            "unsupported_parameter",
        ),
        (
            "/tokenize",
            json!({ "messages": messages, "continue_final_message": true }),
            "continue_final_message",
            "unsupported_parameter",
        ),
        (
            "/tokenize",
            json!({ "messages": [{}] }),
            "messages[0].role",
            "missing_required_parameter",
        ),
        ("/tokenize", json!({ "messages": messages, "top_p": 1 }), "top_p", "unknown_parameter"),
        ("/detokenize", json!({}), "tokens", "missing_required_parameter"),
        ("/detokenize", json!({ "tokens": "x" }), "tokens", "invalid_type"),
        ("/detokenize", json!({ "tokens": [65, "x"] }), "tokens[1]", "invalid_type"),
        ("/detokenize", json!({ "tokens": [65, 1.0] }), "tokens[1]", "invalid_type"),
        ("/detokenize", json!({ "tokens": [65, -1] }), "tokens[1]", "invalid_value"),
        ("/detokenize", json!({ "tokens": [65, 99_999] }), "tokens[1]", "invalid_value"),
        ("/detokenize", json!({ "tokens": [65, u32::MAX] }), "tokens[1]", "invalid_value"),
        ("/detokenize", json!({ "tokens": [1u64 << 40] }), "tokens[0]", "invalid_value"),
        ("/detokenize", json!({ "tokens": [], "prompt": "x" }), "prompt", "unknown_parameter"),
    ];
    for (path, body, param, code) in cases {
        let error = server.post(path, &body).error(400);
        assert_eq!((&error["param"], &error["code"]), (&json!(param), &json!(code)), "{body}");
    }
    for path in ["/tokenize", "/detokenize"] {
        let other = json!({ "model": "gpt-5", "prompt": "x", "tokens": [65] });
        assert_eq!(server.post(path, &other).error(404)["code"], "model_not_found");
        server.get(path).error(405);
        let json = [("Content-Type", "application/json")];
        let broken = http::request(server.address, "POST", path, &json, b"{\"prompt\": \"\xff\"}");
        assert_eq!(broken.error(400)["code"], "invalid_json");
    }
    let silent = Server::with(Setup { chat: false, ..Setup::default() });
    let error = silent.post("/tokenize", &json!({ "messages": messages })).error(400);
    assert_eq!(error["param"], "model");
    silent.post("/tokenize", &json!({ "prompt": "x" })).ok();
}
