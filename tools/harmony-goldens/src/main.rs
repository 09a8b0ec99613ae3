//! Writes the golden files of `throng-chat`: what the openai-harmony crate makes of the
//! conversations in `conversations.json` and of the completions in `completions.json`.
//!
//!     cargo run --release -- ../../crates/throng-chat/tests/goldens
//!
//! Needs no network: the o200k vocabulary comes out of the tiktoken-rs crate.

mod conversation;
mod oracle;

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use base64::Engine as _;
use serde::Deserialize;
use serde_json::{json, Value};

use conversation::Conversation;
use oracle::Oracle;

/// Entries of o200k_base; special tokens have the ids from here on.
const ORDINARY_TOKENS: u32 = 199_998;

#[derive(Deserialize)]
struct Completion {
    name: String,
    text: String,
}

fn main() -> Result<()> {
    let out: PathBuf = std::env::args_os().nth(1).context("usage: harmony-goldens OUT_DIR")?.into();
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let vocabulary = tempfile::tempdir()?;
    write_vocabulary(vocabulary.path())?;
    let oracle = Oracle::load(vocabulary.path())?;

    let text = std::fs::read_to_string(here.join("conversations.json"))?;
    let conversations: Vec<Value> = serde_json::from_str(&text)?;
    let mut goldens = Vec::new();
    for value in conversations {
        let name = value["name"].as_str().context("a conversation without a name")?.to_owned();
        let conversation: Conversation =
            serde_json::from_value(value.clone()).with_context(|| name.clone())?;
        let ids = oracle.render(&conversation).with_context(|| name.clone())?;
        let spans = oracle.spans(&ids)?;
        goldens.push(json!({"name": name, "conversation": value, "spans": spans, "ids": ids}));
    }
    write(&out.join("render.json"), &goldens)?;

    let text = std::fs::read_to_string(here.join("completions.json"))?;
    let completions: Vec<Completion> = serde_json::from_str(&text)?;
    let mut goldens = Vec::new();
    for Completion { name, text } in completions {
        let ids = oracle.encode(&text);
        let messages = oracle.parse(&ids).with_context(|| name.clone())?;
        let spans = oracle.spans(&ids)?;
        goldens.push(json!({"name": name, "spans": spans, "ids": ids, "messages": messages}));
    }
    write(&out.join("parse.json"), &goldens)
}

/// Writes the vocabulary in the form and under the name that openai-harmony looks for.
fn write_vocabulary(folder: &std::path::Path) -> Result<()> {
    let bpe = tiktoken_rs::o200k_base()?;
    let mut lines = String::new();
    for rank in 0..ORDINARY_TOKENS {
        let bytes = bpe.decode_bytes(&[rank]).with_context(|| format!("no token {rank}"))?;
        let token = base64::prelude::BASE64_STANDARD.encode(bytes);
        writeln!(lines, "{token} {rank}")?;
    }
    std::fs::write(folder.join("o200k_base.tiktoken"), lines)?;
    Ok(())
}

/// One golden a line, so that a change shows as the lines that it changes.
fn write(path: &std::path::Path, goldens: &[Value]) -> Result<()> {
    let lines: Vec<String> = goldens.iter().map(Value::to_string).collect();
    std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n")))
        .with_context(|| path.display().to_string())?;
    println!("{}: {} goldens", path.display(), goldens.len());
    Ok(())
}
