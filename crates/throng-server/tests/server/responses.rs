//! `POST /v1/responses`: what clients get.

use serde_json::{Value, json};

use crate::support::http;
use crate::support::responses::{calculator, events, masked};
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, chat_body};

/// All text of one kind of event.
fn said(events: &[Value], kind: &str) -> String {
    let deltas = events.iter().filter(|event| event["type"] == kind);
    deltas.map(|event| event["delta"].as_str().unwrap()).collect()
}

fn streamed(server: &Server, input: &str, mut members: Value) -> Vec<Value> {
    members["stream"] = json!(true);
    events(&server.respond(input, members))
}

#[test]
fn an_answer_is_a_list_of_items_with_what_was_asked_around_it() {
    let server = Server::start();
    let members = json!({
        "instructions": "Be brief.",
        "reasoning": { "effort": "high", "summary": "auto" },
        "metadata": { "ticket": "7" },
        "max_output_tokens": 500,
        "temperature": 0.7,
        "seed": 1,
        "user": "someone",
    });
    let body = server.respond("think", members).ok();
    assert!(body["id"].as_str().unwrap().starts_with("resp_"));
    assert_eq!(body["output"][0]["summary"], json!([]));
    let thought = json!([{ "type": "reasoning_text", "text": "Hmm." }]);
    assert_eq!(body["output"][0]["content"], thought);
    let message = &body["output"][1];
    assert!(message["id"].as_str().unwrap().starts_with("msg_"));
    assert_eq!((&message["role"], &message["status"]), (&json!("assistant"), &json!("completed")));
    assert_eq!(message["content"][0]["type"], "output_text");
    assert_eq!(message["content"][0]["text"], "Done: né!");
    assert_eq!(message["content"][0]["annotations"], json!([]));
    let wanted = json!({
        "object": "response",
        "model": "scripted",
        "status": "completed",
        "error": null,
        "incomplete_details": null,
        "instructions": "Be brief.",
        "reasoning": { "effort": "high", "summary": "auto" },
        "text": { "format": { "type": "text" }, "verbosity": "medium" },
        "metadata": { "ticket": "7" },
        "max_output_tokens": 500,
        "temperature": 0.7,
        "top_p": 1.0,
        "top_logprobs": 0,
        "tools": [],
        "tool_choice": "auto",
        "parallel_tool_calls": true,
        "previous_response_id": null,
        "background": false,
        "store": true,
        "truncation": "disabled",
        "service_tier": "default",
        "user": "someone",
    });
    for (key, value) in wanted.as_object().unwrap() {
        assert_eq!(&body[key], value, "{key}");
    }
    assert!(body["completed_at"].as_u64() >= body["created_at"].as_u64());
    let usage = &body["usage"];
    let completion = "xanalysisxHmm.xxassistantxfinalxDone: né!x".len();
    assert_eq!(usage["output_tokens"], completion);
    assert_eq!(usage["output_tokens_details"]["reasoning_tokens"], 4);
    assert_eq!(usage["input_tokens_details"]["cached_tokens"], 0);
    let total = usage["input_tokens"].as_u64().unwrap() + completion as u64;
    assert_eq!(usage["total_tokens"], total);
}

#[test]
fn a_prompt_is_the_same_as_that_of_a_chat() {
    let server = Server::start();
    let schema = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let chat = server
        .chat(
            "",
            json!({
                "messages": [
                    { "role": "system", "content": "Be brief." },
                    { "role": "developer", "content": "Really." },
                    { "role": "user", "content": "calculate" },
                    { "role": "assistant", "reasoning": "Easy.", "content": "No." },
                    { "role": "user", "content": "calculate" },
                    { "role": "assistant", "reasoning": "A tool.", "tool_calls": [{
                        "id": "c1",
                        "function": { "name": "calculator", "arguments": "{}" },
                    }] },
                    { "role": "tool", "tool_call_id": "c1", "content": "42" },
                ],
                "tools": [{ "type": "function", "function": {
                    "name": "calculator",
                    "description": calculator()["description"],
                    "parameters": calculator()["parameters"],
                } }],
                "reasoning_effort": "low",
                "response_format": {
                    "type": "json_schema",
                    "json_schema": { "name": "x", "schema": schema },
                },
            }),
        )
        .ok();
    let text = |kind: &str, text: &str| json!([{ "type": kind, "text": text }]);
    let input = json!([
        { "role": "developer", "content": "Really." },
        { "type": "message", "role": "user", "content": text("input_text", "calculate") },
        { "type": "reasoning", "id": "rs_1", "summary": [],
          "content": text("reasoning_text", "Easy.") },
        { "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
          "content": text("output_text", "No.") },
        { "role": "user", "content": "calculate" },
        { "type": "reasoning", "summary": text("summary_text", "A tool.") },
        { "type": "function_call", "call_id": "c1", "name": "calculator", "arguments": "{}" },
        { "type": "function_call_output", "call_id": "c1", "output": text("input_text", "42") },
    ]);
    let members = json!({
        "instructions": "Be brief.",
        "tools": [calculator()],
        "reasoning": { "effort": "low" },
        "text": { "format": { "type": "json_schema", "name": "x", "schema": schema } },
    });
    let body = server.respond(input, members).ok();
    assert_eq!(body["usage"]["input_tokens"], chat["usage"]["prompt_tokens"]);
    assert_eq!(
        body["output"][0]["content"][0]["text"], chat["choices"][0]["message"]["content"],
        "held to the same form"
    );
}

#[test]
fn the_events_of_a_thought_and_a_text() {
    let events = streamed(&Server::start(), "think", json!({}));
    insta::assert_snapshot!(masked(&events));
}

#[test]
fn the_events_of_a_call() {
    let members = json!({ "tools": [calculator()], "store": false });
    let events = streamed(&Server::start(), "calculate", members);
    insta::assert_snapshot!(masked(&events));
}

#[test]
fn the_events_of_text_and_calls_of_a_model_with_tags() {
    let server = Server::with(Setup { tagged: true, ..Setup::default() });
    let events = streamed(&server, "calculate", json!({ "tools": [calculator()] }));
    insta::assert_snapshot!(masked(&events));
}

#[test]
fn the_events_of_an_answer_that_is_cut_off() {
    let events = streamed(&Server::start(), "list", json!({ "max_output_tokens": 12 }));
    insta::assert_snapshot!(masked(&events));
}

#[test]
fn a_stream_says_the_same_as_the_whole() {
    let server = Server::start();
    server.respond("think", json!({})).ok();
    let mut whole = server.respond("think", json!({})).ok();
    let events = streamed(&server, "think", json!({}));
    assert_eq!(said(&events, "response.output_text.delta"), "Done: né!");
    assert_eq!(said(&events, "response.reasoning_text.delta"), "Hmm.");
    let mut last = events.last().unwrap()["response"].clone();
    let done: Vec<Value> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| event["item"].clone())
        .collect();
    assert_eq!(last["output"], json!(done));
    for (index, event) in
        events.iter().enumerate().filter(|(_, event)| event["item_id"].is_string())
    {
        let item = &last["output"][event["output_index"].as_u64().unwrap() as usize];
        assert_eq!(event["item_id"], item["id"], "event {index}");
    }
    for response in [&mut whole, &mut last] {
        for key in ["id", "created_at", "completed_at"] {
            response[key].take();
        }
        for item in response["output"].as_array_mut().unwrap() {
            item["id"].take();
        }
    }
    assert_eq!(last, whole);
}

#[test]
fn an_answer_that_is_cut_off_says_why() {
    let server = Server::start();
    let body = server.respond("list", json!({ "max_output_tokens": 10 })).ok();
    assert_eq!(body["status"], "incomplete");
    assert_eq!(body["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(body["completed_at"], Value::Null);
    assert_eq!(body["output"][0]["status"], "incomplete");
    assert_eq!(body["output"][0]["content"][0]["text"], "one");
    assert_eq!(body["usage"]["output_tokens"], 10);
    let body = server.respond("list", json!({ "stop": [", th"] })).ok();
    assert_eq!(body["status"], "completed");
    assert_eq!(body["output"][0]["content"][0]["text"], "one, two");
}

#[test]
fn log_probabilities_are_of_the_text_alone() {
    let server = Server::start();
    let include = json!(["message.output_text.logprobs", "reasoning.encrypted_content"]);
    for members in [json!({ "include": include, "top_logprobs": 2 }), json!({ "top_logprobs": 2 })]
    {
        let body = server.respond("think", members.clone()).ok();
        let logprobs = body["output"][1]["content"][0]["logprobs"].as_array().unwrap().clone();
        let bytes = |token: &Value| token["bytes"][0].as_u64().unwrap() as u8;
        let text: Vec<u8> = logprobs.iter().map(bytes).collect();
        assert_eq!(text, "Done: né!".as_bytes());
        assert!(logprobs.iter().all(|token| token["top_logprobs"].as_array().unwrap().len() == 2));
        let events = streamed(&server, "think", members);
        let deltas: Vec<Value> = events
            .iter()
            .filter(|event| event["type"] == "response.output_text.delta")
            .flat_map(|event| event["logprobs"].as_array().unwrap().clone())
            .collect();
        assert_eq!(deltas, logprobs);
    }
    let body = server.respond("think", json!({ "include": include })).ok();
    let logprobs = &body["output"][1]["content"][0]["logprobs"];
    assert_eq!(logprobs[0]["top_logprobs"], json!([]));
    let body = server.respond("think", json!({ "include": [] })).ok();
    assert_eq!(body["output"][1]["content"][0]["logprobs"], json!([]));
}

#[test]
fn a_stream_that_fails_says_so_and_ends() {
    let server = Server::with(Setup { context: 100_000, ..Setup::default() });
    let events = streamed(&server, ENDLESS, json!({ "timeout": 0.05 }));
    let [.., error, failed] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("deadline_exceeded")));
    assert_eq!(failed["type"], "response.failed");
    let response = &failed["response"];
    assert_eq!(response["status"], "failed");
    assert_eq!(response["error"]["code"], "server_error");
    assert_eq!(response["error"]["message"], error["message"]);
    assert_eq!(response["output"][0]["status"], "incomplete");
    let refused = server.respond(ENDLESS, json!({ "timeout": 0.05 }));
    assert_eq!(refused.error(504)["code"], "deadline_exceeded");
}

#[test]
fn a_client_that_leaves_its_stream_frees_the_engine() {
    let server = Server::with(Setup { context: 100_000, ..Setup::default() });
    let members = json!({ "stream": true });
    let body = crate::support::responses::body(json!(ENDLESS), members).to_string();
    let stream = http::send(server.address, "/v1/responses", &body);
    server.wait_until(|stats| stats.running == 1);
    drop(stream);
    server.wait_until(|stats| stats.running == 0);
    // Nothing of it was kept, and a chat's body is none of a response's.
    let refused = server.post("/v1/responses", &chat_body("think", json!({})));
    assert_eq!(refused.error(400)["param"], "input");
}
