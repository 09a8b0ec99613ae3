//! A GGUF file's vocabulary as the `tokenizer.json` that says the same.

use serde_json::{Map, Value as Json, json};

use super::metadata::Metadata;
use super::pre_tokenizers::PreTokenizer;
use crate::error::CheckpointError;

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
pub(super) const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
pub(super) const BOS: &str = "tokenizer.ggml.bos_token_id";

/// What `tokenizer.ggml.token_type` says of a token that text must not become.
const CONTROL: u64 = 3;
/// Of one that is text, though not made by merges.
const USER_DEFINED: u64 = 4;

/// Control tokens that end a turn whatever their file says: some say it of one token only.
const ENDS: [&str; 4] = ["<|eot_id|>", "<|eom_id|>", "<|im_end|>", "<|endoftext|>"];

/// The content of the `tokenizer.json`.
pub(super) fn json(metadata: &Metadata<'_>) -> Result<Vec<u8>, CheckpointError> {
    check_model(metadata)?;
    let pre = pre_tokenizer(metadata)?;
    let tokens = tokens(metadata)?;
    let types = types(metadata, tokens.len())?;
    let mut vocab = Map::with_capacity(tokens.len());
    let mut added = Vec::new();
    for (id, (token, kind)) in tokens.iter().zip(types).enumerate() {
        if kind == CONTROL || kind == USER_DEFINED {
            added.push(json!({ "id": id, "content": token, "special": kind == CONTROL }));
        } else {
            vocab.insert((*token).to_owned(), id.into());
        }
    }
    // A vocabulary of single bytes has none.
    let merges = metadata.texts(MERGES)?.unwrap_or_default();
    let mut tokenizer = json!({
        "added_tokens": added,
        "normalizer": pre.normalizer(),
        "pre_tokenizer": pre.pre_tokenizer(),
        "model": {
            "type": "BPE", "vocab": vocab, "merges": merges, "ignore_merges": pre.ignore_merges,
        },
    });
    if metadata.flag(ADD_BOS)?.unwrap_or(pre.add_bos)
        && let Some(bos) = metadata.index(BOS, tokens.len())?
    {
        tokenizer["post_processor"] = begin_with(tokens[bos], bos);
    }
    Ok(tokenizer.to_string().into_bytes())
}

/// The text of the token whose id is under a key.
pub(super) fn token(metadata: &Metadata<'_>, key: &str) -> Result<Option<String>, CheckpointError> {
    let tokens = tokens(metadata)?;
    Ok(metadata.index(key, tokens.len())?.map(|id| tokens[id].to_owned()))
}

/// Ids of the control tokens that end a turn by their text.
pub(super) fn ends(metadata: &Metadata<'_>) -> Result<Vec<usize>, CheckpointError> {
    let tokens = tokens(metadata)?;
    let types = types(metadata, tokens.len())?;
    let ends = tokens.iter().zip(types).enumerate();
    let ends = ends.filter(|(_, (token, kind))| *kind == CONTROL && ENDS.contains(token));
    Ok(ends.map(|(id, _)| id).collect())
}

fn check_model(metadata: &Metadata<'_>) -> Result<(), CheckpointError> {
    match metadata.text(MODEL)? {
        Some("gpt2") => Ok(()),
        Some(other) => Err(metadata.invalid(MODEL, other, "gpt2, which is byte-level BPE")),
        None => Err(metadata.missing(MODEL)),
    }
}

fn pre_tokenizer(metadata: &Metadata<'_>) -> Result<&'static PreTokenizer, CheckpointError> {
    let name = metadata.text(PRE)?.ok_or_else(|| metadata.missing(PRE))?;
    PreTokenizer::of(name)
        .ok_or_else(|| metadata.invalid(PRE, name, &format!("one of {}", PreTokenizer::names())))
}

fn tokens<'a>(metadata: &Metadata<'a>) -> Result<Vec<&'a str>, CheckpointError> {
    metadata.texts(TOKENS)?.ok_or_else(|| metadata.missing(TOKENS))
}

/// A type for each token; where the file has none, all are ordinary.
fn types(metadata: &Metadata<'_>, tokens: usize) -> Result<Vec<u64>, CheckpointError> {
    let Some(value) = metadata.get(TYPES) else { return Ok(vec![1; tokens]) };
    let types = value.list().filter(|list| list.len() == tokens);
    types
        .and_then(|list| list.iter().map(|kind| kind.unsigned()).collect())
        .ok_or_else(|| metadata.invalid(TYPES, "something else", "a number for each token"))
}

/// The post-processor that puts one token in front of a text.
fn begin_with(token: &str, id: usize) -> Json {
    json!({
        "type": "TemplateProcessing",
        "single": [
            { "SpecialToken": { "id": token, "type_id": 0 } },
            { "Sequence": { "id": "A", "type_id": 0 } },
        ],
        "pair": [],
        "special_tokens": { token: { "id": token, "ids": [id], "tokens": [token] } },
    })
}
