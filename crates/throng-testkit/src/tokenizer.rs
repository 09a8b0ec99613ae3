//! The smallest tokenizer that can write Harmony: one token a byte, id = byte, then the special
//! tokens.

use serde_json::{Map, Value, json};
use throng_spec::byte_level;

/// Special tokens; the first has id 256.
pub const SPECIALS: [&str; 9] = [
    "<|startoftext|>",
    "<|endoftext|>",
    "<|return|>",
    "<|constrain|>",
    "<|channel|>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|call|>",
];

/// The id of a special token.
///
/// # Panics
/// There is no such token in [`SPECIALS`].
pub fn special(name: &str) -> u32 {
    let place = SPECIALS.iter().position(|other| *other == name);
    256 + place.unwrap_or_else(|| panic!("{name} is no special token")) as u32
}

/// The content of a `tokenizer.json`: byte-level BPE without merges.
pub fn byte_tokenizer() -> Vec<u8> {
    let vocab: Map<String, Value> = (0..=u8::MAX)
        .map(|byte| (byte_level::character(byte).to_string(), Value::from(byte)))
        .collect();
    let added: Vec<Value> = SPECIALS
        .iter()
        .map(|name| {
            json!({
                "id": special(name), "content": name, "special": true, "normalized": false,
                "single_word": false, "lstrip": false, "rstrip": false,
            })
        })
        .collect();
    let level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    });
    let tokenizer = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": null, "pre_tokenizer": level, "post_processor": null, "decoder": level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "vocab": vocab, "merges": [],
        },
    });
    tokenizer.to_string().into_bytes()
}
