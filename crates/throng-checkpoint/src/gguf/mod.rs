//! GGUF files (versions 2 and 3), alone or split: metadata and tensors in one.
//!
//! What the metadata say is translated to what a released folder's files would: `config` makes a
//! `config.json` of it, `tokenizer` a `tokenizer.json`. So each number is checked in one place, and
//! nothing after this module knows which format a model came in.

mod config;
mod header;
pub(crate) mod metadata;
mod pre_tokenizers;
mod reader;
pub(crate) mod rope_factors;
mod split;
mod tokenizer;
mod types;
pub(crate) mod value;
pub(crate) mod writer;

use serde_json::{Value as Json, json};
use throng_spec::{ConfigError, ModelSpec, Positions};

use self::header::{Flaw, Header};
use self::metadata::Metadata;
pub(crate) use self::split::is_continuation;
use crate::archive::{Archive, Entry, is_lfs_pointer};
use crate::chat_template::ChatTemplate;
use crate::error::CheckpointError;
use crate::files::Files;
use crate::generation::Generation;
use crate::mmap::Bytes;
use crate::names::{Format, Names};
use crate::parts::Parts;
use crate::scaling::Scalings;
use crate::weights::Weights;

/// What the names of GGUF files end in.
pub(crate) const EXTENSION: &str = ".gguf";
/// What one is called where nobody gave it a name.
pub(crate) const NAME: &str = "model.gguf";

const EMBEDDING: &str = "token_embd.weight";
const TEMPLATE: &str = "tokenizer.chat_template";
/// Ids of tokens that end an answer; the first is the EOS token.
const STOPS: [&str; 3] =
    ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];
/// Sampling defaults, and what `generation_config.json` calls them.
const SAMPLING: [(&str, &str); 3] = [
    ("general.sampling.temp", "temperature"),
    ("general.sampling.top_p", "top_p"),
    ("general.sampling.top_k", "top_k"),
];

/// Reads the file of this name and, if it is the first of a split model, the others.
pub(crate) fn read(files: &Files<'_>, name: &str) -> Result<Parts, CheckpointError> {
    let (file, bytes) = map(files, name)?;
    let Header { metadata, tensors } = header(&file, &bytes)?;
    let metadata = Metadata { values: metadata, file: &file };
    let mut archives = Vec::new();
    for (number, other) in (1..).zip(split::others(&metadata, name)?) {
        archives.push(continuation(files, &other, number)?);
    }
    let find = |name: &str| {
        let own = std::iter::once((&tensors, &bytes));
        let others = archives.iter().map(|archive| (&archive.entries, &archive.bytes));
        own.chain(others).find_map(|(entries, bytes)| {
            let entry = entries.get(name)?;
            Some((entry, &bytes[entry.range.clone()]))
        })
    };
    let spec = spec(&metadata, find)?;
    let generation = generation(&metadata, &spec)?;
    let chat_template = chat_template(&metadata)?;
    let tokenizer = Bytes::Owned(tokenizer::json(&metadata)?);
    let names = Names::of(spec.architecture, Format::Gguf);
    drop(metadata);
    archives.insert(0, Archive { file, bytes, entries: tensors });
    let weights = Weights::of(archives)?;
    let scalings = Scalings::default();
    Ok(Parts { spec, generation, chat_template, tokenizer, weights, names, scalings })
}

fn map(files: &Files<'_>, name: &str) -> Result<(String, Bytes), CheckpointError> {
    let bytes = files.map(name)?.ok_or_else(|| files.missing(name))?;
    let file = files.label(name);
    if is_lfs_pointer(&bytes) {
        return Err(CheckpointError::LfsPointer { file });
    }
    Ok((file, bytes))
}

fn header<'a>(file: &str, bytes: &'a [u8]) -> Result<Header<'a>, CheckpointError> {
    let file = file.to_owned();
    let found = bytes.len() as u64;
    let corrupt = |reason| CheckpointError::Corrupt { file: file.clone(), format: "GGUF", reason };
    Header::read(bytes).map_err(|flaw| match flaw {
        Flaw::Ends => corrupt("it ends within its header".to_owned()),
        Flaw::Short { expected } => {
            CheckpointError::Truncated { file: file.clone(), found, expected }
        }
        Flaw::Wrong(reason) => corrupt(reason),
    })
}

/// A file of a split model other than the first, counted from 0.
fn continuation(files: &Files<'_>, name: &str, number: usize) -> Result<Archive, CheckpointError> {
    let (file, bytes) = map(files, name)?;
    let Header { metadata, tensors: entries } = header(&file, &bytes)?;
    split::check(&Metadata { values: metadata, file: &file }, number)?;
    Ok(Archive { file, bytes, entries })
}

/// The shape that metadata describe, together with the tensors that `find` gives by their names.
pub(crate) fn spec<'e>(
    metadata: &Metadata<'_>,
    find: impl Fn(&str) -> Option<(&'e Entry, &'e [u8])>,
) -> Result<ModelSpec, CheckpointError> {
    let file = metadata.file();
    let (embedding, _) = find(EMBEDDING).ok_or_else(|| CheckpointError::MissingTensor {
        file: file.clone(),
        tensor: EMBEDDING.to_owned(),
    })?;
    let vocab = embedding.shape[0];
    let config = config::config(metadata, vocab, |name| find(name).is_some())?;
    let mut spec = ModelSpec::from_config(&config).map_err(|source| {
        let source = renamed(source, |key| config::origin(metadata, key));
        CheckpointError::Config { file, source }
    })?;
    if let Positions::Rope(rope) = &mut spec.positions
        && let Some((entry, data)) = find(rope_factors::NAME)
    {
        rope.scaling = rope_factors::scaling(metadata, rope.theta, spec.heads.dim, entry, data)?;
    }
    Ok(spec)
}

/// The error with the file's own name of the key.
fn renamed(error: ConfigError, origin: impl Fn(&str) -> Option<String>) -> ConfigError {
    match error {
        ConfigError::Missing { key, expected } => {
            ConfigError::Missing { key: origin(&key).unwrap_or(key), expected }
        }
        ConfigError::Invalid { key, found, expected } => {
            ConfigError::Invalid { key: origin(&key).unwrap_or(key), found, expected }
        }
        other => other,
    }
}

fn chat_template(metadata: &Metadata<'_>) -> Result<Option<ChatTemplate>, CheckpointError> {
    let Some(source) = metadata.text(TEMPLATE)? else { return Ok(None) };
    let bos = tokenizer::token(metadata, tokenizer::BOS)?;
    let eos = tokenizer::token(metadata, STOPS[0])?;
    ChatTemplate::new(metadata.file, source.to_owned(), bos, eos).map(Some)
}

fn generation(metadata: &Metadata<'_>, spec: &ModelSpec) -> Result<Generation, CheckpointError> {
    let mut own = json!({});
    for (from, to) in SAMPLING {
        if let Some(value) = metadata.json(from)? {
            own[to] = value;
        }
    }
    let mut stops: Vec<Json> =
        STOPS.iter().filter_map(|key| Some(metadata.get(key)?.to_json())).collect();
    // What lies beyond the embedding is for those to refuse who compare it with the vocabulary.
    let ends = tokenizer::ends(metadata)?.into_iter().filter(|&id| id < spec.vocab);
    for end in ends.map(Json::from) {
        if !stops.contains(&end) {
            stops.push(end);
        }
    }
    own["eos_token_id"] = stops.into();
    Generation::parse(&own, &Json::Null, spec.vocab).map_err(|(key, found, expected)| {
        let own = SAMPLING.iter().find(|pair| pair.1 == key).map_or(STOPS[0], |pair| pair.0);
        metadata.invalid(own, &found, expected)
    })
}
