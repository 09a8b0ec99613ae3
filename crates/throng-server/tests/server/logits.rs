//! Parameters that change the model's logits, and when its answer may end.

use serde_json::{Value, json};

use crate::support::Server;

/// The answer to "Once", which the script has at a logit of 20 a token and all else at 0.
fn once(server: &Server, members: Value) -> String {
    let body = server.complete(json!("Once"), members).ok();
    body["choices"][0]["text"].as_str().unwrap().to_owned()
}

/// A bias on the letter x.
fn x(bias: f64) -> Value {
    json!({ "120": bias })
}

#[test]
fn a_bias_makes_tokens_come_or_stay_away() {
    let server = Server::start();
    assert_eq!(once(&server, json!({ "logit_bias": x(19.9) })), " upon a time.");
    assert_eq!(once(&server, json!({ "logit_bias": x(20.1), "max_tokens": 3 })), "xxx");
    let instead = json!({ "32": -100, "120": 1 });
    assert_eq!(once(&server, json!({ "logit_bias": instead })), "xuponxaxtime.");
}

#[test]
fn log_probabilities_are_the_models_own() {
    let server = Server::start();
    let members = json!({ "logit_bias": x(50.0), "max_tokens": 1, "logprobs": 1 });
    let body = server.complete(json!("Once"), members).ok();
    let columns = &body["choices"][0]["logprobs"];
    assert_eq!(columns["tokens"], json!(["x"]));
    assert!((columns["token_logprobs"][0].as_f64().unwrap() + 20.0).abs() < 1e-3, "{columns}");
    assert!(columns["top_logprobs"][0][" "].as_f64().unwrap() > -1e-3, "{columns}");
}

#[test]
fn a_presence_penalty_counts_once_and_the_answer_alone() {
    let server = Server::start();
    let members = json!({ "logit_bias": x(20.5), "presence_penalty": 1 });
    assert_eq!(once(&server, members), "xupon axtime.");
}

#[test]
fn a_frequency_penalty_counts_each_time() {
    let server = Server::start();
    let members = json!({ "logit_bias": x(21.5), "frequency_penalty": 1 });
    assert_eq!(once(&server, members), "xxpon axtime.");
}

#[test]
fn a_repetition_penalty_divides_and_counts_the_prompt_too() {
    let server = Server::start();
    let members = json!({ "logit_bias": x(12.0), "repetition_penalty": 2 });
    assert_eq!(once(&server, members), " upox a time.");
}

#[test]
fn choices_and_streams_are_penalised_alike() {
    let server = Server::start();
    let members = json!({ "logit_bias": x(21.5), "frequency_penalty": 1, "n": 2, "stream": true });
    let chunks = server.complete(json!("Once"), members).chunks();
    for index in 0..2 {
        let choices = chunks.iter().map(|chunk| &chunk["choices"][0]);
        let own = choices.filter(|choice| choice["index"] == index);
        let text: String = own.map(|choice| choice["text"].as_str().unwrap()).collect();
        assert_eq!(text, "xxpon axtime.");
    }
}

#[test]
fn filters_leave_the_best() {
    let server = Server::start();
    // Without the space all else is equally probable, but for x.
    let drawn = |filter: Value| -> Vec<String> {
        let answers = (0..8).map(|seed| {
            let mut members = filter.clone();
            members["seed"] = json!(seed);
            members["temperature"] = json!(1);
            members["max_tokens"] = json!(1);
            members["logit_bias"] = json!({ "32": -20, "120": 2 });
            once(&server, members)
        });
        answers.collect()
    };
    assert!(drawn(json!({})).iter().any(|text| text != "x"));
    for filter in [json!({ "top_k": 1 }), json!({ "min_p": 0.5 }), json!({ "top_p": 0.001 })] {
        assert_eq!(drawn(filter), ["x"; 8]);
    }
}

#[test]
fn an_answer_has_its_least_number_of_tokens() {
    let server = Server::start();
    let ended = |members: Value| {
        let body = server.complete(json!("Once"), members).ok();
        let tokens = body["usage"]["completion_tokens"].as_u64().unwrap();
        (tokens, body["choices"][0]["finish_reason"].as_str().unwrap().to_owned())
    };
    // Thirteen and the token that ends it, which is no part of the minimum.
    assert_eq!(ended(json!({ "min_tokens": 13 })), (14, "stop".to_owned()));
    assert_eq!(ended(json!({ "min_tokens": 14 })), (15, "stop".to_owned()));
    assert_eq!(ended(json!({ "min_tokens": 16 })), (16, "length".to_owned()));
    let stop = u32::from(b'p');
    let early = json!({ "stop_token_ids": [stop] });
    assert_eq!(ended(early), (3, "stop".to_owned()));
    let late = json!({ "stop_token_ids": [stop], "min_tokens": 13 });
    assert_eq!(ended(late), (14, "stop".to_owned()));
}

#[test]
fn stop_strings_wait_for_the_least_number_of_tokens() {
    let server = Server::start();
    let stop = json!(["on", "a t"]);
    assert_eq!(once(&server, json!({ "stop": stop })), " up");
    assert_eq!(once(&server, json!({ "stop": stop, "min_tokens": 4 })), " up");
    assert_eq!(once(&server, json!({ "stop": stop, "min_tokens": 5 })), " upon ");

    // Thirty-two tokens of reasoning and headers come before the first of the content.
    let content = |min_tokens: u32| {
        let members = json!({ "stop": ["on", ": "], "min_tokens": min_tokens });
        server.chat("think", members).ok()["choices"][0]["message"]["content"].clone()
    };
    assert_eq!(content(34), "D");
    assert_eq!(content(35), "Done");
}

/// So many entries of a `logit_bias`.
fn biases(count: usize) -> Value {
    (0..count).map(|id| (id.to_string(), json!(1))).collect()
}

#[test]
fn bounds_are_kept_and_named() {
    let server = Server::start();
    let cases = [
        (json!({ "presence_penalty": 2.1 }), "presence_penalty", "invalid_value"),
        (json!({ "frequency_penalty": "x" }), "frequency_penalty", "invalid_type"),
        (json!({ "repetition_penalty": 0 }), "repetition_penalty", "invalid_value"),
        (json!({ "min_tokens": 1.5 }), "min_tokens", "invalid_type"),
        (json!({ "min_tokens": 9, "max_tokens": 8 }), "min_tokens", "invalid_value"),
        (json!({ "logit_bias": [5] }), "logit_bias", "invalid_type"),
        (json!({ "logit_bias": { "5": -101 } }), "logit_bias.5", "invalid_value"),
        (json!({ "logit_bias": { "5": "x" } }), "logit_bias.5", "invalid_type"),
        (json!({ "logit_bias": { "05": 1 } }), "logit_bias.05", "invalid_value"),
        (json!({ "logit_bias": { "99999": 1 } }), "logit_bias", "invalid_value"),
        (json!({ "logit_bias": biases(301) }), "logit_bias", "invalid_value"),
    ];
    for (members, param, code) in cases {
        for response in
            [server.chat("think", members.clone()), server.complete(json!("x"), members.clone())]
        {
            let error = response.error(400);
            assert_eq!(error["param"], param, "{members}: {error}");
            assert_eq!(error["code"], code, "{members}: {error}");
            assert!(error["message"].as_str().unwrap().contains(param), "{error}");
        }
    }
    server.complete(json!("x"), json!({ "logit_bias": biases(256) })).ok();
}
