//! The files beside the weights: config, sampling defaults, tokenizer.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use throng_spec::ModelSpec;

use super::vocabulary::Vocabulary;

/// The `tokenizer.json` of Hugging Face `tokenizers`. Maps are written as they are made, so that two
/// hundred thousand tokens are never in memory as JSON values.
#[derive(Serialize)]
struct Tokenizer<'a> {
    version: &'static str,
    truncation: (),
    padding: (),
    added_tokens: Vec<Value>,
    normalizer: (),
    pre_tokenizer: Value,
    post_processor: (),
    decoder: Value,
    model: Model<'a>,
}

#[derive(Serialize)]
struct Model<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    dropout: (),
    unk_token: (),
    continuing_subword_prefix: (),
    end_of_word_suffix: (),
    fuse_unk: bool,
    byte_fallback: bool,
    #[serde(serialize_with = "ordinary")]
    vocab: &'a Vocabulary,
    merges: &'a [(&'a str, &'a str)],
}

fn ordinary<S: Serializer>(vocabulary: &&Vocabulary, serializer: S) -> Result<S::Ok, S::Error> {
    let tokens = (0_u32..).zip(vocabulary.all());
    let ordinary = tokens.filter(|(_, (_, special))| !special);
    serializer.collect_map(ordinary.map(|(id, (token, _))| (token, id)))
}

/// Names and contents of all files but the weights.
pub(super) fn files(
    config: &Value,
    spec: &ModelSpec,
    vocabulary: &Vocabulary,
) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("config.json", pretty(&with_tokens(config, vocabulary))),
        ("generation_config.json", pretty(&generation(vocabulary))),
        ("tokenizer_config.json", pretty(&tokenizer_config(spec, vocabulary))),
        ("tokenizer.json", tokenizer(vocabulary)),
    ]
}

/// The config, its special tokens those of the tokenizer.
fn with_tokens(config: &Value, vocabulary: &Vocabulary) -> Value {
    let mut config = config.clone();
    for (key, _, id) in vocabulary.roles() {
        config[format!("{key}_id")] = Value::from(id);
    }
    config
}

fn generation(vocabulary: &Vocabulary) -> Value {
    let [bos, _, pad] = vocabulary.roles().map(|(_, _, id)| id);
    json!({
        "bos_token_id": bos, "eos_token_id": vocabulary.stop(), "pad_token_id": pad,
        "do_sample": true,
    })
}

fn tokenizer_config(spec: &ModelSpec, vocabulary: &Vocabulary) -> Value {
    let mut config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
        "model_max_length": spec.context,
    });
    for (key, name, _) in vocabulary.roles() {
        config[key] = Value::from(name);
    }
    if let Some(template) = vocabulary.template() {
        config["chat_template"] = Value::from(template);
    }
    config
}

fn tokenizer(vocabulary: &Vocabulary) -> Vec<u8> {
    let added = vocabulary.specials().map(|(name, id)| {
        json!({
            "id": id, "content": name, "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        })
    });
    // GPT-2's way to cut text into words.
    let level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true,
    });
    let tokenizer = Tokenizer {
        version: "1.0",
        truncation: (),
        padding: (),
        added_tokens: added.collect(),
        normalizer: (),
        pre_tokenizer: level.clone(),
        post_processor: (),
        decoder: level,
        model: Model {
            kind: "BPE",
            dropout: (),
            unk_token: (),
            continuing_subword_prefix: (),
            end_of_word_suffix: (),
            fuse_unk: false,
            byte_fallback: false,
            vocab: vocabulary,
            merges: vocabulary.merges(),
        },
    };
    let mut bytes = serde_json::to_vec(&tokenizer).expect("texts and numbers can be JSON");
    bytes.push(b'\n');
    bytes
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}
