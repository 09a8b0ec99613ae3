//! Chat templates against what HF transformers makes of the same; the files come from
//! `tools/template-goldens`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{conversation, ids, template_chat, template_file};
use serde_json::Value;
use throng_chat::{ChatError, Tokenizer};

fn goldens() -> Value {
    serde_json::from_slice(&template_file("template.json")).unwrap()
}

/// All of a sequence as text, control tokens by their names.
fn written(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    let bytes: Vec<u8> = ids.iter().flat_map(|&id| tokenizer.token_bytes(id)).copied().collect();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn rendered_tokens_are_those_of_transformers() {
    let goldens = goldens();
    let prompts = goldens["prompts"].as_array().unwrap();
    assert!(prompts.len() >= 35);
    for golden in prompts {
        let template = golden["template"].as_str().unwrap();
        let name = &golden["conversation"]["name"];
        let chat = template_chat(template);
        let rendered = chat.render(&conversation(&golden["conversation"]));
        match golden["refused"].as_str() {
            Some(words) => {
                let refused = matches!(&rendered, Err(ChatError::Refused(said)) if said == words);
                assert!(refused, "{template}, {name}: {rendered:?}");
            }
            None => {
                let prompt = rendered.unwrap_or_else(|error| panic!("{template}, {name}: {error}"));
                let expected = ids(golden);
                let tokenizer = chat.tokenizer();
                let (ours, theirs) =
                    (written(tokenizer, &prompt.ids), written(tokenizer, &expected));
                assert_eq!(ours, theirs, "{template}, {name}");
                assert_eq!(prompt.ids, expected, "{template}, {name}");
            }
        }
    }
}

#[test]
fn a_text_that_stands_alone_begins_as_transformers_has_it() {
    let goldens = goldens();
    let chat = template_chat("chatml");
    let raw = goldens["raw"].as_array().unwrap();
    assert!(!raw.is_empty());
    for golden in raw {
        let text = golden["text"].as_str().unwrap();
        assert_eq!(chat.tokenizer().encode_alone(text).unwrap(), ids(golden), "{text:?}");
    }
}
