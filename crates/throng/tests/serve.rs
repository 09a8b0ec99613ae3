//! `throng serve` as a process: what it prints, and how it ends.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr};

use common::{command, fail, serve, terminate};

/// A server that is ready, its address, and what it goes on to print.
fn start(args: &[&str]) -> (Child, String, BufReader<ChildStderr>) {
    serve(command(&[&["serve", "--port", "0"], args].concat()))
}

/// Asks for an answer that takes long and reads its beginning.
fn ask(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let body =
        r#"{"model":"nano","prompt":"One","max_tokens":100000,"ignore_eos":true,"stream":true}"#;
    let head = "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n";
    let head = format!("{head}Content-Type: application/json\r\n");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    stream.read_exact(&mut [0; 100]).unwrap();
    stream
}

#[test]
fn a_signal_ends_an_idle_server_well() {
    let (mut server, _, mut printed) = start(&[]);
    terminate(&server);
    assert!(server.wait().unwrap().success());
    let mut rest = String::new();
    printed.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn a_second_signal_ends_a_server_that_waits_for_answers() {
    let (mut server, address, mut printed) = start(&["--drain-timeout", "86400"]);
    let _stream = ask(&address);
    terminate(&server);
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    assert!(line.starts_with("stopping: 1 request "), "{line}");
    terminate(&server);
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_server_to_which_nobody_listens_drains_all_the_same() {
    let (mut server, address, printed) = start(&["--drain-timeout", "0"]);
    let mut stream = ask(&address);
    drop(printed);
    terminate(&server);
    stream.read_to_end(&mut Vec::new()).unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn after_the_drain_timeout_streams_end_with_an_error() {
    let (mut server, address, _printed) = start(&["--drain-timeout", "0"]);
    let mut stream = ask(&address);
    terminate(&server);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    let rest = String::from_utf8_lossy(&rest);
    assert!(
        rest.contains("data: {\"error\":{\"message\":\"The server is shutting down\""),
        "{rest}"
    );
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_file_of_keys_is_checked_before_anything_else_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let path = keys.to_str().unwrap();
    fail(&["serve", "--api-keys", path], "cannot be read");
    std::fs::write(&keys, "sk-secret alice 2\nsk-secret bob\n").unwrap();
    let said = fail(&["serve", "--api-keys", path], "keys: line 2: the key is there already");
    assert!(!said.contains("secret"), "{said}");
    std::fs::write(&keys, b"sk-\xff").unwrap();
    fail(&["serve", "--api-keys", path], "cannot be read");
    std::fs::write(&keys, "# nobody\n").unwrap();
    fail(&["serve", "--api-keys", path], "there is no key in it");
}

#[test]
fn keys_of_the_command_line_and_of_the_variable_are_needed_like_those_of_a_file() {
    let refused = |address: &str, key: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        write!(stream, "{head}Authorization: Bearer {key}\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said.starts_with("HTTP/1.1 401 ")
    };
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "sk-filed alice\n").unwrap();
    let flags = ["--api-key", "sk-one,sk-two", "--api-keys", keys.to_str().unwrap()];
    let (mut server, address, _printed) = start(&flags);
    for key in ["sk-one", "sk-two", "sk-filed"] {
        assert!(!refused(&address, key), "{key}");
    }
    assert!(refused(&address, "sk-one,sk-two") && refused(&address, "sk-other"));
    terminate(&server);
    assert!(server.wait().unwrap().success());
    for key in ["", "sk-secret\u{e9}", "sk secret"] {
        let mut command = command(&["serve", "--port", "0"]);
        command.env("THRONG_API_KEY", key);
        let outcome = common::run(command, b"");
        assert!(!outcome.success && outcome.stderr.contains("--api-key: "), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("secret"), "{}", outcome.stderr);
    }
}

#[test]
fn keys_are_as_their_file_says_whenever_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::write(&keys, "sk-old alice\n").unwrap();
    let (mut server, address, mut printed) = start(&["--api-key-file", keys.to_str().unwrap()]);
    let refused = |key: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
        write!(stream, "{head}Authorization: Bearer {key}\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        let status = said.split(' ').nth(1).unwrap().to_owned();
        assert!(["200", "401"].contains(&&*status), "{said}");
        status == "401"
    };
    let mut next = |wanted: &str| {
        let mut line = String::new();
        printed.read_line(&mut line).unwrap();
        assert!(line.contains(wanted) && !line.contains("sk-"), "{line}");
    };
    assert!(!refused("sk-old") && refused("sk-new"));
    // Of sk-new, by sha256sum.
    let digest = "8da9a7efee51ce8615fe40f891bb33ed0da172afab224ae4c3f434dedbdfcfe3";
    std::fs::write(&keys, format!("sha256:{digest} alice\n")).unwrap();
    next("its keys are in force");
    assert!(refused("sk-old") && !refused("sk-new") && refused(digest));
    std::fs::write(&keys, "sk-old alice\nsk-old bob\n").unwrap();
    next("line 2: the key is there already; the keys stay as they were");
    std::fs::remove_file(&keys).unwrap();
    next("cannot be read");
    assert!(refused("sk-old") && !refused("sk-new"));
    terminate(&server);
    assert!(server.wait().unwrap().success());
}

#[test]
fn requests_are_logged_where_that_is_asked_for_and_the_last_before_the_end() {
    let (mut server, address, mut printed) = start(&["--log-requests", "json"]);
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let key = "Authorization: Bearer sk-secret\r\n";
    write!(stream, "{head}{key}X-Request-Id: mine-7\r\n\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert!(said.contains("x-request-id: mine-7\r\n"), "{said}");
    let mut line = String::new();
    printed.read_line(&mut line).unwrap();
    let logged: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&logged["id"], &logged["status"]), (&"mine-7".into(), &200.into()), "{line}");
    let stream = ask(&address);
    terminate(&server);
    drop(stream);
    let mut rest = String::new();
    printed.read_to_string(&mut rest).unwrap();
    assert!(server.wait().unwrap().success());
    let logged = rest.lines().find_map(|line| serde_json::from_str(line).ok());
    let logged: serde_json::Value = logged.unwrap_or_else(|| panic!("{rest}"));
    assert_eq!(logged["path"], "/v1/completions", "{rest}");
    assert!(!rest.contains("sk-secret") && !line.contains("sk-secret"), "{line}{rest}");
}

#[test]
fn hosts_and_origins_are_let_in_as_the_flags_say() {
    let flags = ["--allowed-host", "throng.test", "--cors-allow-origin", "https://chat.test"];
    let (mut server, address, _printed) = start(&flags);
    let get = |host: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let head = format!("GET /health HTTP/1.1\r\nHost: {host}\r\nOrigin: https://chat.test\r\n");
        write!(stream, "{head}Connection: close\r\n\r\n").unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        said
    };
    for host in [address.as_str(), "throng.test"] {
        let said = get(host);
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        assert!(said.contains("access-control-allow-origin: https://chat.test\r\n"), "{said}");
    }
    let said = get("evil.test");
    assert!(
        said.starts_with("HTTP/1.1 403 ") && said.contains("--allowed-host evil.test"),
        "{said}"
    );
    terminate(&server);
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_model_that_cannot_be_loaded_ends_the_server_with_its_error() {
    let stderr = {
        let outcome = common::throng(&["serve", "--port", "0", "-m", "/nowhere"], b"");
        assert!(!outcome.success);
        outcome.stderr
    };
    assert!(stderr.contains("\nerror: ") && stderr.contains("\nhint: "), "{stderr}");
    fail(&["serve", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1:8000");
}
