//! `throng` alone: a greeting, and what to try.

use std::io::{Write, stdout};

use anyhow::Result;

const GREETING: &str = r#"
   o   \o/   o    \o   o/   o   \o/   o
  /|\   |   /|\    |   |   /|\   |   /|\     throng: one model, a crowd of users
  / \  / \  / \   / \ / \  / \  / \  / \

A small gpt-oss model is built in, so all of this works right now, offline:

  throng generate "What is 37 * 48?" --effort high    ask one thing, watch it think
  throng chat                                         talk to it
  throng serve                                        OpenAI's API and a chat page, on port 8000
  throng score "To be or not to be"                   how probable is each token?
  throng inspect gpt2-xl gpt-oss-20b gpt-oss-120b     models side by side, without their weights

In its place goes any gpt-oss, Llama, Qwen3 or GPT-2, a folder of safetensors or a GGUF file: -m PATH
or one of the Hugging Face hub: throng pull openai/gpt-oss-20b, then -m openai/gpt-oss-20b
Everything else: throng help
"#;

/// Greets.
///
/// # Errors
/// Standard output is gone.
pub fn run() -> Result<()> {
    stdout().write_all(GREETING.as_bytes())?;
    Ok(())
}
