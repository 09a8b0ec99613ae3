//! `API.md` says of every parameter what becomes of it: here each of its rows is tried.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::responses::{self, PATH as RESPONSES};
use crate::support::{Server, chat_body};

const DOCUMENT: &str = include_str!("../../../../API.md");
const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";

/// Parameters of both endpoints: a value that the document speaks of, and another one. Of what is
/// honoured, the other is wrong; of what is refused, it means "no" and is let pass.
const BOTH: [(&str, &str, &str); 31] = [
    ("model", "\"scripted\"", "5"),
    ("max_tokens", "5", "-1"),
    ("n", "2", "0"),
    ("best_of", "1", "2"),
    ("seed", "-5", "0.5"),
    ("stop", "[\"x\", \"y\"]", "\"\""),
    ("stop_token_ids", "[5]", "[-1]"),
    ("ignore_eos", "false", "1"),
    ("min_tokens", "2", "-1"),
    ("stream", "true", "1"),
    ("stream_options", "{\"include_usage\": true}", "[]"),
    ("temperature", "1.5", "2.5"),
    ("top_p", "0.5", "0"),
    ("top_k", "5", "-2"),
    ("min_p", "0.5", "1.5"),
    ("logit_bias", "{\"97\": -100}", "{\"97\": 101}"),
    ("frequency_penalty", "-2", "3"),
    ("presence_penalty", "2", "-3"),
    ("repetition_penalty", "1.3", "0"),
    ("return_tokens_as_token_ids", "true", "1"),
    ("cache_salt", "\"mine\"", "\"\""),
    ("timeout", "60", "0"),
    ("user", "\"someone\"", "null"),
    ("metadata", "{\"a\": \"b\"}", "null"),
    ("store", "true", "null"),
    ("prompt_logprobs", "5", "null"),
    ("structured_outputs", "{\"choice\": [\"a\", \"b\"]}", "{\"regex\": \"(\"}"),
    ("guided_json", "{\"type\": \"null\"}", "{\"type\": \"array\", \"uniqueItems\": true}"),
    ("guided_regex", "\"[0-9]\"", "5"),
    ("guided_choice", "[\"a\"]", "[]"),
    ("guided_grammar", "\"start: \\\"a\\\"\"", "\"start: b\""),
];

/// Those of chats alone.
const CHAT_ALONE: [(&str, &str, &str); 22] = [
    ("messages", "[{\"role\": \"user\", \"content\": \"x\"}]", "[]"),
    ("max_completion_tokens", "5", "0"),
    ("logprobs", "true", "2"),
    ("top_logprobs", "2", "21"),
    ("reasoning_effort", "\"low\"", "\"most\""),
    ("include_reasoning", "false", "1"),
    ("tools", "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]", "[{}]"),
    ("tool_choice", "\"none\"", "\"required\""),
    ("parallel_tool_calls", "true", "1"),
    ("response_format", "{\"type\": \"json_object\"}", "{\"type\": \"xml\"}"),
    ("service_tier", "\"flex\"", "\"auto\""),
    ("safety_identifier", "\"someone\"", "null"),
    ("prompt_cache_key", "\"mine\"", "null"),
    ("prompt_cache_retention", "\"24h\"", "null"),
    ("audio", "{}", "null"),
    ("modalities", "[\"text\", \"audio\"]", "[\"text\"]"),
    ("functions", "[]", "null"),
    ("function_call", "\"auto\"", "null"),
    ("prediction", "{}", "null"),
    ("verbosity", "\"low\"", "\"medium\""),
    ("web_search_options", "{}", "null"),
    ("chat_template_kwargs", "{\"reasoning_effort\": \"low\"}", "{\"enable_thinking\": true}"),
];

/// Those of raw completions alone.
const COMPLETIONS_ALONE: [(&str, &str, &str); 4] = [
    ("prompt", "\"Once\"", "5"),
    ("echo", "true", "1"),
    ("logprobs", "2", "true"),
    ("suffix", "\"x\"", "\"\""),
];

/// Those of responses.
const RESPONSES_ALONE: [(&str, &str, &str); 35] = [
    ("model", "\"scripted\"", "5"),
    ("input", "[{\"role\": \"user\", \"content\": \"x\"}]", "[]"),
    ("instructions", "\"Be brief.\"", "[]"),
    ("previous_response_id", "\"resp_of_before\"", "\"resp_of_nobody\""),
    ("store", "false", "1"),
    ("background", "true", "1"),
    ("stream", "true", "1"),
    ("stream_options", "{\"include_obfuscation\": false}", "[]"),
    ("max_output_tokens", "5", "0"),
    ("temperature", "1.5", "2.5"),
    ("top_p", "0.5", "0"),
    ("top_logprobs", "2", "21"),
    ("include", "[\"message.output_text.logprobs\"]", "[\"everything\"]"),
    ("tools", "[{\"type\": \"function\", \"name\": \"f\"}]", "[{}]"),
    ("tool_choice", "\"none\"", "\"required\""),
    ("parallel_tool_calls", "true", "1"),
    ("text", "{\"format\": {\"type\": \"json_object\"}}", "{\"format\": {\"type\": \"xml\"}}"),
    ("reasoning", "{\"effort\": \"low\"}", "{\"effort\": \"most\"}"),
    ("metadata", "{\"a\": \"b\"}", "{\"a\": 5}"),
    ("user", "\"someone\"", "null"),
    ("safety_identifier", "\"someone\"", "null"),
    ("prompt_cache_key", "\"mine\"", "null"),
    ("prompt_cache_retention", "\"24h\"", "null"),
    ("max_tool_calls", "5", "null"),
    ("truncation", "\"auto\"", "\"disabled\""),
    ("service_tier", "\"flex\"", "\"auto\""),
    ("access_programs", "{}", "null"),
    ("background_options", "{}", "{\"completion_window\": \"soonest\"}"),
    ("context_management", "[{\"type\": \"compaction\"}]", "[]"),
    ("conversation", "\"conv_1\"", "null"),
    ("image", "{\"context_compression\": \"enabled\"}", "{\"context_compression\": \"auto\"}"),
    ("moderation", "{\"model\": \"m\"}", "null"),
    ("prompt", "{\"id\": \"p\"}", "null"),
    ("prompt_cache_options", "{\"mode\": \"explicit\"}", "{\"mode\": \"implicit\"}"),
    ("n", "2", "null"),
];

/// Parameters of the other two that responses have too.
const RESPONSES_TOO: [&str; 19] = [
    "seed",
    "stop",
    "stop_token_ids",
    "ignore_eos",
    "min_tokens",
    "top_k",
    "min_p",
    "logit_bias",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
    "return_tokens_as_token_ids",
    "cache_salt",
    "timeout",
    "structured_outputs",
    "guided_json",
    "guided_regex",
    "guided_choice",
    "guided_grammar",
];

/// Parameters and what the document says becomes of them, of one of its sections.
fn rows(heading: &str) -> Vec<(&'static str, &'static str)> {
    let section = DOCUMENT.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let lines = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let row = |line: &'static str| {
        let (name, rest) = line.split_once("` | ").unwrap();
        (name, rest.split_once(" |").unwrap().0)
    };
    lines.map(row).collect()
}

/// The answer to a body in which one parameter has this value.
fn try_value(server: &Server, path: &str, name: &str, value: &str) -> (u16, Value) {
    let mut body = match path {
        CHAT => chat_body("think", json!({})),
        RESPONSES => responses::body(json!("think"), json!({})),
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
fn check(server: &Server, path: &str, state: &str, (name, value, other): (&str, &str, &str)) {
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

fn check_section(heading: &str, paths: &[&str], cases: &[(&str, &str, &str)]) {
    let server = Server::start();
    let rows = rows(heading);
    let documented: BTreeSet<&str> = rows.iter().map(|row| row.0).collect();
    let tried: BTreeSet<&str> = cases.iter().map(|case| case.0).collect();
    assert_eq!(documented, tried, "under {heading}");
    for (name, state) in rows {
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
