//! `throng score`: how probable is each token of a text?

use std::io::{BufWriter, Write, stdout};
use std::path::Path;

use anyhow::Result;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;
use throng_bench::Reader;
use throng_chat::Tokenizer;
use throng_engine::{EngineConfig, TokenLogprobs, logprobs};

use crate::args::ScoreArgs;
use crate::command::generate::text_or_stdin;
use crate::failure::Failure;
use crate::loading::Model;

/// Tokens a step; the numbers do not depend on it.
const CHUNK: usize = 128;

/// Prints a JSON line a token.
///
/// # Errors
/// The model cannot be loaded, the text does not fit, or a file cannot be written.
pub fn run(args: &ScoreArgs) -> Result<()> {
    if let Some(file) = &args.logits {
        check_target(file)?;
    }
    let model = Model::open(&args.model)?;
    let tokens = match &args.text {
        Some(text) => model.tokenizer.encode_alone(&text_or_stdin(text)?)?,
        None => args.tokens.clone(),
    };
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let mut runner = model.runner(&args.model, config, Some(CHUNK))?;
    let (vocab, mut reader) = (runner.spec().vocab, Reader::new(runner.as_mut()));
    check(&tokens, vocab, reader.room())?;
    let mut out = BufWriter::new(stdout().lock());
    let mut all_logits = Vec::new();
    let mut scored: Option<TokenLogprobs> = None;
    for (chunk, start) in tokens.chunks(CHUNK).zip((0..).step_by(CHUNK)) {
        let logits = reader.read(chunk, chunk.len())?;
        for ((position, &id), row) in (start..).zip(chunk).zip(logits.chunks_exact(vocab)) {
            writeln!(out, "{}", line(&model.tokenizer, position, id, scored.as_ref()))?;
            let next = tokens.get(position + 1);
            scored = next.map(|&next| logprobs(row, next, args.top));
        }
        if args.logits.is_some() {
            all_logits.extend(logits.iter().flat_map(|logit| logit.to_le_bytes()));
        }
    }
    out.flush()?;
    match &args.logits {
        Some(file) => save(file, &all_logits, tokens.len()),
        None => Ok(()),
    }
}

fn check(tokens: &[u32], vocab: usize, room: usize) -> Result<()> {
    let message = match tokens.iter().find(|&&id| id as usize >= vocab) {
        Some(id) => format!("token id {id} is outside the vocabulary of {vocab}"),
        None if tokens.is_empty() => "there is nothing to score".to_owned(),
        None if tokens.len() > room => {
            format!("the text has {} tokens, the context is {room}", tokens.len())
        }
        None => return Ok(()),
    };
    Err(Failure { message, hint: "throng score \"some text\", or --tokens 1,2,3" }.into())
}

fn line(
    tokenizer: &Tokenizer,
    position: usize,
    id: u32,
    scored: Option<&TokenLogprobs>,
) -> serde_json::Value {
    let top: Vec<_> = scored
        .into_iter()
        .flat_map(|scored| &scored.top)
        .map(|&(id, logprob)| {
            json!({ "token": id, "text": tokenizer.token_text(id), "logprob": logprob })
        })
        .collect();
    json!({
        "position": position,
        "token": id,
        "text": tokenizer.token_text(id),
        "logprob": scored.map(|scored| scored.logprob),
        "rank": scored.map(|scored| scored.rank),
        "top": top,
    })
}

fn save(file: &Path, logits: &[u8], positions: usize) -> Result<()> {
    let vocab = logits.len() / 4 / positions;
    let view = TensorView::new(Dtype::F32, vec![positions, vocab], logits)?;
    safetensors::serialize_to_file([("logits", view)], None, file)
        .map_err(|error| unwritable(file, &error).into())
}

/// Finds out before the work and not after it that its result has no place.
fn check_target(file: &Path) -> Result<()> {
    // The parent of a bare name is the empty path.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if file.is_dir() {
        return Err(unwritable(file, &"it is a folder").into());
    }
    match folder {
        Some(folder) if !folder.is_dir() => {
            Err(unwritable(file, &"there is no such folder").into())
        }
        _ => Ok(()),
    }
}

fn unwritable(file: &Path, why: &dyn std::fmt::Display) -> Failure {
    let message = format!("cannot write {}: {why}", file.display());
    Failure { message, hint: "--logits names a file in a folder that exists and can be written" }
}
