//! `POST /v1/completions`: what clients get.

use serde_json::{Value, json};

use crate::support::Server;
use crate::support::script::{ENDLESS, tokens};

/// All text of one choice of a stream.
fn said(chunks: &[Value], index: u64) -> String {
    chunks
        .iter()
        .flat_map(|chunk| chunk["choices"].as_array().unwrap())
        .filter(|choice| choice["index"] == index)
        .map(|choice| choice["text"].as_str().unwrap())
        .collect()
}

#[test]
fn a_text_is_continued() {
    let server = Server::start();
    let body = server.complete(json!("Once"), json!({})).ok();
    assert_eq!(body["object"], "text_completion");
    assert!(body["id"].as_str().unwrap().starts_with("cmpl-"));
    let choice = &body["choices"][0];
    assert_eq!(choice["text"], " upon a time.");
    assert_eq!(choice["finish_reason"], "stop");
    assert_eq!(choice["logprobs"], Value::Null);
    assert_eq!(body["usage"]["prompt_tokens"], 4);
    assert_eq!(body["usage"]["completion_tokens"], " upon a time.".len() + 1);
}

#[test]
fn sixteen_tokens_unless_more_are_asked_for() {
    let server = Server::start();
    let body = server.complete(json!("more"), json!({ "ignore_eos": true })).ok();
    assert_eq!(body["usage"]["completion_tokens"], 16);
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    let more = json!({ "ignore_eos": true, "max_tokens": 40 });
    let body = server.complete(json!("more"), more).ok();
    assert_eq!(body["usage"]["completion_tokens"], 40);
}

#[test]
fn a_prompt_may_be_token_ids_and_there_may_be_several() {
    let server = Server::start();
    let body = server.complete(json!(tokens("Once")), json!({})).ok();
    assert_eq!(body["choices"][0]["text"], " upon a time.");
    let special = server.complete(json!(tokens("a<|end|>b")), json!({ "echo": true })).ok();
    let text = special["choices"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("ab"), "control tokens stand for no text: {text}");

    let both = json!(["Once", "Two"]);
    let body = server.complete(both.clone(), json!({})).ok();
    let texts: Vec<&Value> =
        body["choices"].as_array().unwrap().iter().map(|choice| &choice["text"]).collect();
    assert_eq!(texts, [" upon a time.", " and three"]);
    assert_eq!(body["usage"]["prompt_tokens"], 7);
    assert_eq!(body["usage"]["completion_tokens"], 14 + 11);

    let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
    let chunks = server.complete(both, options).chunks();
    assert_eq!(said(&chunks, 0), " upon a time.");
    assert_eq!(said(&chunks, 1), " and three");
    assert_eq!(chunks.last().unwrap()["usage"], body["usage"]);
    let ids = json!([tokens("Two"), tokens("Once")]);
    let body = server.complete(ids, json!({})).ok();
    assert_eq!(body["choices"][1]["text"], " upon a time.");
}

#[test]
fn a_special_token_in_a_text_is_text() {
    let server = Server::start();
    let body = server.complete(json!("<|end|>"), json!({ "max_tokens": 1 })).ok();
    assert_eq!(body["usage"]["prompt_tokens"], "<|end|>".len());
}

#[test]
fn echo_comes_before_the_answer() {
    let server = Server::start();
    let body = server.complete(json!("Once"), json!({ "echo": true })).ok();
    assert_eq!(body["choices"][0]["text"], "Once upon a time.");
    let chunks = server.complete(json!("Once"), json!({ "echo": true, "stream": true })).chunks();
    assert_eq!(said(&chunks, 0), "Once upon a time.");
    let none = json!({ "echo": true, "max_tokens": 0 });
    let body = server.complete(json!("Oncé"), none).ok();
    assert_eq!(body["choices"][0]["text"], "Oncé");
    assert_eq!(body["choices"][0]["finish_reason"], "length");
    assert_eq!(body["usage"]["completion_tokens"], 0);
}

#[test]
fn log_probabilities_come_in_columns() {
    let server = Server::start();
    let wanted = json!({ "logprobs": 2, "max_tokens": 3 });
    let body = server.complete(json!("Once"), wanted).ok();
    let columns = &body["choices"][0]["logprobs"];
    assert_eq!(columns["tokens"], json!([" ", "u", "p"]));
    assert_eq!(columns["text_offset"], json!([0, 1, 2]));
    for at in 0..3 {
        let logprob = columns["token_logprobs"][at].as_f64().unwrap();
        assert!(logprob > -1e-3 && logprob <= 0.0, "{logprob}");
        let top = columns["top_logprobs"][at].as_object().unwrap();
        assert_eq!(top.len(), 2);
        assert_eq!(top.values().next().unwrap().as_f64(), Some(logprob));
    }
}

#[test]
fn a_prompt_can_be_scored_alone() {
    let server = Server::start();
    let members = json!({
        "echo": true, "logprobs": 1, "max_tokens": 0, "return_tokens_as_token_ids": true,
    });
    let body = server.complete(json!("Once u"), members).ok();
    let columns = &body["choices"][0]["logprobs"];
    let names: Vec<String> = "Once u".bytes().map(|byte| format!("token_id:{byte}")).collect();
    assert_eq!(columns["tokens"], json!(names));
    assert_eq!(columns["text_offset"], json!([0, 1, 2, 3, 4, 5]));
    assert_eq!(columns["token_logprobs"][0], Value::Null);
    assert_eq!(columns["top_logprobs"][0], Value::Null);
    let logprob = |at: usize| columns["token_logprobs"][at].as_f64().unwrap();
    // The script knows how "Once" goes on; that it goes on from "O" it does not.
    assert!(logprob(4) > -1e-3 && logprob(5) > -1e-3);
    assert!(logprob(1) < -10.0);
    // Its own entry stands beside the most probable one.
    assert_eq!(columns["top_logprobs"][1].as_object().unwrap().len(), 2);
}

#[test]
fn the_scores_of_a_stream_are_those_of_the_whole() {
    let server = Server::start();
    let members = json!({ "echo": true, "logprobs": 0, "stop": "time" });
    let whole = server.complete(json!("Once"), members.clone()).ok();
    let whole = &whole["choices"][0];
    assert_eq!(whole["text"], "Once upon a ");
    assert_eq!(whole["finish_reason"], "stop");
    let mut streamed = members;
    streamed["stream"] = json!(true);
    let chunks = server.complete(json!("Once"), streamed).chunks();
    for column in ["tokens", "token_logprobs", "text_offset"] {
        let joined: Vec<Value> = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["logprobs"][column].as_array().cloned())
            .flatten()
            .collect();
        assert_eq!(json!(joined), whole["logprobs"][column], "{column}");
    }
    // Nothing of the stop string is scored, as nothing of it is shown.
    assert_eq!(whole["logprobs"]["tokens"].as_array().unwrap().len(), "Once upon a ".len());
}

#[test]
fn a_seed_decides_what_chance_does() {
    let server = Server::start();
    let hot = |seed: i64| {
        let members = json!({
            "seed": seed, "temperature": 2, "top_p": 1, "max_tokens": 64, "ignore_eos": true,
            "logprobs": 0, "return_tokens_as_token_ids": true,
        });
        server.complete(json!(ENDLESS), members).ok()["choices"][0]["logprobs"]["tokens"].clone()
    };
    assert_eq!(hot(7), hot(7));
    assert_eq!(hot(-7), hot(-7));
}

#[test]
fn without_a_chat_format_text_is_still_continued() {
    let setup = crate::support::Setup { chat: false, ..Default::default() };
    let server = Server::with(setup);
    let body = server.complete(json!("Once"), json!({})).ok();
    assert_eq!(body["choices"][0]["text"], " upon a time.");
    let error = server.chat("think", json!({})).error(400);
    assert_eq!(error["param"], "model");
}
