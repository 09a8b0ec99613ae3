//! Answers that are held to a form, over HTTP.

use serde_json::{Value, json};
use throng_engine::EngineConfig;
use throng_testkit::Random;

use crate::support::schemas::{flaw, random_schema};
use crate::support::{Server, Setup, chat_body, http};

const SCHEMAS: u64 = 24;

/// A model that writes anything.
fn random_model(config: EngineConfig) -> Server {
    Server::with(Setup { config, random: true, ..Setup::default() })
}

fn schema(number: u64) -> Value {
    random_schema(&mut Random::new(number), 2)
}

/// A request for an answer that a random schema accepts.
fn body(number: u64) -> Value {
    let form = json!({ "name": "answer", "schema": schema(number), "strict": true });
    let members = json!({
        "temperature": 1,
        "seed": number,
        "response_format": { "type": "json_schema", "json_schema": form },
    });
    chat_body("anything", members)
}

fn choice(response: &Value) -> (&Value, &str) {
    let choice = &response["choices"][0];
    (&choice["finish_reason"], choice["message"]["content"].as_str().unwrap_or_default())
}

/// Whatever a model would say, what it does say is accepted by the schema; and it says the same in
/// company, where some lose their place in the cache.
#[test]
fn random_schemas_accept_every_finished_answer_alone_and_in_company() {
    let alone = random_model(EngineConfig { max_sequences: 1, ..EngineConfig::default() });
    let path = "/v1/chat/completions";
    let answers: Vec<Value> =
        (0..SCHEMAS).map(|number| alone.post(path, &body(number)).ok()).collect();
    let mut finished = 0;
    for (number, answer) in (0..).zip(&answers) {
        let (reason, content) = choice(answer);
        if reason == "length" {
            continue;
        }
        finished += 1;
        assert_eq!(reason, "stop");
        let value: Value = serde_json::from_str(content).unwrap_or_else(|error| {
            panic!("{error}: {content:?} for {}", schema(number));
        });
        assert_eq!(flaw(&schema(number), &value), None, "{content} for {}", schema(number));
    }
    assert!(finished * 4 > SCHEMAS * 3, "{finished} of {SCHEMAS} came to an end");
    let config = EngineConfig { max_sequences: 16, max_batched_tokens: 64, ..Default::default() };
    let crowd = random_model(config);
    let streams: Vec<_> = (0..SCHEMAS)
        .map(|number| http::send(crowd.address, path, &body(number).to_string()))
        .collect();
    for (stream, expected) in streams.into_iter().zip(&answers) {
        let answer = http::read_response(stream).ok();
        assert_eq!(answer["choices"], expected["choices"]);
    }
}

/// Those without a form get what they got when there was no other.
#[test]
fn a_form_changes_nothing_for_its_neighbours() {
    let server = random_model(EngineConfig::default());
    let free = |seed: u64| {
        chat_body("free", json!({ "temperature": 1, "seed": seed, "max_tokens": 40 })).to_string()
    };
    let path = "/v1/chat/completions";
    let ask = |body: &str| http::send(server.address, path, body);
    let expected: Vec<Value> =
        (0..6).map(|seed| http::read_response(ask(&free(seed))).ok()).collect();
    let held: Vec<_> = (0..6).map(|number| ask(&body(number).to_string())).collect();
    let streams: Vec<_> = (0..6).map(|seed| ask(&free(seed))).collect();
    for (stream, expected) in streams.into_iter().zip(expected) {
        assert_eq!(http::read_response(stream).ok()["choices"], expected["choices"]);
    }
    held.into_iter().for_each(|stream| drop(http::read_response(stream).ok()));
}

#[test]
fn all_names_of_a_form() {
    let server = random_model(EngineConfig::default());
    let lark = "start: \"<\" /[a-c]+/ \">\"";
    let is_object = |text: &str| serde_json::from_str::<Value>(text).is_ok_and(|it| it.is_object());
    let small = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let text_of_schema = small.to_string();
    type Check = Box<dyn Fn(&str) -> bool>;
    let cases: Vec<(Value, Check)> = vec![
        (json!({ "response_format": { "type": "json_object" } }), Box::new(is_object)),
        (json!({ "structured_outputs": { "json_object": true } }), Box::new(is_object)),
        (json!({ "structured_outputs": { "json": small } }), Box::new(is_object)),
        (json!({ "structured_outputs": { "json": text_of_schema } }), Box::new(is_object)),
        (json!({ "guided_json": small }), Box::new(is_object)),
        (
            json!({ "structured_outputs": { "regex": "[0-9]{4}" } }),
            Box::new(|text| text.len() == 4 && text.parse::<u16>().is_ok()),
        ),
        (json!({ "guided_regex": "é+" }), Box::new(|text| text.chars().all(|c| c == 'é'))),
        (json!({ "guided_choice": ["yes", "né"] }), Box::new(|text| ["yes", "né"].contains(&text))),
        (
            json!({ "structured_outputs": { "choice": ["a", "b"] } }),
            Box::new(|text| ["a", "b"].contains(&text)),
        ),
        (
            json!({ "structured_outputs": { "grammar": lark } }),
            Box::new(|text| text.starts_with('<') && text.ends_with('>')),
        ),
        (json!({ "guided_grammar": lark }), Box::new(|text| text.len() > 2)),
    ];
    for (mut members, check) in cases {
        members["temperature"] = json!(1);
        members["seed"] = json!(5);
        let answer = server.chat("x", members.clone()).ok();
        let (reason, content) = choice(&answer);
        assert!(reason == "length" || check(content), "{members}: {content:?}");
        if members.get("response_format").is_some() {
            continue;
        }
        // The whole of a raw text has the form.
        let answer = server.complete(json!("x"), {
            members["max_tokens"] = json!(3000);
            members
        });
        let answer = answer.ok();
        let choice = &answer["choices"][0];
        let text = choice["text"].as_str().unwrap();
        assert!(choice["finish_reason"] == "length" || check(text), "{answer}");
    }
}

#[test]
fn a_form_that_cannot_be_enforced_is_refused_by_name() {
    let server = Server::start();
    let schema = |schema: Value| {
        let form = json!({ "name": "x", "schema": schema });
        json!({ "response_format": { "type": "json_schema", "json_schema": form } })
    };
    let cases = [
        (schema(json!({ "type": "array", "uniqueItems": true })), "response_format", "uniqueItems"),
        (schema(json!({ "type": 5 })), "response_format", "type"),
        (
            schema(json!({ "oneOf": [{ "minimum": 1 }, { "maximum": 9 }] })),
            "response_format",
            "oneOf",
        ),
        (json!({ "guided_regex": "(" }), "guided_regex", "cannot be enforced"),
        (json!({ "guided_regex": 5 }), "guided_regex", "a string"),
        (json!({ "guided_choice": [] }), "guided_choice", "1 to"),
        (json!({ "guided_choice": ["a", 1] }), "guided_choice[1]", "a string"),
        (json!({ "guided_json": "{" }), "guided_json", "not JSON"),
        (json!({ "guided_json": [] }), "guided_json", "object"),
        (
            json!({ "structured_outputs": { "grammar": "start: nothing" } }),
            "structured_outputs.grammar",
            "nothing",
        ),
        (
            json!({ "structured_outputs": { "structural_tag": {} } }),
            "structured_outputs.structural_tag",
            "not supported",
        ),
        (json!({ "structured_outputs": { "jsn": {} } }), "structured_outputs.jsn", "no parameter"),
        (
            json!({ "guided_regex": "a", "guided_choice": ["a"] }),
            "guided_choice",
            "together with 'guided_regex'",
        ),
        (
            json!({ "response_format": { "type": "json_object" }, "guided_regex": "a" }),
            "guided_regex",
            "together with 'response_format'",
        ),
        (json!({ "guided_regex": "a", "ignore_eos": true }), "ignore_eos", "guided_regex"),
        (json!({ "guided_regex": "a", "min_tokens": 2 }), "min_tokens", "guided_regex"),
    ];
    for (members, param, says) in cases {
        let error = server.chat("think", members.clone()).error(400);
        assert_eq!(error["param"], param, "{members}: {error}");
        assert!(error["message"].as_str().unwrap().contains(says), "{error}");
    }
}
