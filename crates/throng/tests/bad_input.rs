//! Files and arguments that cannot work: an error line, a hint, a non-zero exit, never a panic.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{fail, succeed, throng};
use throng_testkit::TinyGptOss;

/// A folder with a tiny random checkpoint, changed by `change`.
fn checkpoint(change: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    TinyGptOss::default().write(folder.path()).unwrap();
    change(folder.path());
    folder
}

#[track_caller]
fn refuse(change: impl FnOnce(&Path), what: &str) {
    let folder = checkpoint(change);
    fail(&["generate", "hi", "-m", folder.path().to_str().unwrap()], what);
}

fn edit(file: &'static str, from: &'static str, to: &'static str) -> impl FnOnce(&Path) {
    move |folder| {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }
}

#[test]
fn a_whole_checkpoint_runs() {
    let folder = checkpoint(|_| {});
    let path = folder.path().to_str().unwrap();
    succeed(&["generate", "hi", "-m", path, "--max-tokens", "3", "--temperature", "0"], b"");
    succeed(&["score", "hi", "-m", path, "--exact"], b"");
}

#[test]
fn missing_files_are_named() {
    fail(&["generate", "hi", "-m", "no/such/folder"], "no/such/folder");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        refuse(|folder| std::fs::remove_file(folder.join(file)).unwrap(), file);
    }
}

#[test]
fn truncated_and_corrupt_files_are_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let cut = |folder: &Path| {
            let path = folder.join(file);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        };
        refuse(cut, file);
        refuse(|folder| std::fs::write(folder.join(file), [0xff; 64]).unwrap(), file);
        refuse(|folder| std::fs::write(folder.join(file), []).unwrap(), file);
    }
}

/// Bytes that no check of shapes can tell from weights, found out by what they compute.
#[test]
fn weights_that_are_no_numbers_are_found_out() {
    let folder = checkpoint(|folder| {
        let path = folder.join("model.safetensors");
        let mut bytes = std::fs::read(&path).unwrap();
        let end = bytes.len();
        bytes[end / 2..].fill(0xff);
        std::fs::write(path, bytes).unwrap();
    });
    let path = folder.path().to_str().unwrap();
    fail(&["generate", "--raw", "hi", "-m", path], "no number");
    fail(&["score", "hi", "-m", path], "no number");
}

#[test]
fn configs_that_lie_are_refused() {
    let config = "config.json";
    refuse(
        edit(config, "\"num_attention_heads\":8", "\"num_attention_heads\":0"),
        "num_attention_heads",
    );
    refuse(edit(config, "\"hidden_size\":64", "\"hidden_size\":6400000000000"), "hidden_size");
    refuse(edit(config, "\"hidden_size\":64", "\"hidden_size\":128"), "embed_tokens");
    refuse(edit(config, "\"gpt_oss\"", "\"mamba\""), "mamba");
}

#[test]
fn without_harmony_there_is_raw_text() {
    let folder = checkpoint(edit("tokenizer.json", "<|channel|>", "<|canal|>"));
    let path = folder.path().to_str().unwrap();
    fail(&["generate", "hi", "-m", path], "<|channel|>");
    fail(&["chat", "-m", path], "<|channel|>");
    succeed(&["generate", "--raw", "hi", "-m", path, "--max-tokens", "2"], b"");
}

#[test]
fn numbers_out_of_range_are_named() {
    for (flag, value) in
        [("--temperature", "-1"), ("--temperature", "NaN"), ("--top-p", "0"), ("--min-p", "2")]
    {
        let name = flag.trim_start_matches('-').replace('-', "_");
        fail(&["generate", "hi", flag, value], &name);
    }
    fail(&["generate", "hi", "--threads", "0"], "threads");
    fail(&["score", "--tokens", "1,2,99999999"], "99999999");
    fail(&["score", ""], "nothing to score");
    for setting in ["--max-num-seqs", "--max-num-batched-tokens", "--max-queue"] {
        for value in ["0", "-1", "18446744073709551615", "many"] {
            let outcome = throng(&["serve", "--port", "0", &format!("{setting}={value}")], b"");
            assert!(!outcome.success && outcome.stderr.starts_with("error: "), "{setting} {value}");
            assert!(outcome.stderr.contains(setting), "{}", outcome.stderr);
        }
    }
    for args in [["generate", "hi", "--stop", ""], ["serve", "--port=0", "--served-model-name", ""]]
    {
        let outcome = throng(&args, b"");
        assert!(!outcome.success && outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(args[2]), "{}", outcome.stderr);
    }
    fail(&["generate", "--raw", ""], "empty");
    fail(&["generate", " \n"], "empty");
    for target in [std::env::temp_dir(), "no/such/folder/logits.safetensors".into()] {
        fail(&["score", "hi", "--logits", target.to_str().unwrap()], "cannot write");
    }
}

#[test]
fn prompts_past_the_context_are_refused_before_they_run() {
    let long = "word ".repeat(20_000);
    fail(&["generate", &long], "tokens");
    fail(&["score", &long], "tokens");
    // In a chat the turn is refused and the conversation goes on.
    let input = format!("{long}\nWhat is 2 + 3?\n");
    let outcome = throng(&["chat"], input.as_bytes());
    assert!(outcome.success && !outcome.stdout.trim().is_empty(), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("hint: /clear"), "{}", outcome.stderr);
}

#[test]
fn drafts_that_cannot_be_are_refused() {
    for (config, what) in [
        ("ngram", "expected"),
        (r#"{"num_speculative_tokens":4}"#, "method is missing"),
        (r#"{"method":"ngram","num_speculative_tokens":0}"#, "num_speculative_tokens is 0"),
        (r#"{"method":"ngram","tokens":4}"#, "unknown field `tokens`"),
    ] {
        let outcome = throng(&["serve", "--port", "0", "--speculative-config", config], b"");
        assert!(!outcome.success && outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains(what), "{}", outcome.stderr);
    }
    let refuse = |folder: &Path, what| {
        let config = format!(r#"{{"model":"{}"}}"#, folder.display());
        fail(&["generate", "hi", "--speculative-config", &config], what)
    };
    refuse(Path::new("no/such/model.gguf"), "no/such/model.gguf");
    let stderr = refuse(checkpoint(|_| {}).path(), "cannot draft for nano: token ");
    assert!(stderr.contains("hint: a draft model has the tokenizer"), "{stderr}");
    // The same tokens, but too few positions.
    let folder = tempfile::tempdir().unwrap();
    let draft = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/nano-draft");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        std::fs::copy(draft.join(file), folder.path().join(file)).unwrap();
    }
    edit("config.json", "\"max_position_embeddings\": 4096", "\"max_position_embeddings\": 1024")(
        folder.path(),
    );
    let stderr = refuse(folder.path(), "a context of 1024, the model runs with 4096");
    assert!(stderr.contains("hint: less --kv-cache-memory"), "{stderr}");
}

#[test]
fn standard_input_must_be_text() {
    let outcome = throng(&["generate", "-"], &[0xff, 0xfe, 0x00]);
    assert!(!outcome.success && outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
}

#[test]
fn a_taken_port_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let stderr = fail(&["serve", "--port", &port], "cannot listen");
    assert!(stderr.contains("--port 0"), "{stderr}");
    // An address that is kept for documentation: no machine has it.
    let stderr = fail(&["serve", "--host", "192.0.2.1", "--port", "0"], "cannot listen");
    assert!(stderr.contains("hint: --host"), "{stderr}");
}

#[test]
fn a_server_without_a_chat_format_says_so() {
    let folder = checkpoint(edit("tokenizer.json", "<|channel|>", "<|canal|>"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_throng"))
        .args(["serve", "--port", "0", "-m", folder.path().to_str().unwrap()])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut said: Vec<String> = Vec::new();
    for line in lines {
        said.push(line);
        if said[said.len() - 1].contains("is ready") {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said[1].starts_with("note: ") && said[1].contains("<|channel|>"), "{said:?}");
    assert!(said.iter().any(|line| line.contains("is ready")), "{said:?}");
}

/// As `throng inspect --json | head` does.
#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    for format in [&[][..], &["--json"][..]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_throng"))
            .args([&["inspect", "gpt2", "--bandwidth", "1"], format].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.is_empty(), "{format:?}: {said}");
    }
}
