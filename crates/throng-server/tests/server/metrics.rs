//! `GET /metrics`: whether it is what Prometheus reads, and whether it is true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::hostile::begin_stream;
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup};

/// A test that waits longer for a count has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Samples by name and labels.
type Samples = BTreeMap<String, f64>;

/// Reads the text format as its specification says, and panics where the text breaks it.
fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n'), "the last line has an end too");
    let mut samples = Samples::new();
    let mut families: BTreeMap<&str, &str> = BTreeMap::new();
    let mut lines = text.lines().peekable();
    while let Some(help) = lines.next() {
        let (name, help) = help.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap();
        assert!(!help.is_empty() && !help.contains('\\'), "{help}");
        let kind = lines.next().unwrap().strip_prefix("# TYPE ").unwrap();
        let kind = kind.strip_prefix(name).unwrap().trim();
        assert!(["counter", "gauge", "histogram"].contains(&kind), "{kind}");
        assert!(families.insert(name, kind).is_none(), "{name} comes twice");
        let mut count = 0;
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let (own, labels) = sample.split_once('{').unwrap();
            let suffix = own.strip_prefix(name).unwrap_or_else(|| panic!("{own} under {name}"));
            let suffixes: &[&str] =
                if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(suffixes.contains(&suffix), "{own} is a {kind}");
            check_labels(labels.strip_suffix('}').unwrap());
            let value: f64 = value.parse().unwrap();
            assert!(samples.insert(sample.to_owned(), value).is_none(), "{sample} comes twice");
            count += 1;
        }
        assert!(count > 0, "{name} has no samples");
        assert_eq!(kind == "counter", name.ends_with("_total") && kind != "histogram", "{name}");
        if kind == "histogram" {
            check_buckets(name, text, &samples);
        }
    }
    samples
}

/// `name="value",…`, each name once.
fn check_labels(labels: &str) {
    let mut seen = BTreeSet::new();
    for label in labels.split("\",") {
        let (name, value) = label.split_once("=\"").unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(!value.trim_end_matches('"').contains(['"', '\n']), "{value}");
        assert!(seen.insert(name), "{labels}");
    }
    assert!(seen.contains("model_name"), "{labels}");
}

/// Bounds ascend, counts do not fall, and the last is the count of all.
fn check_buckets(name: &str, text: &str, samples: &Samples) {
    let prefix = format!("{name}_bucket{{");
    let mut last = (f64::NEG_INFINITY, 0.0);
    for line in text.lines().filter(|line| line.starts_with(&prefix)) {
        let bound = line.split("le=\"").nth(1).unwrap().split('"').next().unwrap();
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() };
        let count: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(bound > last.0 && count >= last.1, "{line}");
        last = (bound, count);
    }
    assert_eq!(last, (f64::INFINITY, samples[&format!("{name}_count{{model_name=\"scripted\"}}")]));
}

fn metrics(server: &Server) -> Samples {
    let response = server.get("/metrics");
    assert_eq!(response.status, 200);
    let kind = response.header("Content-Type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    parse(response.text())
}

fn value(samples: &Samples, name: &str, labels: &str) -> f64 {
    let labels = format!("{{model_name=\"scripted\"{labels}}}");
    let sample = format!("throng:{name}{labels}");
    *samples.get(&sample).unwrap_or_else(|| panic!("no {sample} in {samples:?}"))
}

#[test]
fn a_server_that_has_done_nothing_has_counted_nothing() {
    let samples = metrics(&Server::start());
    let gauges = ["num_requests_running", "num_requests_waiting", "kv_cache_usage_perc"];
    let counts = [
        "generation_tokens_total",
        "time_to_first_token_seconds_count",
        "spec_decode_draft_failures_total",
    ];
    for name in gauges.into_iter().chain(counts) {
        assert_eq!(value(&samples, name, ""), 0.0, "{name}");
    }
    for method in [",method=\"ngram\"", ",method=\"draft_model\"", ",method=\"prediction\""] {
        for name in ["spec_decode_num_drafts_total", "spec_decode_num_accepted_tokens_total"] {
            assert_eq!(value(&samples, name, method), 0.0, "{name}{method}");
        }
    }
    assert!(value(&samples, "kv_cache_blocks", ",pool=\"full\",state=\"free\"") > 0.0);
}

#[test]
fn what_was_answered_was_counted() {
    let server = Server::start();
    let mut tokens = [0, 0];
    for members in [json!({}), json!({ "stop": "e" }), json!({ "max_tokens": 4 })] {
        let usage = server.complete(json!("Once"), members).ok()["usage"].clone();
        tokens[0] += usage["prompt_tokens"].as_u64().unwrap();
        tokens[1] += usage["completion_tokens"].as_u64().unwrap();
    }
    // A request that is refused was none.
    server.complete(json!("Once"), json!({ "n": 0 })).error(400);
    drop(begin_stream(&server, ENDLESS));
    server.wait_until(|stats| stats.running == 0);
    let samples = metrics(&server);
    let outcome = |reason: &str| {
        value(&samples, "request_success_total", &format!(",finished_reason=\"{reason}\""))
    };
    assert_eq!([outcome("stop"), outcome("length"), outcome("error")], [2.0, 1.0, 0.0]);
    assert_eq!(value(&samples, "request_prompt_tokens_sum", ""), tokens[0] as f64);
    assert_eq!(value(&samples, "request_generation_tokens_sum", ""), tokens[1] as f64);
    for name in ["e2e_request_latency_seconds", "request_time_per_output_token_seconds"] {
        assert_eq!(value(&samples, &format!("{name}_count"), ""), 3.0, "{name}");
    }
    assert_eq!(value(&samples, "time_to_first_token_seconds_count", ""), 4.0);
    assert_eq!(value(&samples, "request_queue_time_seconds_count", ""), 4.0);
    let steps = value(&samples, "steps_total", "");
    for name in ["iteration_tokens_total_count", "step_rows_count", "step_model_seconds_count"] {
        assert_eq!(value(&samples, name, ""), steps, "{name}");
    }
    // vLLM's boundaries, so that its dashboards fit.
    for bound in ["0.001", "0.25", "7.5", "2560"] {
        value(&samples, "time_to_first_token_seconds_bucket", &format!(",le=\"{bound}\""));
    }
    value(&samples, "inter_token_latency_seconds_bucket", ",le=\"0.025\"");
    value(&samples, "iteration_tokens_total_bucket", ",le=\"16384\"");
}

#[test]
fn every_request_is_counted_by_endpoint_and_status() {
    let server = Server::start();
    server.complete(json!("Once"), json!({})).ok();
    for _ in 0..2 {
        server.complete(json!("Once"), json!({ "n": 0 })).error(400);
        server.get("/nowhere/%22").error(404);
    }
    server.get("/v1/models/none").error(404);
    drop(begin_stream(&server, ENDLESS));
    let mut samples = metrics(&server);
    let begun = Instant::now();
    let count = |samples: &Samples, endpoint: &str, status: u16| {
        let labels = format!(",endpoint=\"{endpoint}\",status=\"{status}\"");
        value(samples, "http_requests_total", &labels)
    };
    // A request is over a moment after its client has read all of it, or has left.
    while count(&samples, "/v1/chat/completions", 200) < 1.0 {
        assert!(begun.elapsed() < PATIENCE, "{samples:?}");
        samples = metrics(&server);
    }
    assert_eq!(count(&samples, "/v1/completions", 200), 1.0);
    assert_eq!(count(&samples, "/v1/completions", 400), 2.0);
    assert_eq!(count(&samples, "/v1/models/{*id}", 404), 1.0);
    assert_eq!(count(&samples, "other", 404), 2.0);
    assert!(count(&metrics(&server), "/metrics", 200) >= 1.0);
}

#[test]
fn times_fit_together() {
    let server = Server::start();
    server.complete(json!("Once"), json!({})).ok();
    let samples = metrics(&server);
    let seconds = |name: &str| value(&samples, &format!("{name}_seconds_sum"), "");
    let whole = seconds("e2e_request_latency");
    assert!(whole >= seconds("step_model") + seconds("step_scheduling"), "{samples:?}");
    let parts = ["request_queue_time", "request_prefill_time", "request_decode_time"].map(seconds);
    assert!(parts.iter().sum::<f64>() <= whole + 1e-6, "{samples:?}");
    assert!(seconds("time_to_first_token") <= whole);
    // Tokens that are there when they are asked for come at once, but none before the one before.
    assert!(seconds("inter_token_latency") <= seconds("request_decode_time") + 1e-6);
}

#[test]
fn what_is_going_on_is_shown() {
    let server = Server::with(Setup { context: 100_000, ..Setup::default() });
    let _one = begin_stream(&server, ENDLESS);
    let samples = metrics(&server);
    assert_eq!(value(&samples, "num_requests_running", ""), 1.0);
    assert!(value(&samples, "kv_cache_usage_perc", "") > 0.0);
    assert!(value(&samples, "kv_cache_blocks", ",pool=\"full\",state=\"used\"") > 0.0);
    assert_eq!(value(&samples, "tenant_requests_running", ",tenant=\"anonymous\""), 1.0);
}

#[test]
fn what_memory_can_do_is_said_where_it_is_known() {
    let bandwidth = "memory_bandwidth_bytes_per_second";
    let setup = Setup { memory_bandwidth: Some(5.5e10), ..Setup::default() };
    assert_eq!(value(&metrics(&Server::with(setup)), bandwidth, ""), 5.5e10);
    // And what nobody has measured, or counts, is not there.
    let samples = metrics(&Server::start());
    let absent = |name: &str| !samples.keys().any(|sample| sample.contains(name));
    assert!(absent(bandwidth) && absent("model_read_bytes_total"), "{samples:?}");
}

#[test]
fn a_model_that_loads_has_no_metrics_yet() {
    let (server, _loaded) = Server::loading(Setup::default());
    server.get("/metrics").error(503);
}
