//! A server's word, look by look, and what follows from it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::time::Duration;

use super::*;
use crate::load::Failure;

const MODEL: &str = "model_name=\"m\"";

/// What a server says that has run so many steps of 4 answers with 10 tokens each, a tenth of a
/// second and 100 bytes a step; three of four tokens are alice's.
fn metrics(steps: u32) -> String {
    let line = |name: &str, labels: &str, value: f64| {
        format!("throng:{name}{{{MODEL}{labels}}} {value}\n")
    };
    let n = f64::from(steps);
    let mut text = String::from("# HELP throng:num_requests_running x\n");
    for (name, labels, value) in [
        ("num_requests_running", "", 4.0),
        ("num_requests_waiting", "", 2.0),
        ("kv_cache_blocks", ",pool=\"full\",state=\"used\"", 10.0),
        ("kv_cache_blocks", ",pool=\"full\",state=\"cached\"", 20.0),
        ("kv_cache_blocks", ",pool=\"full\",state=\"free\"", 70.0),
        ("prompt_tokens_total", "", 6.0 * n),
        ("generation_tokens_total", "", 4.0 * n),
        ("prefix_cache_queries_total", "", 100.0 + n),
        ("prefix_cache_hits_total", "", 100.0 + 0.5 * n),
        ("model_read_bytes_total", "", 100.0 * n),
        ("iteration_tokens_total_sum", "", 10.0 * n),
        ("iteration_tokens_total_count", "", n),
        ("step_rows_sum", "", 4.0 * n),
        ("step_rows_count", "", n),
        ("step_model_seconds_sum", "", 0.1 * n),
        ("request_success_total", ",finished_reason=\"stop\"", 3.0),
        ("request_success_total", ",finished_reason=\"of its own\"", 7.0),
        ("tenant_requests_running", ",tenant=\"alice\"", 4.0),
        ("tenant_prompt_tokens_total", ",tenant=\"alice\"", 6.0 * n),
        ("tenant_generation_tokens_total", ",tenant=\"alice\"", 1.5 * n),
        ("tenant_generation_tokens_total", ",tenant=\"bob\"", 2.5 * n),
        ("tenant_generation_tokens_total", ",tenant=\"nobody\"", 0.0),
    ] {
        text += &line(name, labels, value);
    }
    text
}

fn looks(looks: &[(u64, u32)]) -> History {
    let mut history = History::default();
    for &(millis, steps) in looks {
        history.push(Duration::from_millis(millis), Snapshot::read(&metrics(steps)));
    }
    history
}

#[test]
fn rates_are_of_the_last_moment() {
    // 10 steps a second for 20 seconds, then 5.
    let mut history = looks(&[]);
    for half in 0..=40 {
        history.push(Duration::from_millis(500 * half), Snapshot::read(&metrics(5 * half as u32)));
    }
    for half in 1..=10 {
        let steps = 200 + half * 5 / 2;
        let at = Duration::from_millis(20_000 + 500 * u64::from(half));
        history.push(at, Snapshot::read(&metrics(steps)));
    }
    let view = View::of(&history, Some(5000.0)).unwrap();
    let near = |value: Option<f64>, expected: f64| {
        assert!(value.is_some_and(|value| (value - expected).abs() < 1e-9), "{value:?}, {view:?}");
    };
    near(view.steps, 5.0);
    near(view.written, 20.0);
    near(view.read, 30.0);
    near(view.step_rows, 4.0);
    near(view.step_tokens, 10.0);
    near(view.busy, 0.5);
    let memory = view.memory.unwrap();
    near(Some(memory.rate), 500.0);
    near(memory.rate_in_model, 1000.0);
    assert_eq!(memory.limit, Some(5000.0));
    near(view.hits, 0.5);
    near(view.hits_ever, (100.0 + 112.5) / (100.0 + 225.0));
    assert_eq!((view.written_before.len(), view.written_before[0]), (50, 40.0));
    assert_eq!((view.running, view.waiting, view.preemptions), (Some(4.0), Some(2.0), None));
    assert_eq!((view.full.blocks(), view.full.cached), (100.0, 20.0));
    assert_eq!(view.window.blocks(), 0.0);
    assert_eq!(view.outcomes, [(Outcome::Stop, 3.0)]);
}

#[test]
fn tenants_are_ranked_by_what_they_had_of_late() {
    let view = View::of(&looks(&[(0, 0), (1000, 10)]), None).unwrap();
    let of = |name: &str| view.tenants.iter().find(|tenant| tenant.name == name).unwrap();
    let names: Vec<_> = view.tenants.iter().map(|tenant| tenant.name.as_str()).collect();
    assert_eq!(names, ["alice", "bob"], "who never had anything is not there");
    assert_eq!((of("alice").share, of("bob").share), (Some(0.75), Some(0.25)));
    assert_eq!((of("alice").rate, of("bob").rate), (Some(75.0), Some(25.0)));
    assert_eq!((of("alice").tokens, of("alice").running), (75.0, 4.0));
}

#[test]
fn one_look_has_no_rates_and_none_has_nothing() {
    assert_eq!(View::of(&History::default(), None), None);
    let view = View::of(&looks(&[(0, 10)]), None).unwrap();
    assert_eq!((view.written, view.steps, view.memory), (None, None, None));
    assert_eq!((view.running, view.model.as_str()), (Some(4.0), "m"));
    assert!(view.written_before.is_empty());
    // The shares of all time, as there is no time yet.
    assert_eq!(view.tenants[0].share, Some(0.75));
}

#[test]
fn a_server_that_counts_anew_has_no_past() {
    let view = View::of(&looks(&[(0, 1000), (500, 1005), (1000, 2)]), None).unwrap();
    assert_eq!((view.written, view.written_before.len()), (None, 0));
    let view = View::of(&looks(&[(0, 1000), (1000, 2), (2000, 12)]), None).unwrap();
    assert_eq!(view.written, Some(40.0));
}

#[test]
fn what_a_hostile_server_says_is_bounded_and_harmless() {
    let mut text = String::new();
    for number in 0..100_000 {
        text += &format!("a:tenant_requests_running{{tenant=\"\u{1b}[2J{number}\"}} 1e18\n");
    }
    for bound in 0..1000 {
        text += &format!("time_to_first_token_seconds_bucket{{le=\"{bound}\"}} 1e18\n");
    }
    let long = "\u{202e}x".repeat(1000);
    text += &format!("num_requests_running{{}} -1\nother{{model_name=\"{long}\"}} 1\n");
    text += "generation_tokens_total 1e308\ngeneration_tokens_total 1e18\n";
    let snapshot = Snapshot::read(&text);
    assert_eq!((snapshot.tenants.len(), snapshot.running), (256, None));
    assert!(snapshot.tenants[0].name.starts_with(" [2J0"), "{:?}", snapshot.tenants[0]);
    assert_eq!((snapshot.model.chars().count(), snapshot.generated_tokens), (64, Some(1e18)));
    let mut history = History::default();
    for half in 0..1000 {
        history.push(Duration::from_millis(half * 500), snapshot.clone());
    }
    let view = View::of(&history, Some(f64::MAX)).unwrap();
    assert!(view.written_before.len() <= 240);
}

/// A server that gives each request the next of some answers, over and over, on connections that
/// it closes; and its address.
fn server(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (stream, answer) in listener.incoming().zip(answers.iter().cycle()) {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn answer(status: &str, body: &str) -> String {
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn look(answers: &[String]) -> Result<Sight, Failure> {
    let url = server(answers.to_vec());
    Watcher::new(url.parse().unwrap(), None).look()
}

#[test]
fn a_look_is_health_metrics_and_what_is_served() {
    let models = r#"{"data":[{"id":"m","created":17,"max_model_len":4096}]}"#;
    let metrics = answer("200 OK", &metrics(3));
    let sight =
        look(&[answer("200 OK", r#"{"status":"ok"}"#), metrics.clone(), answer("200 OK", models)])
            .unwrap();
    assert_eq!((sight.health.as_str(), sight.facts.created), ("ok", Some(17)));
    assert_eq!(sight.facts.context, Some(4096));
    assert_eq!(sight.snapshot.unwrap().model, "m");
    // A list that is kept from who has no key is no reason not to look.
    let draining = answer("503 Service Unavailable", r#"{"status":"drain\u001bing"}"#);
    let sight = look(&[draining, metrics, answer("401 Unauthorized", "{}")]).unwrap();
    assert_eq!((sight.health.as_str(), sight.facts), ("drain ing", Facts::default()));
}

#[test]
fn a_server_may_load_or_be_no_such_server() {
    let loading = answer("503 Service Unavailable", r#"{"status":"loading"}"#);
    let sight = look(&[loading.clone(), answer("503 Service Unavailable", "{}")]).unwrap();
    assert_eq!((sight.health.as_str(), sight.snapshot), ("loading", None));
    let missing = look(&[answer("404 Not Found", ""), answer("404 Not Found", "no\u{7} such")]);
    let Err(Failure::Refused { status: 404, message, .. }) = missing else { panic!("{missing:?}") };
    assert_eq!(message, "no  such");
    // More than anybody has to say.
    let endless =
        format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "a 1\n".repeat(2 << 20));
    let long = look(&[answer("200 OK", ""), endless]);
    assert!(matches!(long, Err(Failure::BrokenOff(_))), "{long:?}");
}

#[test]
fn a_server_that_drips_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    // It would drip for a day.
    let look = Watcher::new(url.parse().unwrap(), None).look();
    assert!(look.is_err(), "{look:?}");
}
