//! Spans of requests as a collector gets them.

#![cfg(all(unix, feature = "otlp"))]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::{command, serve, terminate};
use serde_json::{Value, json};

/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
/// Words that a client says to the model and to nobody else.
const SECRET: &str = "aubergine";

/// What a collector was sent, once.
struct Post {
    path: String,
    content_type: String,
    body: Vec<u8>,
}

/// A collector that takes whatever comes, and where it is.
fn collector() -> (String, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, posts) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let post = take(stream.unwrap());
            if sender.send(post).is_err() {
                return;
            }
        }
    });
    (address, posts)
}

fn take(mut stream: TcpStream) -> Post {
    let (line, headers, mut reader) = read_head(stream.try_clone().unwrap());
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
    write!(stream, "{head}\r\nContent-Length: 2\r\n\r\n{{}}").unwrap();
    let path = line.split(' ').nth(1).unwrap().to_owned();
    Post { path, content_type: headers["content-type"].clone(), body }
}

/// The first line and the headers, their names in lower case.
fn read_head(stream: TcpStream) -> (String, HashMap<String, String>, BufReader<TcpStream>) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut headers) = (String::new(), HashMap::new());
    reader.read_line(&mut first).unwrap();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    (first, headers, reader)
}

/// A server that goes when its test does.
struct Server(Child);

impl Server {
    /// Ends it in good order.
    fn end(mut self) {
        terminate(&self.0);
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that sends its spans to a collector, soon and as the variables say.
fn start(collector: &str, variables: &[(&str, &str)]) -> (Server, String, BufReader<ChildStderr>) {
    let mut command = command(&["serve", "--port", "0", "--otlp-endpoint", collector]);
    command.env("OTEL_BSP_SCHEDULE_DELAY", "50").envs(variables.iter().copied());
    let (server, address, printed) = serve(command);
    (Server(server), address, printed)
}

/// Asks nano for four tokens, as a part of a trace that is wanted (`01`) or not (`00`): the status,
/// and the request's name.
fn ask(address: &str, path: &str, body: &Value, flags: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.to_string();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         traceparent: 00-{TRACE}-{CALLER}-{flags}\r\nConnection: close"
    );
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let (line, headers, mut rest) = read_head(stream);
    rest.read_to_end(&mut Vec::new()).unwrap();
    (line.split(' ').nth(1).unwrap().parse().unwrap(), headers["x-request-id"].clone())
}

fn chat(members: Value) -> Value {
    let mut body = json!({
        "model": "nano", "messages": [{ "role": "user", "content": SECRET }], "temperature": 0,
        "max_tokens": 4, "ignore_eos": true,
    });
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

/// Spans until there are as many, each with its attributes by their names.
fn spans(posts: &Receiver<Post>, count: usize) -> Vec<Value> {
    let mut spans = Vec::new();
    while spans.len() < count {
        let post = posts.recv_timeout(PATIENCE).unwrap();
        assert_eq!((&*post.path, &*post.content_type), ("/v1/traces", "application/json"));
        let body: Value = serde_json::from_slice(&post.body).unwrap();
        assert!(!body.to_string().contains(SECRET), "{body}");
        for resource in body["resourceSpans"].as_array().unwrap() {
            let service = &attributes(&resource["resource"])["service.name"];
            assert_eq!(service["stringValue"], "throng");
            for scope in resource["scopeSpans"].as_array().unwrap() {
                spans.extend(scope["spans"].as_array().unwrap().clone());
            }
        }
    }
    assert_eq!(spans.len(), count, "{spans:?}");
    spans
}

fn attributes(of: &Value) -> HashMap<String, Value> {
    let pair = |pair: &Value| (pair["key"].as_str().unwrap().to_owned(), pair["value"].clone());
    of["attributes"].as_array().unwrap().iter().map(pair).collect()
}

/// The spans of this name.
fn named<'a>(spans: &'a [Value], name: &str) -> Vec<&'a Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

fn nanos(span: &Value, key: &str) -> u64 {
    span[key].as_str().unwrap().parse().unwrap()
}

const JSON: [(&str, &str); 1] = [("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")];

#[test]
fn a_request_is_a_span_of_its_callers_trace_with_its_parts_below() {
    let (collector, posts) = collector();
    let (server, address, _printed) = start(&collector, &JSON);
    // Nobody wants to see the first.
    ask(&address, "/v1/chat/completions", &chat(json!({})), "00");
    let (status, id) = ask(&address, "/v1/chat/completions", &chat(json!({ "n": 2 })), "01");
    assert_eq!(status, 200);
    let spans = spans(&posts, 7);
    let [whole] = named(&spans, "POST /v1/chat/completions")[..] else { panic!("{spans:?}") };
    assert_eq!((&whole["traceId"], &whole["parentSpanId"]), (&json!(TRACE), &json!(CALLER)));
    // A server's.
    assert_eq!(whole["kind"], 2);
    let own = attributes(whole);
    for (key, value) in [
        ("http.request.method", json!({ "stringValue": "POST" })),
        ("http.route", json!({ "stringValue": "/v1/chat/completions" })),
        ("http.response.status_code", json!({ "intValue": "200" })),
        ("gen_ai.operation.name", json!({ "stringValue": "chat" })),
        ("gen_ai.request.model", json!({ "stringValue": "nano" })),
        ("gen_ai.usage.output_tokens", json!({ "intValue": "8" })),
        ("throng.tenant", json!({ "stringValue": "anonymous" })),
        (
            "http.response.header.x-request-id",
            json!({ "arrayValue": { "values": [{ "stringValue": id }] } }),
        ),
    ] {
        assert_eq!(own.get(key), Some(&value), "{key} of {own:?}");
    }
    let input = own["gen_ai.usage.input_tokens"]["intValue"].as_str().unwrap();
    assert!(input.parse::<u64>().unwrap() > 0, "{input}");
    for choice in ["0", "1"] {
        let of_choice = |span: &&Value| attributes(span)["throng.choice"]["intValue"] == choice;
        let parts = ["queue", "prefill", "decode"].map(|name| {
            let [part] = named(&spans, name).into_iter().filter(of_choice).collect::<Vec<_>>()[..]
            else {
                panic!("{name} of {choice} in {spans:?}")
            };
            assert_eq!(
                (&part["traceId"], &part["parentSpanId"]),
                (&json!(TRACE), &whole["spanId"])
            );
            assert_eq!(part["kind"], 1);
            part
        });
        // One after the other, within the whole.
        let mut at = nanos(whole, "startTimeUnixNano");
        for part in parts {
            let (start, end) = (nanos(part, "startTimeUnixNano"), nanos(part, "endTimeUnixNano"));
            assert!(at <= start && start <= end, "{part}");
            at = end;
        }
        assert!(at <= nanos(whole, "endTimeUnixNano"));
        let decode = attributes(parts[2]);
        assert_eq!(decode["gen_ai.usage.output_tokens"]["intValue"], "4");
    }
    server.end();
}

#[test]
fn a_refusal_is_a_span_and_the_last_spans_leave_before_the_server() {
    let (collector, posts) = collector();
    let late = [JSON[0], ("OTEL_BSP_SCHEDULE_DELAY", "86400000"), ("OTEL_SERVICE_NAME", "throng")];
    let (server, address, _printed) = start(&collector, &late);
    let body = chat(json!({ "temperature": 9 }));
    assert_eq!(ask(&address, "/v1/chat/completions", &body, "01").0, 400);
    server.end();
    let spans = spans(&posts, 1);
    let own = attributes(&spans[0]);
    assert_eq!(own["http.response.status_code"]["intValue"], "400");
    // It is the client's fault.
    assert!(!own.contains_key("error.type") && spans[0]["status"]["code"] != 2, "{spans:?}");
    assert!(!own.contains_key("gen_ai.usage.input_tokens"), "{own:?}");
}

#[test]
fn without_other_words_spans_are_protobuf() {
    let (collector, posts) = collector();
    let (server, address, _printed) = start(&collector, &[]);
    ask(&address, "/v1/completions", &json!({ "model": "nano", "prompt": "x" }), "01");
    let post = posts.recv_timeout(PATIENCE).unwrap();
    assert_eq!((&*post.path, &*post.content_type), ("/v1/traces", "application/x-protobuf"));
    let trace: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&TRACE[2 * at..2 * at + 2], 16).unwrap()).collect();
    assert!(post.body.windows(16).any(|bytes| bytes == trace), "{:?}", post.body);
    server.end();
}

#[test]
fn a_collector_that_is_not_there_costs_spans_and_no_request() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (server, address, mut printed) = start(&format!("http://{gone}"), &[]);
    for _ in 0..3 {
        assert_eq!(ask(&address, "/v1/chat/completions", &chat(json!({})), "01").0, 200);
    }
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    assert!(line.starts_with("note: the collector takes no spans, and they are lost: "), "{line}");
    assert_eq!(ask(&address, "/v1/chat/completions", &chat(json!({})), "01").0, 200);
    server.end();
    // It is said once.
    let mut rest = String::new();
    printed.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
