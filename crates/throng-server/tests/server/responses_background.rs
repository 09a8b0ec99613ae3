//! Responses that are written whoever waits for them.

use std::io::BufReader;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use throng_server::{Notice, ResponseLimits, ServerConfig};

use crate::support::responses::{PATH, body, events, masked};
use crate::support::script::ENDLESS;
use crate::support::{Server, Setup, http};

/// A server on which an endless answer takes minutes.
fn endless(background: usize) -> Server {
    let responses = ResponseLimits { background, ..ResponseLimits::default() };
    let server =
        ServerConfig { responses, drain_timeout: Duration::ZERO, ..ServerConfig::default() };
    Server::with(Setup { context: 100_000, server, ..Setup::default() })
}

fn begin(server: &Server, input: &str) -> Value {
    let response = server.respond(input, json!({ "background": true })).ok();
    assert_eq!(response["background"], true);
    assert_eq!((&response["status"], &response["output"]), (&json!("queued"), &json!([])));
    response["id"].clone()
}

/// The response once it has another status than these two.
fn wait(server: &Server, id: &Value) -> Value {
    let begun = Instant::now();
    loop {
        let response = server.retrieve(id, "").ok();
        if response["status"] != "queued" && response["status"] != "in_progress" {
            return response;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{response}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn cancel(server: &Server, id: &Value) -> http::Response {
    let path = format!("{PATH}/{}/cancel", id.as_str().unwrap());
    http::request(server.address, "POST", &path, &[], b"")
}

#[test]
fn an_answer_is_written_though_nobody_waits() {
    let server = Server::start();
    let id = begin(&server, "think");
    let response = wait(&server, &id);
    assert_eq!(response["status"], "completed");
    assert_eq!(response["output"][1]["content"][0]["text"], "Done: né!");
    assert!(response["usage"]["output_tokens"].as_u64().unwrap() > 0);
    let on = json!({ "previous_response_id": id });
    assert_eq!(server.respond("list", on).ok()["status"], "completed");
    assert_eq!(cancel(&server, &id).ok(), response, "what is over stays as it is");
}

#[test]
fn an_answer_that_nobody_wants_any_more_is_cancelled() {
    let server = endless(32);
    let id = begin(&server, ENDLESS);
    server.wait_until(|stats| stats.running == 1);
    let on = server.respond("list", json!({ "previous_response_id": id }));
    assert_eq!(on.error(400)["param"], "previous_response_id");
    let cancelled = cancel(&server, &id).ok();
    assert_eq!(cancelled["status"], "cancelled");
    server.wait_until(|stats| stats.running == 0);
    assert_eq!(server.retrieve(&id, "").ok(), cancelled);
    assert_eq!(cancel(&server, &id).ok(), cancelled);
    let whole = server.respond("think", json!({})).ok();
    assert_eq!(cancel(&server, &whole["id"]).error(400)["code"], "not_in_background");

    let id = begin(&server, ENDLESS);
    server.wait_until(|stats| stats.running == 1);
    let path = format!("{PATH}/{}", id.as_str().unwrap());
    http::request(server.address, "DELETE", &path, &[], b"").ok();
    server.wait_until(|stats| stats.running == 0);
    server.retrieve(&id, "").error(404);
}

#[test]
fn a_stream_that_breaks_off_can_be_taken_up_again() {
    let server = endless(32);
    let members = json!({ "background": true, "stream": true });
    let whole = events(&server.respond("think", members.clone()));
    insta::assert_snapshot!(masked(&whole));
    let id = &whole[0]["response"]["id"];
    assert_eq!(events(&server.retrieve(id, "?stream=true")), whole);
    assert_eq!(events(&server.retrieve(id, "?stream=true&starting_after=4")), whole[5..]);
    assert_eq!(events(&server.retrieve(id, "?stream=true&starting_after=999")), whole[..0]);
}

#[test]
fn a_client_may_leave_and_another_read_on() {
    let server = endless(32);
    let members = json!({ "background": true, "stream": true });
    let body = body(json!(ENDLESS), members).to_string();
    let mut reader = BufReader::new(http::send(server.address, PATH, &body));
    assert_eq!(http::read_head(&mut reader).0, 200);
    let event = String::from_utf8(http::read_chunk(&mut reader).unwrap()).unwrap();
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let id = serde_json::from_str::<Value>(data).unwrap()["response"]["id"].clone();
    drop(reader);

    let written = || {
        let response = server.retrieve(&id, "").ok();
        response["output"][0]["content"][0]["text"].as_str().map_or(0, str::len)
    };
    let told = std::thread::scope(|scope| {
        let follower = scope.spawn(|| server.retrieve(&id, "?stream=true&starting_after=2"));
        let begun = Instant::now();
        let before = written();
        while written() < before + 10 {
            assert!(begun.elapsed() < Duration::from_secs(60), "nobody writes it any more");
        }
        cancel(&server, &id).ok();
        events(&follower.join().unwrap())
    });
    assert_eq!(told[0]["sequence_number"], 3);
    let last = told.last().unwrap();
    assert_eq!(last["type"], "response.output_text.delta", "a cancelled stream just ends");
    assert_eq!(server.retrieve(&id, "").ok()["output"][0]["status"], "incomplete");
}

#[test]
fn a_tenant_has_so_many_at_once() {
    let server = endless(2);
    let ids = [begin(&server, ENDLESS), begin(&server, ENDLESS)];
    let refused = server.respond(ENDLESS, json!({ "background": true }));
    let error = refused.error(429);
    assert_eq!(
        (&error["type"], &error["param"]),
        (&json!("rate_limit_error"), &json!("background"))
    );
    assert!(refused.header("Retry-After").is_some());
    let another = body(json!("think"), json!({ "background": true }));
    server.post_as("sk-another", PATH, &another).ok();
    cancel(&server, &ids[0]).ok();
    begin(&server, "think");
    cancel(&server, &ids[1]).ok();
}

#[test]
fn what_is_being_written_is_not_pushed_out() {
    let responses = ResponseLimits { per_tenant: 2, ..ResponseLimits::default() };
    let server =
        ServerConfig { responses, drain_timeout: Duration::ZERO, ..ServerConfig::default() };
    let server = Server::with(Setup { context: 100_000, server, ..Setup::default() });
    let id = begin(&server, ENDLESS);
    for _ in 0..4 {
        server.respond("think", json!({})).ok();
    }
    assert_eq!(server.retrieve(&id, "").status, 200);
    cancel(&server, &id).ok();
    server.respond("think", json!({})).ok();
    server.respond("think", json!({})).ok();
    server.retrieve(&id, "").error(404);
}

#[test]
fn a_model_that_fails_ends_the_response() {
    let server = Server::with(Setup { failing_after: 3, ..Setup::default() });
    let id = begin(&server, ENDLESS);
    let response = wait(&server, &id);
    assert_eq!(response["status"], "failed");
    assert_eq!(response["error"]["code"], "server_error");
    assert!(response["error"]["message"].as_str().unwrap().contains("scripted to fail"));
}

#[test]
fn a_server_that_stops_waits_for_what_is_being_written() {
    let mut server = Server::start();
    let engine = server.engine.clone();
    begin(&server, ENDLESS);
    server.begin_shutdown();
    assert_eq!(server.notice(), Notice::Draining(1));
    server.stop();
    let finished = engine.stats().finished;
    assert_eq!((finished.length, finished.cancelled), (1, 0), "it came to its end");
}

#[test]
fn what_is_being_written_takes_room_as_it_grows() {
    // Room for the first one and the beginning of the second.
    let responses = ResponseLimits { bytes: 32 << 10, ..ResponseLimits::default() };
    let server =
        ServerConfig { responses, drain_timeout: Duration::ZERO, ..ServerConfig::default() };
    let server = Server::with(Setup { context: 100_000, server, ..Setup::default() });
    let old = server.respond("list", json!({})).ok()["id"].clone();
    server.retrieve(&old, "").ok();
    let request = body(json!(ENDLESS), json!({ "background": true, "stream": true }));
    let mut reader = BufReader::new(http::send(server.address, PATH, &request.to_string()));
    http::read_head(&mut reader);
    let event = String::from_utf8(http::read_chunk(&mut reader).unwrap()).unwrap();
    let data = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    let id = serde_json::from_str::<Value>(data).unwrap()["response"]["id"].clone();
    let begun = Instant::now();
    while server.retrieve(&old, "").status != 404 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
    // Its events pushed the other one out before they were all there.
    assert_eq!(server.retrieve(&id, "").ok()["status"], "in_progress");
}
