//! `API.md` says of every parameter what becomes of it: here each of its rows is tried.

mod cases;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use self::cases::{
    BOTH, CHAT_ALONE, COMPLETIONS_ALONE, CONVERSATION, CONVERSATION_TOO, Case, RESPONSES_ALONE,
    RESPONSES_TOO, TEXT, TOKENS,
};
use crate::support::responses::{self, PATH as RESPONSES};
use crate::support::{Server, chat_body};

const DOCUMENT: &str = include_str!("../../../../API.md");
const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";
const TOKENIZE: &str = "/tokenize";
/// The same for a conversation, which the server knows by its body.
const TOKENIZE_CHAT: &str = "/tokenize?of=messages";
const DETOKENIZE: &str = "/detokenize";

/// Parameters, what the document says becomes of them, and its remarks, of one of its sections.
pub fn rows(heading: &str) -> Vec<(&'static str, &'static str, &'static str)> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let row = |line: &'static str| {
        let (name, rest) = line.split_once("` | ").unwrap();
        let (state, remark) = rest.split_once(" |").unwrap();
        (name, state, remark.strip_suffix('|').unwrap().trim())
    };
    lines.map(row).collect()
}

/// The answer to a body in which one parameter has this value.
fn try_value(server: &Server, path: &str, name: &str, value: &str) -> (u16, Value) {
    let mut body = match path {
        CHAT => chat_body("think", json!({})),
        RESPONSES => responses::body(json!("think"), json!({})),
        TOKENIZE => json!({ "prompt": "Once" }),
        TOKENIZE_CHAT => json!({ "messages": [{ "role": "user", "content": "Once" }] }),
        DETOKENIZE => json!({ "tokens": [65] }),
        _ => json!({ "model": "scripted", "prompt": "Once", "temperature": 0 }),
    };
    // These two need another.
    match name {
        "stream_options" => body["stream"] = json!(true),
        "top_logprobs" if path == CHAT => body["logprobs"] = json!(true),
        _ => {}
    }
    body[name] = serde_json::from_str(value).unwrap();
    if body[name] == "resp_of_before" {
        body[name] = server.respond("think", json!({})).ok()["id"].take();
    }
    let response = server.post(path, &body);
    let error = if response.status == 400 { response.error(400) } else { Value::Null };
    (response.status, error)
}

/// Tries a row at one endpoint.
fn check(server: &Server, path: &str, state: &str, (name, value, other): Case) {
    let (status, error) = try_value(server, path, name, value);
    let (other_status, other_error) = try_value(server, path, name, other);
    let what = format!("{name} of {path}: {value}: {error}; {other}: {other_error}");
    match state {
        "honoured" => {
            assert_eq!((status, other_status), (200, 400), "{what}");
            let param = other_error["param"].as_str().unwrap();
            assert!(param.starts_with(name), "{what}");
        }
        "accepted" => assert_eq!((status, other_status), (200, 200), "{what}"),
        "refused" | "unknown" => {
            assert_eq!((status, other_status), (400, 200), "{what}");
            let codes = [("refused", "unsupported_parameter"), ("unknown", "unknown_parameter")];
            assert!(codes.contains(&(state, error["code"].as_str().unwrap())), "{what}");
            assert_eq!(error["param"], name, "{what}");
        }
        state => panic!("{name} is {state:?}, which says nothing"),
    }
}

fn check_section(heading: &str, paths: &[&str], cases: &[Case]) {
    let server = Server::start();
    let rows = rows(heading);
    let documented: BTreeSet<&str> = rows.iter().map(|row| row.0).collect();
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.0).collect();
    assert_eq!(documented, tried, "under {heading}");
    for (name, state, _) in rows {
        let case = cases.iter().find(|case| case.0 == name).unwrap();
        for path in paths {
            check(&server, path, state, *case);
        }
    }
}

#[test]
fn parameters_of_both_endpoints_are_as_documented() {
    check_section("Both endpoints", &[CHAT, COMPLETIONS], &BOTH);
}

#[test]
fn parameters_of_chats_are_as_documented() {
    check_section("Chats alone", &[CHAT], &CHAT_ALONE);
}

#[test]
fn parameters_of_completions_are_as_documented() {
    check_section("Completions alone", &[COMPLETIONS], &COMPLETIONS_ALONE);
}

#[test]
fn parameters_of_responses_are_as_documented() {
    let shared = BOTH.into_iter().filter(|case| RESPONSES_TOO.contains(&case.0));
    let cases: Vec<_> = RESPONSES_ALONE.into_iter().chain(shared).collect();
    check_section("Responses", &[RESPONSES], &cases);
}

#[test]
fn parameters_of_tokens_are_as_documented() {
    check_section("Tokens of a text", &[TOKENIZE], &TEXT);
    let shared = CHAT_ALONE.into_iter().filter(|case| CONVERSATION_TOO.contains(&case.0));
    let cases: Vec<_> = CONVERSATION.into_iter().chain(shared).collect();
    check_section("Tokens of a conversation", &[TOKENIZE_CHAT], &cases);
    check_section("Text of tokens", &[DETOKENIZE], &TOKENS);
}

#[test]
fn what_one_endpoint_has_the_other_does_not_know() {
    let server = Server::start();
    let of_chats = CHAT_ALONE.iter().map(|case| (COMPLETIONS, case));
    let others = of_chats.chain(COMPLETIONS_ALONE.iter().map(|case| (CHAT, case)));
    let of_responses = RESPONSES_ALONE.iter().filter(|case| {
        [&BOTH[..], &CHAT_ALONE, &COMPLETIONS_ALONE]
            .iter()
            .all(|cases| cases.iter().all(|other| other.0 != case.0))
    });
    let others = others.chain(of_responses.map(|case| (CHAT, case)));
    for (path, (name, value, _)) in others.filter(|(_, case)| case.0 != "logprobs") {
        let (status, error) = try_value(&server, path, name, value);
        assert_eq!((status, &error["code"]), (400, &json!("unknown_parameter")), "{name}: {error}");
        assert_eq!(error["param"], *name);
    }
}
