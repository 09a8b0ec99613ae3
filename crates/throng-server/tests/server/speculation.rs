//! What clients see of drafts: nothing but how many came.

use serde_json::{Value, json};
use throng_engine::{Drafter, EngineConfig, Ngram, Speculation};

use crate::support::{Server, Setup};

#[test]
fn usage_counts_drafts_and_nothing_else_changes() {
    let drafter = Drafter::Ngram(Ngram { min: 1, max: 3 });
    let speculation = Some(Speculation { drafter, tokens: 3, adaptive: false });
    let config = EngineConfig { speculation, ..EngineConfig::default() };
    let drafting = Server::with(Setup { config, ..Setup::default() });
    let plain = Server::start();
    let ask = |server: &Server| {
        let options = json!({ "stream": true, "stream_options": { "include_usage": true } });
        let last = server.complete(json!("Once"), options).chunks().pop().unwrap();
        let mut bodies = [
            server.complete(json!(["Once", "Two"]), json!({ "n": 2 })).ok(),
            server.complete(json!("Once"), json!({ "stop": ["time"] })).ok(),
            server.chat("think", json!({ "n": 2 })).ok(),
            last,
        ];
        let mut drafts = (0, 0);
        for body in &mut bodies {
            let details = &mut body["usage"]["completion_tokens_details"];
            drafts.0 += taken(details, "accepted_prediction_tokens");
            drafts.1 += taken(details, "rejected_prediction_tokens");
            for key in ["id", "created"] {
                body[key].take();
            }
        }
        (bodies, drafts)
    };
    let (expected, none) = ask(&plain);
    assert_eq!(none, (0, 0));
    let (bodies, (accepted, rejected)) = ask(&drafting);
    assert_eq!(bodies, expected);
    let all = drafting.engine.stats().speculation.total();
    // What was drafted behind the stop string is the engine's, and nobody's answer.
    assert!(0 < accepted && accepted <= all.accepted_tokens, "{accepted} of {all:?}");
    assert!(0 < rejected && accepted + rejected <= all.drafted_tokens, "{rejected} of {all:?}");
}

#[test]
fn a_draft_model_that_fails_is_counted_and_costs_no_answer() {
    let speculation = Some(Speculation { drafter: Drafter::Model, tokens: 3, adaptive: false });
    let config = EngineConfig { speculation, ..EngineConfig::default() };
    let setup = Setup { config, draft_failing_after: Some(1), ..Setup::default() };
    let server = Server::with(setup);
    let failures = || {
        let text = server.get("/metrics").text().to_owned();
        let name = "throng:spec_decode_draft_failures_total{model_name=\"scripted\"} ";
        let count = text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        count.unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    assert_eq!(failures(), "0");
    for _ in 0..2 {
        let answer = server.chat("think", json!({})).ok();
        assert_eq!(answer["choices"][0]["message"]["content"], "Done: né!");
        assert_eq!(failures(), "1");
    }
}

fn taken(details: &mut Value, key: &str) -> u64 {
    details[key].take().as_u64().unwrap()
}
