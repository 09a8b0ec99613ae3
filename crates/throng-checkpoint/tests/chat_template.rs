//! Chat templates as checkpoints carry them: where they are looked for, and what is refused.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

mod common;

use common::Folder;
use serde_json::{Value, json};
use throng_checkpoint::ChatTemplate;

const CONFIG: &str = "tokenizer_config.json";
const FILE: &str = "chat_template.jinja";

fn template(config: &Value) -> Option<ChatTemplate> {
    let folder = Folder::new();
    folder.write(CONFIG, config.to_string());
    folder.open().unwrap().chat_template().cloned()
}

#[test]
fn a_checkpoint_may_have_none() {
    assert_eq!(Folder::new().open().unwrap().chat_template(), None);
    assert_eq!(template(&json!({ "eos_token": "<|end|>" })), None);
    let tools = json!([{ "name": "tool_use", "template": "t" }]);
    assert_eq!(template(&json!({ "chat_template": tools })), None);
}

#[test]
fn it_is_a_text_or_the_default_of_several() {
    let one = template(&json!({
        "chat_template": "{{ x }}", "bos_token": null, "eos_token": { "content": "</s>" },
    }));
    let (source, eos_token) = ("{{ x }}".to_owned(), Some("</s>".to_owned()));
    assert_eq!(one, Some(ChatTemplate { source, bos_token: None, eos_token }));
    let several = template(&json!({
        "chat_template": [{ "name": "rag", "template": "r" }, { "name": "default", "template": "d" }],
        "bos_token": "<s>",
    }));
    let (source, bos_token) = ("d".to_owned(), Some("<s>".to_owned()));
    assert_eq!(several, Some(ChatTemplate { source, bos_token, eos_token: None }));
}

#[test]
fn a_file_of_its_own_wins() {
    let folder = Folder::new();
    folder.write(FILE, "é from the file\n");
    assert_eq!(folder.open().unwrap().chat_template().unwrap().source, "é from the file\n");
    folder.write(CONFIG, json!({ "chat_template": "other", "eos_token": "<e>" }).to_string());
    let template = folder.open().unwrap().chat_template().cloned().unwrap();
    assert_eq!(template.source, "é from the file\n");
    assert_eq!(template.eos_token.as_deref(), Some("<e>"));
}

#[test]
fn what_is_none_is_refused_by_name() {
    let cases = [
        (json!([]), "the file is [], expected a JSON object"),
        (json!({ "chat_template": 3 }), "chat_template is 3, expected a string"),
        (json!({ "chat_template": [{ "name": "default" }] }), "chat_template is {\"name\":"),
        (json!({ "chat_template": "t", "eos_token": 2 }), "eos_token is 2, expected a string"),
        (json!({ "chat_template": "t", "bos_token": {} }), "bos_token is {}, expected a string"),
        (json!({ "chat_template": "t", "bos_token": "b".repeat(1025) }), "1025 bytes long"),
        (json!({ "chat_template": "t".repeat((1 << 20) + 1) }), "1048577 bytes long, expected at"),
    ];
    for (config, reason) in cases {
        let folder = Folder::new();
        folder.write(CONFIG, config.to_string());
        let message = folder.message();
        assert!(message.starts_with(&format!("{CONFIG}: ")), "{message}");
        assert!(message.contains(reason), "{message}");
    }
    let folder = Folder::new();
    folder.write(FILE, [b'a', 0xFF]);
    assert_eq!(
        folder.message(),
        "chat_template.jinja: the file is no text from byte 1 on, expected UTF-8"
    );
}
