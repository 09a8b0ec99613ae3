//! Closed and open loops against a server that watches them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use super::server::{Reply, Server, answer, refusal};
use crate::load::{ApiKey, Load, LoadError, Session, Summary};

/// Requests that measure how long words are, before the first of a level.
const PROBES: usize = 2;

#[test]
fn a_closed_loop_has_as_many_at_once_as_it_has_users() {
    // Nobody is answered before four are there: with fewer users this would never end.
    let barrier = Barrier::new(4);
    let server = Server::start(move |number, _| {
        if number >= PROBES {
            barrier.wait();
        }
        answer(&["a", "b"], 10, 0)
    });
    let session = server.session(|_| {});
    let mut seen = 0;
    let level = session.level(0, Load::Users(4), 12, |_| seen += 1).unwrap();
    let summary = Summary::of(&level);
    assert_eq!((summary.completed, summary.failed(), seen), (12, 0, 12));
    assert_eq!((summary.completion_tokens, summary.prompt_tokens), (24, 120));
    assert_eq!(summary.first_token.unwrap().count(), 12);
    let bodies: std::collections::BTreeSet<String> =
        server.seen().iter().map(|seen| seen.body.to_string()).collect();
    assert_eq!(bodies.len(), PROBES + 12, "no two prompts are alike");
}

#[test]
fn an_open_loop_sends_though_nobody_is_answered() {
    let barrier = Barrier::new(9);
    let server = Server::start(move |number, _| {
        if number >= PROBES {
            barrier.wait();
        }
        answer(&["a"], 1, 0)
    });
    let level = server.session(|_| {}).level(0, Load::Rate(1000.0), 9, |_| ()).unwrap();
    assert_eq!(Summary::of(&level).completed, 9);
}

#[test]
fn a_full_server_is_asked_again_and_that_is_counted() {
    let server = Server::start(|number, _| match number {
        0 | 3 | 4 => refusal("429 Too Many Requests", "Retry-After: 0\r\n", "{}"),
        // It does not say when: that is a failure.
        6 => refusal("429 Too Many Requests", "", r#"{"error":{"message":"m","type":"t"}}"#),
        _ => answer(&["a"], 1, 0),
    });
    let session = server.session(|_| {});
    let level = session.level(0, Load::Users(1), 3, |_| ()).unwrap();
    let summary = Summary::of(&level);
    assert_eq!((summary.completed, summary.refusals), (2, 2));
    assert_eq!(summary.failures["status 429 t"], 1);
    let seen = server.seen();
    assert_eq!(seen[0].body, seen[1].body);
    assert_eq!(seen[3].body, seen[5].body);
    // In an open loop the next one comes anyway.
    let full = Server::start(|number, _| match number {
        0 | 1 => answer(&["a"], 1, 0),
        _ => refusal("429 Too Many Requests", "Retry-After: 1\r\n", "{}"),
    });
    let level = full.session(|_| {}).level(0, Load::Rate(1000.0), 3, |_| ()).unwrap();
    let summary = Summary::of(&level);
    assert_eq!((summary.failures["status 429"], full.seen().len()), (3, PROBES + 3));
}

#[test]
fn whoever_has_seen_enough_gets_what_there_is() {
    let server = Server::start(|number, _| match number {
        0..4 => answer(&["a"], 1, 0),
        _ => Reply::Endless("data: {\"choices\":[]}\n\n".to_owned()),
    });
    let session = server.session(|_| {});
    let stop = Arc::clone(&session.stop);
    let ends = AtomicUsize::new(0);
    let level = session.level(0, Load::Users(1), 9, |_| {
        // The third request is on its way or hangs when this is seen.
        if ends.fetch_add(1, Ordering::SeqCst) == 1 {
            stop.store(true, Ordering::SeqCst);
        }
    });
    let summary = Summary::of(&level.unwrap());
    assert_eq!((summary.completed, summary.failed()), (2, 0));
    assert!(summary.left <= 1);
}

#[test]
fn keys_are_sent_in_turn_and_models_are_found() {
    let server = Server::start(|_, seen| match seen.path.as_str() {
        "/v1/models" => refusal("200 OK", "", r#"{"data":[{"id":"first"},{"id":"second"}]}"#),
        _ => answer(&["a"], 1, 0),
    });
    let key: ApiKey = "name=secret".parse().unwrap();
    assert_eq!(server.client().first_model(Some(&key)), Ok("first".to_owned()));
    assert_eq!(server.seen()[0].key, "Bearer secret");
    let session = server.session(|workload| {
        workload.keys = ["a", "b"].map(|key| key.parse().unwrap()).into();
    });
    session.level(0, Load::Users(1), 4, |_| ()).unwrap();
    let keys: Vec<String> = server.seen().into_iter().map(|seen| seen.key).skip(3).collect();
    assert_eq!(keys, ["Bearer a", "Bearer b", "Bearer a", "Bearer b"]);
}

#[test]
fn a_server_that_refuses_the_workload_is_an_error_at_once() {
    let server = Server::start(|_, _| refusal("401 Unauthorized", "", "no"));
    let refused = |error: &LoadError| error.hint() == "--api-key says who asks";
    assert!(server.client().first_model(None).is_err_and(|error| refused(&error)));
    let empty = Server::start(|_, _| refusal("200 OK", "", r#"{"data":[]}"#));
    assert_eq!(empty.client().first_model(None), Err(LoadError::NoModel));
    let workload = Server::start(|_, _| answer(&[], 1, 0)).session(|_| {}).workload;
    let opened = Session::open(server.client(), workload, Arc::default());
    assert!(opened.is_err_and(|error| refused(&error)));
}
