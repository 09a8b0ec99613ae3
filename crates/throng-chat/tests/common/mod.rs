//! Tokenizers and goldens for the tests.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

pub mod documented;
pub mod forms;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use throng_chat::{
    Chat, Conversation, Delta, Message, ResponseFormat, Template, Tokenizer, Tool, ToolCall,
};

/// Harmony's tokens.
pub const SPECIALS: [&str; 7] = [
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|channel|>",
    "<|constrain|>",
    "<|return|>",
    "<|call|>",
];
/// The pattern of o200k.
const PATTERN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// GPT-2's alphabet, counted up as its authors did.
pub fn alphabet() -> Vec<char> {
    let printable = |b: u32| matches!(b, 33..=126 | 161..=172 | 174..=255);
    let mut next = 256;
    (0..256)
        .map(|b| {
            let code = if printable(b) { b } else { next };
            next += u32::from(!printable(b));
            char::from_u32(code).unwrap()
        })
        .collect()
}

/// A `tokenizer.json` with a token for each byte, then one for each merge, then these.
pub fn tokenizer_json(merges: &[(&str, &str)], added: &[(&str, bool)]) -> Value {
    let mut vocab = Map::new();
    let tokens = alphabet().into_iter().map(String::from);
    let merged = merges.iter().map(|(left, right)| format!("{left}{right}"));
    for (id, token) in tokens.chain(merged).enumerate() {
        vocab.insert(token, json!(id));
    }
    let first = vocab.len();
    let added: Vec<Value> = added
        .iter()
        .enumerate()
        .map(|(i, (content, special))| {
            json!({"id": first + i, "content": content, "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false, "special": special})
        })
        .collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": null, "pre_tokenizer": pre_tokenizer(), "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "vocab": vocab, "merges": merges},
    })
}

fn pre_tokenizer() -> Value {
    json!({"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": false},
        {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false},
    ]})
}

/// A tokenizer with Harmony's tokens and few others.
pub fn small() -> Tokenizer {
    let merges = [("f", "i"), ("fi", "n"), ("a", "l"), ("fin", "al"), ("Ġ", "t"), ("Ġt", "o")];
    let mut added = SPECIALS.map(|name| (name, true)).to_vec();
    added.extend([("<|endoftext|>", true), ("<think>", false)]);
    load(&tokenizer_json(&merges, &added))
}

/// A tokenizer from the value of its file.
pub fn load(value: &Value) -> Tokenizer {
    Tokenizer::from_json(value.to_string().as_bytes()).unwrap()
}

/// The tokenizer of the gpt-oss models, made of the o200k vocabulary as the published
/// `tokenizer.json` is: every way to put a token together from two others is a merge.
pub fn o200k() -> &'static Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(|| {
        let bpe = tiktoken_rs::o200k_base().unwrap();
        let tokens: Vec<Vec<u8>> =
            (0..199_998).map(|rank| bpe.decode_bytes(&[rank]).unwrap()).collect();
        let ranks: HashMap<&[u8], usize> =
            tokens.iter().enumerate().map(|(rank, bytes)| (&bytes[..], rank)).collect();
        let alphabet = alphabet();
        let text = |bytes: &[u8]| -> String {
            bytes.iter().map(|&byte| alphabet[usize::from(byte)]).collect()
        };
        let mut merges = Vec::new();
        for bytes in &tokens {
            let mut splits: Vec<(usize, usize)> = (1..bytes.len())
                .filter_map(|at| Some((*ranks.get(&bytes[..at])?, *ranks.get(&bytes[at..])?)))
                .collect();
            splits.sort_unstable();
            merges.extend(splits.iter().map(|&(l, r)| [text(&tokens[l]), text(&tokens[r])]));
        }
        let vocab: HashMap<String, usize> =
            tokens.iter().enumerate().map(|(rank, bytes)| (text(bytes), rank)).collect();
        let special =
            |(name, id): (String, u32)| json!({"id": id, "content": name, "special": true});
        let file = json!({
            "added_tokens": o200k_specials().into_iter().map(special).collect::<Vec<_>>(),
            "pre_tokenizer": pre_tokenizer(),
            "model": {"type": "BPE", "vocab": vocab, "merges": merges, "ignore_merges": true},
        });
        load(&file)
    })
}

/// The special tokens of o200k_harmony, as published.
fn o200k_specials() -> Vec<(String, u32)> {
    let named = [
        ("startoftext", 199_998),
        ("endoftext", 199_999),
        ("return", 200_002),
        ("constrain", 200_003),
        ("channel", 200_005),
        ("start", 200_006),
        ("end", 200_007),
        ("message", 200_008),
        ("call", 200_012),
    ];
    let taken: HashSet<u32> = named.iter().map(|&(_, id)| id).collect();
    let reserved = (200_000..=200_018)
        .filter(|id| !taken.contains(id))
        .map(|id| (format!("<|reserved_{id}|>"), id));
    named.into_iter().map(|(name, id)| (format!("<|{name}|>"), id)).chain(reserved).collect()
}

/// The chat of a tokenizer that has one.
pub fn chat(tokenizer: &Tokenizer) -> Chat {
    Chat::new(tokenizer.clone(), None).unwrap()
}

/// The entries of a golden file.
pub fn goldens(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A file of `tests/goldens`.
pub fn template_file(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    std::fs::read(folder.join(name)).unwrap()
}

/// The chat of one of the golden templates.
pub fn template_chat(name: &str) -> Chat {
    let tokenizer = Tokenizer::from_json(&template_file("template-tokenizer.json")).unwrap();
    let source = String::from_utf8(template_file(&format!("templates/{name}.jinja"))).unwrap();
    let (bos_token, eos_token) = ("<|begin_of_text|>".to_owned(), "<|im_end|>".to_owned());
    let template = Template { source, bos_token: Some(bos_token), eos_token: Some(eos_token) };
    Chat::new(tokenizer, Some(template)).unwrap()
}

/// The ids of a golden.
pub fn ids(golden: &Value) -> Vec<u32> {
    serde_json::from_value(golden["ids"].clone()).unwrap()
}

/// A sequence as special tokens and the text between them.
pub fn spans(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<Value> {
    ids.chunk_by(|&a, &b| !tokenizer.is_special(a) && !tokenizer.is_special(b))
        .map(|run| {
            if tokenizer.is_special(run[0]) {
                json!({"special": tokenizer.token_text(run[0])})
            } else {
                json!({"text": tokenizer.decode(run)})
            }
        })
        .collect()
}

/// A sequence with another tokenizer's tokens.
pub fn encode_spans(tokenizer: &Tokenizer, spans: &[Value]) -> Vec<u32> {
    let mut ids = Vec::new();
    for span in spans {
        match (span["special"].as_str(), span["text"].as_str()) {
            (Some(name), _) => ids.push(tokenizer.special(name).unwrap()),
            (_, Some(text)) => ids.extend(tokenizer.encode(text).unwrap()),
            _ => panic!("{span} is no span"),
        }
    }
    ids
}

/// A sequence written as text in which special tokens are written out.
pub fn marked(tokenizer: &Tokenizer, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some((at, name)) =
        SPECIALS.iter().filter_map(|&name| Some((rest.find(name)?, name))).min()
    {
        ids.extend(tokenizer.encode(&rest[..at]).unwrap());
        ids.push(tokenizer.special(name).unwrap());
        rest = &rest[at + name.len()..];
    }
    ids.extend(tokenizer.encode(rest).unwrap());
    ids
}

/// The conversation of a golden.
pub fn conversation(value: &Value) -> Conversation {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let message = |value: &Value| {
        let content = text(&value["content"]).unwrap_or_default();
        match value["role"].as_str().unwrap() {
            "instructions" => Message::Instructions(content),
            "user" => Message::User(content),
            "tool" => Message::ToolResult { call_id: text(&value["call_id"]).unwrap(), content },
            "assistant" => Message::Assistant {
                reasoning: text(&value["reasoning"]),
                content,
                tool_calls: list(&value["tool_calls"])
                    .iter()
                    .map(|call| ToolCall {
                        id: text(&call["id"]).unwrap(),
                        name: text(&call["name"]).unwrap(),
                        arguments: text(&call["arguments"]).unwrap(),
                    })
                    .collect(),
            },
            other => panic!("role {other}"),
        }
    };
    Conversation {
        messages: list(&value["messages"]).iter().map(message).collect(),
        tools: list(&value["tools"])
            .iter()
            .map(|tool| Tool {
                name: text(&tool["name"]).unwrap(),
                description: text(&tool["description"]),
                parameters: tool.get("parameters").cloned(),
            })
            .collect(),
        response_format: value.get("response_format").map(|format| ResponseFormat {
            name: text(&format["name"]).unwrap(),
            description: text(&format["description"]),
            schema: format["schema"].clone(),
        }),
        effort: value["effort"].as_str().unwrap_or("medium").parse().unwrap(),
        date: text(&value["date"]),
        ..Conversation::default()
    }
}

/// Appends pieces, neighbours of one kind joined: what a client has after all of them.
pub fn join(deltas: &mut Vec<Delta>, more: Vec<Delta>) {
    for delta in more {
        match (deltas.last_mut(), delta) {
            (Some(Delta::Reasoning(last)), Delta::Reasoning(text))
            | (Some(Delta::Content(last)), Delta::Content(text)) => last.push_str(&text),
            (
                Some(Delta::ToolCallArguments { index: a, text: last }),
                Delta::ToolCallArguments { index: b, text },
            ) if *a == b => last.push_str(&text),
            (_, delta) => deltas.push(delta),
        }
    }
}
