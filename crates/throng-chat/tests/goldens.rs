//! Rendering and parsing against what the openai-harmony crate makes of the same; the files come
//! from `tools/harmony-goldens`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{chat, conversation, goldens, ids, join, o200k, small, spans};
use serde_json::Value;
use throng_chat::{Delta, Opening, Reply, Tokenizer};

#[test]
fn rendered_spans_are_those_of_openai_harmony() {
    let chat = chat(&small());
    let goldens = goldens("render.json");
    assert!(goldens.len() >= 25);
    for golden in goldens {
        let ids = chat.render(&conversation(&golden["conversation"])).unwrap().ids;
        assert_eq!(
            Value::from(spans(chat.tokenizer(), &ids)),
            golden["spans"],
            "{}",
            golden["name"]
        );
    }
}

#[test]
fn rendered_tokens_are_those_of_openai_harmony() {
    let chat = chat(o200k());
    for golden in goldens("render.json") {
        let rendered = chat.render(&conversation(&golden["conversation"])).unwrap().ids;
        assert_eq!(rendered, ids(&golden), "{}", golden["name"]);
    }
}

/// What the messages that openai-harmony found mean, by the rules of this crate.
fn meaning(messages: &Value) -> Vec<Delta> {
    let mut deltas = Vec::new();
    let mut calls = 0;
    for message in messages.as_array().unwrap() {
        let text = message["text"].as_str().unwrap().to_owned();
        let recipient = message["recipient"].as_str();
        let name = recipient.map(|name| name.strip_prefix("functions.").unwrap_or(name));
        let mut pieces = Vec::new();
        match (message["author"].as_str().unwrap(), name, message["channel"].as_str()) {
            ("assistant", Some(name), _) if name != "user" => {
                let (index, id, name) = (calls, format!("call_t_{calls}"), name.to_owned());
                pieces.push(Delta::ToolCallStart { index, id, name });
                pieces.push(Delta::ToolCallArguments { index, text });
                calls += 1;
            }
            ("assistant", _, Some("analysis")) => pieces.push(Delta::Reasoning(text)),
            ("assistant", ..) => pieces.push(Delta::Content(text)),
            _ => pieces.push(Delta::Reasoning(text)),
        }
        pieces.retain(|piece| *piece != Delta::Content(String::new()));
        pieces.retain(|piece| *piece != Delta::Reasoning(String::new()));
        join(&mut deltas, pieces);
    }
    deltas
}

fn check_parsing(tokenizer: &Tokenizer, encode: impl Fn(&Value) -> Vec<u32>) {
    let chat = chat(tokenizer);
    let goldens = goldens("parse.json");
    assert!(goldens.len() >= 20);
    for golden in goldens {
        let mut reply = Reply::chat(&chat, Opening::Answer, vec![], "t");
        let mut deltas = Vec::new();
        for id in encode(&golden) {
            join(&mut deltas, reply.push(id));
        }
        join(&mut deltas, reply.finish());
        assert_eq!(deltas, meaning(&golden["messages"]), "{}", golden["name"]);
    }
}

#[test]
fn parsed_messages_are_those_of_openai_harmony() {
    check_parsing(o200k(), ids);
    let small = small();
    check_parsing(&small, |golden| {
        common::encode_spans(&small, golden["spans"].as_array().unwrap())
    });
}

#[test]
fn the_tokenizer_agrees_with_tiktoken_on_the_o200k_vocabulary() {
    let oracle = tiktoken_rs::o200k_base().unwrap();
    let spaces = format!("a{}b\n\n\t \u{a0}\u{3000}x", " ".repeat(300));
    let texts = [
        "Hello, world! It's 12345 o'clock — naïve café, 日本語, Привет, 🙂👩‍👩‍👧 and\r\n\r\n code();\n",
        "ÀÉÎõü ß ﬁ ½ Ⅷ ٣ ๓ ǅ ʰ ́ combining a\u{301}\u{300}",
        "<|endoftext|><|start|>",
        "supercalifragilisticexpialidociousness antidisestablishmentarianism 999999999999",
        &spaces,
    ];
    for text in texts {
        let expected: Vec<u32> = oracle.encode_ordinary(text);
        let encoded = o200k().encode(text).unwrap();
        assert_eq!(encoded, expected, "{text:?}");
        assert_eq!(o200k().decode(&encoded), text);
    }
}
