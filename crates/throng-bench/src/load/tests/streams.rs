//! Single streams: what is read of good ones, and what is said of bad ones.

use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{Reply, Server, answer, refusal};
use crate::load::chunk::Usage;
use crate::load::client::Conduct;
use crate::load::exchange::{Exchange, Outcome};
use crate::load::failure::Failure;

/// One request to a server that answers it so.
fn ask(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Exchange {
    let server = Server::start(move |_, _| reply());
    let body = json!({ "stream": true });
    server.client().stream("/chat/completions", &body, None, Conduct::Patient, Instant::now())
}

fn failure(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Failure {
    match ask(reply).outcome {
        Outcome::Failed(failure) => failure,
        outcome => panic!("{outcome:?}"),
    }
}

fn pieces(text: &str, size: usize) -> Reply {
    let characters: Vec<char> = text.chars().collect();
    Reply::Stream(characters.chunks(size).map(|piece| piece.iter().collect()).collect())
}

#[test]
fn a_stream_is_read_however_it_is_cut() {
    let text = ": hello\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n\
                data: {\"choices\":[{\"delta\":{\"content\":\"é\"}}]}\n\n: ping\n\n\
                data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n\
                data: [DONE]\n\n";
    for size in [1, 2, 7, 1000] {
        let exchange = ask(move || pieces(text, size));
        assert_eq!((exchange.content.as_str(), exchange.pieces), ("aé", 2));
        assert_eq!(exchange.usage, Some(Usage { prompt: 3, completion: 2, cached: None }));
        assert!(exchange.is_complete() && exchange.first_token.is_some(), "{exchange:?}");
        assert_eq!(exchange.gaps.len(), 1);
    }
}

#[test]
fn streams_without_done_or_without_counts_are_answers_too() {
    let text = "data: {\"choices\":[{\"text\":\"a\",\"finish_reason\":\"length\"}]}\n\n";
    let exchange = ask(move || pieces(text, 9));
    assert!(exchange.is_complete());
    assert_eq!((exchange.usage, exchange.tokens()), (None, 1));
    // Some cut the connection once all is said.
    let cut = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n\
               data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: [DONE]";
    assert!(ask(move || Reply::Bytes(cut.to_owned())).is_complete());
}

#[test]
fn an_error_says_what_the_peer_says() {
    let body = r#"{"error":{"message":"too long","type":"t","code":"context_length_exceeded"}}"#;
    let refused = failure(move || refusal("400 Bad Request", "", body));
    assert_eq!(refused.kind(), "status 400 context_length_exceeded");
    assert_eq!(refused.to_string(), "status 400: too long");
    let page = failure(|| refusal("502 Bad Gateway", "", "<html>\n</html>"));
    assert_eq!(
        (page.kind().as_str(), page.to_string()),
        ("status 502", "status 502: <html> </html>".to_owned())
    );
    let ended = failure(|| {
        pieces(
            "data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: {\"error\":{\"message\":\"m\",\"type\":\"server_error\"}}\n\n",
            5,
        )
    });
    assert_eq!(ended.kind(), "error in the stream: server_error");
}

#[test]
fn what_breaks_off_or_is_no_stream_is_told_apart() {
    let kind = |reply: fn() -> Reply| failure(reply).kind();
    let text = "data: {\"choices\":[{\"text\":\"a\"}]}\n\n";
    assert_eq!(
        kind(|| Reply::Stream(vec!["data: {\"choices\":[]}\n\n".to_owned()])),
        "stream broken off"
    );
    let cut = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{text}\r\n",
        text.len()
    );
    let broken = failure(move || Reply::Bytes(cut.clone()));
    assert_eq!(broken.kind(), "stream broken off", "{broken:?}");
    assert_eq!(kind(|| pieces("data: <html>\n\n", 4)), "not a stream of chunks");
    assert_eq!(
        kind(|| refusal("200 OK", "Content-Type: application/json\r\n", "{}")),
        "not a stream of chunks"
    );
    assert!(kind(|| Reply::Bytes(String::new())).starts_with("no connection: "));
    assert!(kind(|| Reply::Bytes("SSH-2.0\r\n\r\n".to_owned())).starts_with("no connection: "));
}

#[test]
fn nobody_there_is_a_failure() {
    let server = Server::start(|_, _| answer(&[], 1, 0));
    // A port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = crate::load::Client::new(
        format!("http://{free}").parse().unwrap(),
        Duration::from_secs(30),
    );
    let exchange = client.stream("/x", &json!({}), None, Conduct::Patient, Instant::now());
    let refused = Failure::Connection("connection refused".to_owned());
    assert_eq!(exchange.outcome, Outcome::Failed(refused));
    assert_eq!(server.seen().len(), 0);
}

#[test]
fn who_leaves_closes_the_connection() {
    let server = Server::start(|_, _| {
        Reply::Endless("data: {\"choices\":[{\"text\":\"a\"}]}\n\n".to_owned())
    });
    let client = server.client();
    let conducts = [
        Conduct::LeavesAfter(1),
        Conduct::LeavesAfter(0),
        Conduct::Stalls(Duration::from_millis(1)),
    ];
    for (index, conduct) in conducts.into_iter().enumerate() {
        let exchange = client.stream("/x", &json!({}), None, conduct, Instant::now());
        assert_eq!(exchange.outcome, Outcome::Left);
        server.wait_left(index + 1);
    }
    // A head that never comes.
    let silent = Server::start(|_, _| {
        std::thread::sleep(Duration::from_secs(600));
        Reply::Bytes(String::new())
    });
    let hasty = Conduct::LeavesBeforeHead(Duration::from_millis(5));
    let exchange = silent.client().stream("/x", &json!({}), None, hasty, Instant::now());
    assert_eq!((exchange.outcome, exchange.pieces), (Outcome::Left, 0));
}

#[test]
fn a_server_may_close_connections_without_saying_so() {
    let text = "data: {\"choices\":[{\"text\":\"a\"}]}\n\ndata: [DONE]\n\n";
    let whole = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\
         {:x}\r\n{text}\r\n0\r\n\r\n",
        text.len()
    );
    // It looks as though the connection could be used again, and is closed at once.
    let server = Server::start(move |_, _| Reply::Bytes(whole.clone()));
    let client = server.client();
    for _ in 0..50 {
        let body = json!({});
        let exchange = client.stream("/x", &body, None, Conduct::Patient, Instant::now());
        assert_eq!(exchange.outcome, Outcome::Completed);
    }
}
