//! Conversations, two tenants and a soak against a server that watches them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::server::{Reply, Server, answer, refusal};
use crate::load::{Conversations, Fairness, LoadError, Soak};

/// Requests that measure how long words are, before the first of a scenario.
const PROBES: usize = 2;

fn roles(body: &Value) -> Vec<&str> {
    let messages = body["messages"].as_array().unwrap();
    messages.iter().map(|message| message["role"].as_str().unwrap()).collect()
}

#[test]
fn conversations_go_on_with_the_servers_own_answers() {
    let server = Server::start(|number, seen| {
        let messages = seen.body["messages"].as_array().map_or(0, Vec::len) as u64;
        answer(&[&format!("answer {number}")], 100 * messages, 90 * (messages / 3))
    });
    let session = server.session(|_| {});
    let plan = Conversations { count: 2, turns: 3, system_tokens: 50, users: 1 };
    let talk = session.talk(plan, |_| ()).unwrap();
    assert_eq!((talk.turns.len(), talk.refusals), (6, 0));
    let before: Vec<(usize, u64)> =
        talk.turns.iter().map(|turn| (turn.turn, turn.before)).collect();
    assert_eq!(before, [(0, 0), (0, 0), (1, 200), (1, 200), (2, 400), (2, 400)]);
    let seen = &server.seen()[PROBES..];
    assert_eq!(roles(&seen[0].body), ["system", "user"]);
    assert_eq!(roles(&seen[5].body), ["system", "user", "assistant", "user", "assistant", "user"]);
    // They take turns, share the system prompt, and nothing else.
    for (later, earlier) in [(2, 0), (3, 1), (4, 2), (5, 3)] {
        let (later, earlier) = (&seen[later].body["messages"], &seen[earlier].body["messages"]);
        let shared = earlier.as_array().unwrap();
        assert_eq!(&later.as_array().unwrap()[..shared.len()], shared.as_slice());
    }
    assert_eq!(seen[4].body["messages"][2]["content"], "answer 2");
    assert_eq!(seen[0].body["messages"][0], seen[1].body["messages"][0]);
    assert_ne!(seen[0].body["messages"][1], seen[1].body["messages"][1]);
    let json = talk.json(Some(10_000));
    assert_eq!(json["turns"][1]["prompt_tokens"], 800);
    assert_eq!(json["turns"][1]["cached_tokens"], 180);
    assert_eq!(json["turns"][1]["repeated_tokens"], 400);
    assert_eq!(json["turns"][1]["best_cached_tokens"], 400);
    let small = talk.json(Some(talk.system_tokens + 100));
    assert_eq!(small["turns"][1]["best_cached_tokens"], 2 * talk.system_tokens + 100);
    let table = talk.table(Some(10_000));
    assert!(table.contains("45.0 %"), "{table}");
    assert_eq!(table.lines().find(|line| line.chars().count() > 99), None, "{table}");
}

#[test]
fn a_conversation_whose_question_fails_is_over() {
    let server = Server::start(|number, _| match number {
        2 => refusal("500 Internal Server Error", "", "{}"),
        _ => answer(&["a"], 10, 0),
    });
    let plan = Conversations { count: 2, turns: 2, system_tokens: 5, users: 2 };
    let talk = server.session(|_| {}).talk(plan, |_| ()).unwrap();
    assert_eq!(talk.turns.len(), 3);
    assert!(talk.table(None).contains("1 failed: status 500"), "{}", talk.table(None));
}

#[test]
fn the_single_tenant_is_measured_alone_and_beside_the_crowd() {
    let server = Server::start(|number, seen| match seen.key.as_str() {
        // The crowd is never answered.
        "Bearer crowd" if number >= PROBES => Reply::Endless(String::new()),
        _ => answer(&["a", "b"], 10, 0),
    });
    let session = server.session(|workload| {
        workload.keys = ["crowd", "single"].map(|key| key.parse().unwrap()).into();
    });
    let shares = session.share(Fairness { queued: 5, questions: 3 }, |_| ()).unwrap();
    assert_eq!((shares.alone.len(), shares.beside.len(), shares.crowd.len()), (3, 3, 5));
    let keys: Vec<String> = server.seen()[PROBES..].iter().map(|seen| seen.key.clone()).collect();
    assert_eq!(keys[..3], ["Bearer single"; 3], "alone first");
    let count = |key: &str| keys.iter().filter(|seen| *seen == key).count();
    assert_eq!((count("Bearer crowd"), count("Bearer single")), (5, 6));
    let json = shares.json();
    assert_eq!(json["beside"]["completed"], 3);
    assert_eq!(json["crowd"]["completed"], 0);
    let table = shares.table();
    assert!(table.contains("5 of the crowd still waited"), "{table}");
    assert_eq!(table.lines().find(|line| line.chars().count() > 99), None, "{table}");
}

#[test]
fn a_crowd_that_is_gone_too_soon_leaves_nothing_to_measure() {
    let server = Server::start(|_, _| answer(&["a"], 10, 0));
    let session = server.session(|workload| {
        workload.keys = ["crowd", "single"].map(|key| key.parse().unwrap()).into();
    });
    let shares = session.share(Fairness { queued: 2, questions: 2 }, |_| ()).unwrap();
    assert_eq!((shares.alone.len(), shares.beside.len(), shares.crowd.len()), (2, 0, 2));
    let one = server.session(|workload| workload.keys = vec!["a".parse().unwrap()]);
    let error = one.share(Fairness { queued: 1, questions: 1 }, |_| ()).map(|_| ()).unwrap_err();
    assert_eq!(error, LoadError::TwoTenants { given: 1 });
}

#[test]
fn a_soak_counts_every_end_and_looks_until_it_is_quiet() {
    let asked = AtomicBool::new(false);
    let server = Server::start(move |number, seen| match seen.path.as_str() {
        "/metrics" => {
            // Busy when it is asked first, quiet from then on.
            let running = if asked.swap(true, Ordering::SeqCst) { 0 } else { 7 };
            let body = format!("throng:num_requests_running {running}\n");
            refusal("200 OK", "", &body)
        }
        _ if number % 7 == 6 => refusal("500 Internal Server Error", "", "{}"),
        _ => answer(&["a", "b", "c"], 10, 0),
    });
    let session = server.session(|_| {});
    let plan = Soak { users: 3, duration: Duration::from_millis(300), pid: None };
    let mut requests = 0;
    let endurance = session.soak(plan, |_| requests += 1).unwrap();
    let counted: usize =
        endurance.conducts.values().map(|ends| ends.completed + ends.left + ends.failed).sum();
    assert_eq!(counted, requests);
    assert!(endurance.conducts["patient"].completed > 0);
    assert!(endurance.failures.keys().all(|kind| kind == "status 500"), "{endurance:?}");
    assert!(endurance.quiet_seconds.is_some());
    let first = endurance.looks[0].gauges.unwrap();
    assert_eq!((first.running, first.waiting), (Some(7.0), None));
    let table = endurance.table();
    assert!(table.contains("quiet "), "{table}");
    assert_eq!(table.lines().find(|line| line.chars().count() > 99), None, "{table}");
    assert_eq!(endurance.json()["looks"][0]["running"], 7.0);
}
