//! How text is cut into words before BPE: what the names in GGUF files stand for.

use serde_json::{Value as Json, json};

/// One row for each way, with the names that files have for it.
pub(super) struct PreTokenizer {
    names: &'static [&'static str],
    /// The Unicode normal form that text is brought to first, if any. Files do not say; the
    /// tokenizers that they were made of do.
    normal_form: Option<&'static str>,
    cut: Cut,
    /// Whether a word that is a token itself is taken whole, whatever the merges would make of it.
    pub(super) ignore_merges: bool,
    /// Whether raw text begins with the BOS token where the file does not say.
    pub(super) add_bos: bool,
}

enum Cut {
    /// GPT-2's pattern.
    Gpt2,
    /// The same after each digit was cut off.
    Digits,
    /// This pattern.
    Pattern(&'static str),
}

/// Contractions whatever their case, words, runs of up to three digits, punctuation, white space.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// The same with single digits.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Words are cut before capitals too, and take their contraction with them.
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

const PLAIN: PreTokenizer = PreTokenizer {
    names: &[],
    normal_form: None,
    cut: Cut::Gpt2,
    ignore_merges: false,
    add_bos: false,
};

const TABLE: &[PreTokenizer] = &[
    PreTokenizer { names: &["gpt-2"], ..PLAIN },
    PreTokenizer { names: &["smollm"], cut: Cut::Digits, ..PLAIN },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3"],
        cut: Cut::Pattern(LLAMA3),
        ignore_merges: true,
        add_bos: true,
        ..PLAIN
    },
    PreTokenizer { names: &["qwen2"], normal_form: Some("NFC"), cut: Cut::Pattern(QWEN2), ..PLAIN },
    PreTokenizer { names: &["deepseek-r1-qwen"], cut: Cut::Pattern(QWEN2), ..PLAIN },
    PreTokenizer { names: &["gpt-4o"], cut: Cut::Pattern(O200K), ..PLAIN },
];

impl PreTokenizer {
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        TABLE.iter().find(|row| row.names.contains(&name))
    }

    /// All names, for messages.
    pub(super) fn names() -> String {
        let names: Vec<_> = TABLE.iter().flat_map(|row| row.names).copied().collect();
        names.join(", ")
    }

    /// What `tokenizer.json` has as its normaliser.
    pub(super) fn normalizer(&self) -> Json {
        self.normal_form.map_or(Json::Null, |kind| json!({ "type": kind }))
    }

    /// What it has as its pre-tokenizer.
    pub(super) fn pre_tokenizer(&self) -> Json {
        let byte_level = |pattern: bool| {
            json!({
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                "use_regex": pattern,
            })
        };
        let first = match self.cut {
            Cut::Gpt2 => return byte_level(true),
            Cut::Digits => json!({ "type": "Digits", "individual_digits": true }),
            Cut::Pattern(pattern) => json!({
                "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated",
                "invert": false,
            }),
        };
        let rest = byte_level(matches!(self.cut, Cut::Digits));
        json!({ "type": "Sequence", "pretokenizers": [first, rest] })
    }
}
