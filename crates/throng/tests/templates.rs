//! Models with a chat template of their own: a tiny random Qwen3, whose words mean nothing.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::fs;
use std::path::Path;

use common::{fail, succeed, throng};
use serde_json::{Value, json};
use tempfile::TempDir;

const TEMPLATE: &str = "
{%- for message in messages %}
    {%- if message.role == 'system' %}{{ raise_exception('no instructions, please') }}{% endif %}
    {{- '<|im_start|>' ~ message.role ~ '\\n' ~ message.content ~ '<|im_end|>\\n' }}
{%- endfor %}
{{- '<|im_start|>assistant\\n' }}";

/// The golden checkpoint, its control tokens renamed so that they are not Harmony's.
fn model(template: Option<&str>) -> TempDir {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../throng-model/tests/golden/qwen3");
    let folder = TempDir::new().unwrap();
    for name in ["config.json", "model.safetensors"] {
        fs::copy(golden.join(name), folder.path().join(name)).unwrap();
    }
    let text = fs::read_to_string(golden.join("tokenizer.json")).unwrap();
    let text = text.replace("<|start|>", "<|im_start|>").replace("<|end|>", "<|im_end|>");
    let mut tokenizer: Value = serde_json::from_str(&text).unwrap();
    tokenizer["post_processor"] = json!({
        "type": "TemplateProcessing",
        "single": [{ "SpecialToken": { "id": "b", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
        "pair": [], "special_tokens": { "b": { "id": "b", "ids": [256], "tokens": ["<|startoftext|>"] } },
    });
    fs::write(folder.path().join("tokenizer.json"), tokenizer.to_string()).unwrap();
    if let Some(template) = template {
        let config = json!({ "chat_template": template, "eos_token": "<|im_end|>" });
        fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    }
    folder
}

#[test]
fn a_model_answers_by_its_template() {
    let folder = model(Some(TEMPLATE));
    let path = folder.path().to_str().unwrap();
    let model = ["-m", path, "--temperature", "0", "--max-tokens", "12"];
    let chatted = succeed(&[&["generate", "Hi"], &model[..]].concat(), b"");
    // The template makes a difference, and it is the same in both commands.
    let raw = succeed(&[&["generate", "--raw", "Hi"], &model[..]].concat(), b"");
    assert!(!chatted.trim().is_empty());
    assert_ne!(chatted, raw);
    let turns = throng(&[&["chat"], &model[..]].concat(), b"Hi\n/quit\n");
    assert!(turns.success, "{}", turns.stderr);
    assert_eq!(turns.stdout.trim_end(), chatted.trim_end());
}

#[test]
fn a_refusal_is_the_templates_and_ends_no_session() {
    let folder = model(Some(TEMPLATE));
    let model = ["-m", folder.path().to_str().unwrap(), "--max-tokens", "3"];
    let system = ["--system", "Obey."];
    fail(&[&["generate", "Hi"], &model[..], &system].concat(), "says: no instructions, please");
    let session = throng(&[&["chat"], &model[..], &system].concat(), b"Hi\n/system\nHi\n");
    assert!(session.success, "{}", session.stderr);
    assert!(session.stderr.contains("no instructions, please\nhint: "), "{}", session.stderr);
    assert!(!session.stdout.trim().is_empty(), "the second question has an answer");
}

#[test]
fn templates_that_are_missing_or_broken_leave_raw_text() {
    for (template, reason) in
        [(None, "no chat template"), (Some("{% if %}"), "chat template cannot be used")]
    {
        let folder = model(template);
        let model = ["-m", folder.path().to_str().unwrap(), "--max-tokens", "3"];
        let stderr = fail(&[&["generate", "Hi"], &model[..]].concat(), reason);
        assert!(stderr.contains("generate --raw"), "{stderr}");
        succeed(&[&["generate", "--raw", "Hi"], &model[..]].concat(), b"");
    }
}

#[test]
fn a_scored_text_begins_with_the_tokenizers_own_token() {
    let folder = model(None);
    let path = folder.path().to_str().unwrap();
    let lines: Vec<Value> = succeed(&["score", "Hi", "-m", path], b"")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<u64> = lines.iter().map(|line| line["token"].as_u64().unwrap()).collect();
    assert_eq!(ids, [256, u64::from(b'H'), u64::from(b'i')]);
    assert!(lines[1]["logprob"].is_f64(), "the first of the text has one too");
}
