//! Predicted answers over HTTP: the same answer, sooner.

use std::thread;

use serde_json::{Value, json};
use throng_engine::{Drafter, EngineConfig, Method, Ngram, Speculation};

use crate::support::schemas::random_schema;
use crate::support::{CONTEXT, Server, Setup, chat_body};
use throng_testkit::Random;

const PATH: &str = "/v1/chat/completions";

/// Always as many drafts as there may be, of predictions alone.
fn eager() -> EngineConfig {
    let drafter = Drafter::Ngram(Ngram { min: 64, max: 64 });
    let speculation = Some(Speculation { drafter, tokens: 1, adaptive: false });
    EngineConfig { speculation, ..EngineConfig::default() }
}

fn content(text: &str) -> Value {
    json!({ "type": "content", "content": text })
}

/// What differs from one time to the next, taken out of a body. Drafts that came, and that did not.
fn taken(body: &mut Value) -> (u64, u64) {
    for key in ["id", "created"] {
        body[key].take();
    }
    body["usage"]["prompt_tokens_details"].take();
    let details = &mut body["usage"]["completion_tokens_details"];
    let mut count = |key: &str| details[key].take().as_u64().unwrap_or(0);
    (count("accepted_prediction_tokens"), count("rejected_prediction_tokens"))
}

#[test]
fn what_is_predicted_comes_several_tokens_at_a_time() {
    for (config, is_eager) in [(EngineConfig::default(), false), (eager(), true)] {
        let server = Server::with(Setup { config, ..Setup::default() });
        let mut plain = server.chat("think", json!({})).ok();
        assert_eq!(taken(&mut plain), (0, 0));
        let parts = json!({ "type": "content", "content": [
            { "type": "text", "text": "Done: " }, { "type": "text", "text": "né!" },
        ] });
        for prediction in [content("Done: né!"), parts] {
            let mut predicted = server.chat("think", json!({ "prediction": prediction })).ok();
            let (accepted, rejected) = taken(&mut predicted);
            assert_eq!(predicted, plain);
            // How much else would be drafted is a matter of time.
            assert!(accepted >= 2 || !is_eager, "{accepted}");
            assert_eq!(rejected, 0);
        }
        // Nothing of it comes, or nothing is there.
        for prediction in [content("Something else?"), content("")] {
            let mut predicted = server.chat("think", json!({ "prediction": prediction })).ok();
            assert_eq!(taken(&mut predicted).0, 0);
            assert_eq!(predicted, plain);
        }
    }
    let server = Server::with(Setup { config: eager(), ..Setup::default() });
    let steps = |members: Value| {
        let before = server.engine.stats().steps;
        server.chat("list", members).ok();
        server.engine.stats().steps - before
    };
    // "one, two, three" and what ends it are 16 tokens that come behind the header in one step.
    let plain = steps(json!({}));
    assert_eq!(steps(json!({ "prediction": content("one, two, three") })), plain - 15);
    // In the place of a letter another: one step more looks at it, and one finds the place again.
    let edited = steps(json!({ "prediction": content("one, too, three") }));
    assert!((plain - 15..=plain - 12).contains(&edited), "{edited} of {plain}");
}

#[test]
fn streams_and_several_answers_are_the_same_too() {
    let server = Server::with(Setup { config: eager(), random: true, ..Setup::default() });
    let ask = |temperature: u32, members: Value| {
        let mut body = chat_body("anything", members);
        (body["temperature"], body["seed"]) = (json!(temperature), json!(7));
        (body["max_tokens"], body["n"]) = (json!(60), json!(2));
        body
    };
    for temperature in [0, 1] {
        let mut whole = server.post(PATH, &ask(temperature, json!({}))).ok();
        taken(&mut whole);
        let said = whole["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        let members = json!({ "prediction": content(&said) });
        let mut predicted = server.post(PATH, &ask(temperature, members)).ok();
        taken(&mut predicted);
        assert_eq!(predicted, whole);
        let streamed = |prediction: Value| {
            let options = json!({ "include_usage": true });
            let members =
                json!({ "stream": true, "stream_options": options, "prediction": prediction });
            let mut chunks = server.post(PATH, &ask(temperature, members)).chunks();
            // Which of the two writes first is a matter of time.
            chunks.sort_by_key(|chunk| chunk["choices"][0]["index"].as_u64());
            chunks.iter_mut().for_each(|chunk| {
                taken(chunk);
            });
            chunks
        };
        assert_eq!(streamed(content(&said)), streamed(Value::Null));
    }
    let drafts = &server.engine.stats().speculation.by_method[Method::Prediction];
    assert!(drafts.accepted_tokens > 0, "{drafts:?}");
}

#[test]
fn forms_are_kept_whatever_is_predicted_alone_and_in_company() {
    let server = Server::with(Setup { config: eager(), random: true, ..Setup::default() });
    let body = |number: u64, prediction: Value| {
        let schema = random_schema(&mut Random::new(number), 2);
        let form = json!({ "name": "answer", "schema": schema, "strict": true });
        chat_body(
            "anything",
            json!({
                "temperature": 1,
                "seed": number,
                "max_tokens": 200,
                "prediction": prediction,
                "response_format": { "type": "json_schema", "json_schema": form },
            }),
        )
    };
    let plain: Vec<Value> =
        (0..8).map(|number| server.post(PATH, &body(number, Value::Null)).ok()).collect();
    let said = |answer: &Value| answer["choices"][0]["message"]["content"].clone();
    let texts: Vec<String> =
        plain.iter().map(|answer| said(answer).as_str().unwrap_or("{}").to_owned()).collect();
    let predicted: Vec<Value> = thread::scope(|scope| {
        let (server, body) = (&server, &body);
        // Half of them predict another's answer.
        let asked = texts.iter().enumerate().map(|(number, _)| {
            let text = &texts[if number % 2 == 0 { number } else { 0 }];
            scope.spawn(move || server.post(PATH, &body(number as u64, content(text))).ok())
        });
        let asked: Vec<_> = asked.collect();
        asked.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    for (ours, alone) in predicted.iter().zip(&plain) {
        assert_eq!(ours["choices"], alone["choices"]);
    }
    assert!(server.engine.stats().speculation.total().accepted_tokens > 0);
}

#[test]
fn a_model_with_a_template_begins_at_once_or_behind_its_thought() {
    let server = Server::with(Setup { config: eager(), tagged: true, ..Setup::default() });
    for words in ["think", "anything"] {
        let mut plain = server.chat(words, json!({})).ok();
        taken(&mut plain);
        let said = plain["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
        let mut predicted = server.chat(words, json!({ "prediction": content(&said) })).ok();
        let (accepted, _) = taken(&mut predicted);
        assert_eq!(predicted, plain);
        assert!(accepted as usize + 2 >= said.len(), "{accepted} of {said:?}");
    }
}

#[test]
fn what_is_no_prediction_is_refused_by_its_name() {
    let server = Server::start();
    let refused = |prediction: Value| {
        let error = server.chat("think", json!({ "prediction": prediction })).error(400);
        (error["param"].as_str().unwrap().to_owned(), error["code"].clone())
    };
    let long = "x".repeat(CONTEXT + 1);
    for (prediction, param) in [
        (json!("Done"), "prediction"),
        (json!({ "content": "Done" }), "prediction.type"),
        (json!({ "type": "text", "content": "Done" }), "prediction.type"),
        (json!({ "type": "content" }), "prediction.content"),
        (json!({ "type": "content", "content": 5 }), "prediction.content"),
        (
            json!({ "type": "content", "content": [{ "type": "text" }] }),
            "prediction.content[0].text",
        ),
        (json!({ "type": "content", "content": "x", "more": 1 }), "prediction.more"),
        (content(&long), "prediction"),
    ] {
        assert_eq!(refused(prediction).0, param);
    }
    assert_eq!(refused(content(&long)).1, "context_length_exceeded");
    server.chat("think", json!({ "prediction": content(&long[1..]) })).ok();
}
