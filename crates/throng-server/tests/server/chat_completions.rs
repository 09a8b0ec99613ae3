//! `POST /v1/chat/completions`: what clients get.

use crate::support::script::ENDLESS;
use crate::support::{Server, chat_body, http};
use serde_json::{Value, json};

/// All text of one member of the deltas.
fn said(chunks: &[Value], member: &str) -> String {
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][member].as_str()).collect()
}

#[test]
fn an_answer_has_content_reasoning_and_usage() {
    let server = Server::start();
    let body = server.chat("think", json!({ "reasoning_effort": "high" })).ok();
    assert_eq!(body["object"], "chat.completion");
    assert_eq!(body["model"], "scripted");
    assert!(body["id"].as_str().unwrap().starts_with("chatcmpl-"));
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["logprobs"], Value::Null);
    let message = &choice["message"];
    assert_eq!(message["role"], "assistant");
    assert_eq!(message["content"], "Done: né!");
    assert_eq!(message["reasoning"], "Hmm.");
    assert_eq!(message["reasoning_content"], "Hmm.");
    assert!(message.get("tool_calls").is_none());
    let usage = &body["usage"];
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 4);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    // One token a byte: analysis 4 + 8 + 1, between 3 + 9, final 10, é two bytes.
    let completion = "xanalysisxHmm.xxassistantxfinalxDone: né!x".len();
    assert_eq!(usage["completion_tokens"], completion);
    let prompt = usage["prompt_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], prompt + completion as u64);
}

#[test]
fn a_stream_says_the_same_as_the_whole() {
    let server = Server::start();
    // From the second time on, the cache has the prompt.
    server.chat("think", json!({})).ok();
    let whole = server.chat("think", json!({})).ok();
    let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let mut chunks = server.chat("think", options).chunks();
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    assert!(chunks.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    let last = chunks.pop().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], whole["usage"]);
    assert!(chunks.iter().all(|chunk| chunk["usage"].is_null()));
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    let message = &whole["choices"][0]["message"];
    assert_eq!(said(&chunks, "content"), message["content"].as_str().unwrap());
    assert_eq!(said(&chunks, "reasoning"), message["reasoning"].as_str().unwrap());
    assert_eq!(said(&chunks, "reasoning_content"), said(&chunks, "reasoning"));
    let reasons: Vec<&Value> = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["finish_reason"])
        .filter(|reason| !reason.is_null())
        .collect();
    assert_eq!(reasons, ["stop"]);
}

#[test]
fn usage_is_streamed_only_if_asked_for_and_reasoning_can_be_left_out() {
    let server = Server::start();
    let chunks = server.chat("think", json!({ "stream": true })).chunks();
    assert!(chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    let quiet = server.chat("think", json!({ "stream": true, "include_reasoning": false }));
    let chunks = quiet.chunks();
    assert_eq!(said(&chunks, "reasoning"), "");
    assert_eq!(said(&chunks, "content"), "Done: né!");
}

fn calculator() -> Value {
    json!({ "type": "function", "function": {
        "name": "calculator",
        "description": "Evaluates an arithmetic expression.",
        "parameters": { "type": "object", "properties": { "expression": { "type": "string" } } },
    } })
}

#[test]
fn a_tool_is_called_and_its_result_used() {
    let server = Server::start();
    let body = server.chat("calculate", json!({ "tools": [calculator()] })).ok();
    let choice = &body["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], Value::Null);
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["type"], "function");
    let function = json!({ "name": "calculator", "arguments": "{\"expression\":\"6*7\"}" });
    assert_eq!(call["function"], function);

    // The client replays the message as it came, nulls and all.
    let mut turns = chat_body("calculate", json!({ "tools": [calculator()] }));
    let messages = turns["messages"].as_array_mut().unwrap();
    messages.push(choice["message"].clone());
    messages.push(json!({ "role": "tool", "tool_call_id": call["id"], "content": "42" }));
    let body = server.post("/v1/chat/completions", &turns).ok();
    assert_eq!(body["choices"][0]["message"]["content"], "It is 42.");
}

#[test]
fn a_streamed_call_comes_with_its_head_first() {
    let server = Server::start();
    let request = json!({ "tools": [calculator()], "stream": true });
    let chunks = server.chat("calculate", request).chunks();
    let calls: Vec<&Value> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["tool_calls"].get(0))
        .collect();
    assert_eq!(calls[0]["function"], json!({ "name": "calculator", "arguments": "" }));
    assert!(calls[0]["id"].as_str().unwrap().starts_with("call_"));
    assert!(calls.iter().all(|call| call["index"] == 0));
    let arguments: String =
        calls.iter().filter_map(|call| call["function"]["arguments"].as_str()).collect();
    assert_eq!(arguments, "{\"expression\":\"6*7\"}");
    let last = &chunks.last().unwrap()["choices"][0];
    assert_eq!(last["finish_reason"], "tool_calls");
}

#[test]
fn content_may_be_parts_and_roles_may_be_all_of_openais() {
    let server = Server::start();
    let messages = json!([
        { "role": "system", "content": "Be brief." },
        { "role": "developer", "content": [{ "type": "text", "text": "Really." }] },
        { "role": "user", "content": "calculate", "name": "Ada" },
        { "role": "assistant", "content": "No.", "reasoning": "Why?", "annotations": [] },
        { "role": "user", "content": [
            { "type": "text", "text": "thi" }, { "type": "text", "text": "nk" },
        ] },
    ]);
    let body = server.chat("", json!({ "messages": messages, "user": "u", "store": false })).ok();
    assert_eq!(body["choices"][0]["message"]["content"], "Done: né!");
}

#[test]
fn an_answer_may_come_back_as_clients_replay_it() {
    let server = Server::start();
    let part = json!({
        "type": "text", "text": "No.", "role": "assistant", "refusal": null, "reasoning": "Why?",
        "reasoning_content": "Why?",
    });
    let call = json!({
        "id": "call_0", "type": "function",
        "function": { "name": "calculator", "arguments": "{}", "parsed_arguments": {} },
    });
    let messages = json!([
        { "role": "user", "content": "calculate" },
        { "role": "assistant", "content": [part] },
        {
            "role": "assistant", "content": "{}", "parsed": {}, "tool_calls": [call],
            "provider_specific_fields": { "refusal": null },
        },
        { "role": "tool", "tool_call_id": "call_0", "content": "42" },
    ]);
    server.chat("", json!({ "messages": messages, "tools": [calculator()] })).ok();
    let spoken = json!([{ "role": "user", "content": [part] }]);
    let error = server.chat("", json!({ "messages": spoken })).error(400);
    assert_eq!(error["code"], "unknown_parameter");
}

#[test]
fn stop_strings_and_limits_end_an_answer() {
    let server = Server::start();
    let body = server.chat("list", json!({ "stop": [", th", "zzz"] })).ok();
    assert_eq!(body["choices"][0]["message"]["content"], "one, two");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    let chunks = server.chat("list", json!({ "stop": ", th", "stream": true })).chunks();
    assert_eq!(said(&chunks, "content"), "one, two");
    // A channel's name, `<|channel|>`, `<|message|>` and three letters.
    let body = server.chat("list", json!({ "max_completion_tokens": 10 })).ok();
    assert_eq!(body["choices"][0]["message"]["content"], "one");
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["usage"]["completion_tokens"], 10);
}

#[test]
fn an_answer_without_limit_ends_with_the_context() {
    let server = Server::start();
    let body = server.chat(ENDLESS, json!({})).ok();
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["usage"]["total_tokens"], crate::support::CONTEXT);
}

#[test]
fn log_probabilities_are_of_the_content_alone() {
    let server = Server::start();
    let wanted = json!({ "logprobs": true, "top_logprobs": 2 });
    let body = server.chat("think", wanted.clone()).ok();
    let content = body["choices"][0]["logprobs"]["content"].as_array().unwrap().clone();
    let bytes: Vec<u8> = content
        .iter()
        .flat_map(|token| token["bytes"].as_array().unwrap())
        .map(|byte| byte.as_u64().unwrap() as u8)
        .collect();
    assert_eq!(bytes, "Done: né!".as_bytes());
    for token in &content {
        let top = token["top_logprobs"].as_array().unwrap();
        assert_eq!(top.len(), 2);
        assert_eq!(top[0]["token"], token["token"]);
        let logprob = token["logprob"].as_f64().unwrap();
        assert!(logprob > -1e-3 && logprob <= 0.0, "{logprob}");
        assert!(top[1]["logprob"].as_f64().unwrap() < -19.0);
    }

    let mut streamed = wanted;
    streamed["stream"] = json!(true);
    streamed["return_tokens_as_token_ids"] = json!(true);
    let chunks = server.chat("think", streamed).chunks();
    let names: Vec<&str> = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["logprobs"]["content"].as_array())
        .flatten()
        .map(|token| token["token"].as_str().unwrap())
        .collect();
    let ids: Vec<String> = "Done: né!".bytes().map(|byte| format!("token_id:{byte}")).collect();
    assert_eq!(names, ids);
}

#[test]
fn requests_at_once_get_each_its_own_answer() {
    let server = Server::start();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..24)
            .map(|i| {
                let (words, answer) = [("think", "Done: né!"), ("list", "one, two, three")][i % 2];
                let server = &server;
                let stream = i % 3 == 0;
                (
                    answer,
                    stream,
                    scope.spawn(move || server.chat(words, json!({ "stream": stream }))),
                )
            })
            .collect();
        for (answer, stream, thread) in asked {
            let response: http::Response = thread.join().unwrap();
            let got = if stream {
                said(&response.chunks(), "content")
            } else {
                response.ok()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
            };
            assert_eq!(got, answer);
        }
    });
}
