//! Runs the binary and looks at what it says.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, Command, Stdio};

/// What a run left behind.
pub struct Outcome {
    /// Whether the exit status was 0.
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `throng` with arguments and standard input. The day is fixed, so prompts are too.
pub fn throng(args: &[&str], stdin: &[u8]) -> Outcome {
    run(command(args), stdin)
}

/// The command, for those who change more about it.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.args(args).env("THRONG_DATE", "2026-11-21").env_remove("THRONG_MODEL");
    command
}

/// Runs a command that serves: a server that is ready, its address, and what it goes on to print.
pub fn serve(mut command: Command) -> (Child, String, BufReader<ChildStderr>) {
    let mut server = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut printed = BufReader::new(server.stderr.take().unwrap());
    let mut lines = [String::new(), String::new()];
    for line in &mut lines {
        printed.read_line(line).unwrap();
    }
    let address = lines[0].trim().strip_prefix("listening on http://").unwrap().to_owned();
    assert!(lines[1].contains("is ready") && lines[1].contains(&address), "{lines:?}");
    (server, address, printed)
}

pub fn terminate(server: &Child) {
    let status = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(status.unwrap().success());
}

/// Runs a command with standard input.
pub fn run(mut command: Command, stdin: &[u8]) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = stdin.to_vec();
    // A child that fails early does not read its input: that is no error of the test.
    let writer = std::thread::spawn(move || drop(input.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome {
        success: output.status.success(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs it and expects success; gives standard output.
#[track_caller]
pub fn succeed(args: &[&str], stdin: &[u8]) -> String {
    let outcome = throng(args, stdin);
    assert!(outcome.success, "{args:?}: {}", outcome.stderr);
    outcome.stdout
}

/// Runs it and expects an error line that says `what`, a hint, and no panic; gives standard error.
#[track_caller]
pub fn fail(args: &[&str], what: &str) -> String {
    let outcome = throng(args, b"");
    assert!(!outcome.success, "{args:?} succeeded: {}", outcome.stdout);
    // What it did before may be said before.
    let error = outcome.stderr.lines().position(|line| line.starts_with("error: "));
    let error = error.unwrap_or_else(|| panic!("{args:?} gives no error: {}", outcome.stderr));
    let stderr: String = outcome.stderr.split_inclusive('\n').skip(error).collect();
    assert!(stderr.contains(what), "{args:?} should say {what:?}: {stderr}");
    assert!(stderr.contains("\nhint: "), "{args:?} gives no hint: {stderr}");
    assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    stderr
}
