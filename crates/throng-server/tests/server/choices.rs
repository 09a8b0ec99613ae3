//! Several answers to one prompt.

use serde_json::{Value, json};

use crate::support::Server;

/// What one of the choices of a stream says, in one member of its deltas.
fn said(chunks: &[Value], index: usize) -> String {
    chunks
        .iter()
        .flat_map(|chunk| chunk["choices"].as_array().unwrap())
        .filter(|choice| choice["index"] == index)
        .filter_map(|choice| choice["delta"]["content"].as_str())
        .collect()
}

#[test]
fn a_chat_has_as_many_answers_as_asked_for() {
    let server = Server::start();
    let one = server.chat("think", json!({})).ok();
    let whole = server.chat("think", json!({ "n": 3, "best_of": 3 })).ok();
    let choices = whole["choices"].as_array().unwrap();
    assert_eq!(choices.len(), 3);
    for (index, choice) in choices.iter().enumerate() {
        assert_eq!(choice["index"], index);
        assert_eq!(choice["message"], one["choices"][0]["message"]);
        assert_eq!(choice["finish_reason"], "stop");
    }
    let (usage, single) = (&whole["usage"], &one["usage"]);
    assert_eq!(usage["prompt_tokens"], single["prompt_tokens"], "the prompt is counted once");
    let times = |times: u64, count: &Value| json!(times * count.as_u64().unwrap());
    assert_eq!(usage["completion_tokens"], times(3, &single["completion_tokens"]));
    let reasoning = |usage: &Value| usage["completion_tokens_details"]["reasoning_tokens"].clone();
    assert_eq!(reasoning(usage), times(3, &reasoning(single)));

    let options = json!({ "n": 3, "stream": true, "stream_options": { "include_usage": true } });
    let mut chunks = server.chat("think", options).chunks();
    let last = chunks.pop().unwrap();
    assert_eq!(last["choices"], json!([]));
    for count in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(last["usage"][count], usage[count]);
    }
    for index in 0..3 {
        assert_eq!(said(&chunks, index), "Done: né!");
        let of = |chunk: &&Value| chunk["choices"][0]["index"] == index;
        let own: Vec<&Value> = chunks.iter().filter(of).collect();
        assert_eq!(own[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
        assert_eq!(own[own.len() - 1]["choices"][0]["finish_reason"], "stop");
        assert!(own.iter().all(|chunk| chunk["id"] == chunks[0]["id"]));
    }
}

#[test]
fn completions_count_their_choices_prompt_by_prompt() {
    let server = Server::start();
    let members = json!({ "n": 2, "echo": true, "logprobs": 0 });
    let body = server.complete(json!(["Once", "Two"]), members).ok();
    let texts: Vec<&Value> =
        body["choices"].as_array().unwrap().iter().map(|choice| &choice["text"]).collect();
    let expected = ["Once upon a time.", "Once upon a time.", "Two and three", "Two and three"];
    assert_eq!(texts, expected);
    assert_eq!(body["choices"][0]["logprobs"], body["choices"][1]["logprobs"]);
    assert_eq!(body["usage"]["prompt_tokens"], 7);
    assert_eq!(body["usage"]["completion_tokens"], 2 * (14 + 11));
}

/// The tokens of each choice at a high temperature. The model is sure of each but not of a thousand.
fn drawn(server: &Server, seed: i64, choices: usize) -> Vec<Value> {
    let members = json!({
        "n": choices, "seed": seed, "temperature": 2, "max_tokens": 1000, "ignore_eos": true,
        "logprobs": 0, "return_tokens_as_token_ids": true,
    });
    let body = server.complete(json!([1, 2, 3]), members).ok();
    let choices = body["choices"].as_array().unwrap();
    choices.iter().map(|choice| choice["logprobs"]["tokens"].clone()).collect()
}

#[test]
fn each_choice_draws_by_itself_and_the_first_as_if_alone() {
    let server = Server::start();
    let four = drawn(&server, 5, 4);
    assert_eq!(four, drawn(&server, 5, 4), "the seed decides");
    assert_eq!(four[..1], drawn(&server, 5, 1)[..]);
    assert_eq!(four[..2], drawn(&server, 5, 2)[..]);
    for (index, one) in four.iter().enumerate() {
        assert!(!four[..index].contains(one), "choice {index} drew as another did");
    }
}

#[test]
fn a_stop_string_ends_one_choice_and_not_the_others() {
    let server = Server::start();
    let members = json!({ "n": 2, "stop": [" three"], "stream": true });
    let chunks = server.complete(json!(["Once", "Two"]), members).chunks();
    let text = |index: usize| -> String {
        let choices = chunks.iter().map(|chunk| &chunk["choices"][0]);
        choices
            .filter(|choice| choice["index"] == index)
            .map(|choice| choice["text"].as_str().unwrap())
            .collect()
    };
    let texts: Vec<String> = (0..4).map(text).collect();
    assert_eq!(texts, [" upon a time.", " upon a time.", " and", " and"]);
}
