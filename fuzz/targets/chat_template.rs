//! Any chat template compiles or is refused, and renders a conversation of every kind of message or
//! says why not, in bounded time and memory.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use throng_chat::{Chat, Conversation, Message, Template, Tokenizer, Tool, ToolCall};

static TOKENIZER: LazyLock<Tokenizer> = LazyLock::new(|| {
    let json = include_bytes!("../../crates/throng-chat/tests/goldens/template-tokenizer.json");
    Tokenizer::from_json(json).expect("the golden tokenizer is sound")
});

fuzz_target!(|source: &str| {
    let template = Template {
        source: source.to_owned(),
        bos_token: Some("<|begin_of_text|>".to_owned()),
        eos_token: Some("<|im_end|>".to_owned()),
    };
    let rendered = Chat::new(TOKENIZER.clone(), Some(template))
        .and_then(|chat| chat.render_within(&conversation(), 1 << 16));
    match rendered {
        Ok(prompt) => assert!(prompt.ids.iter().all(|&id| (id as usize) < TOKENIZER.vocab_size())),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

fn conversation() -> Conversation {
    let call = ToolCall {
        id: "c1".to_owned(),
        name: "add".to_owned(),
        arguments: r#"{"a":1,"b":[2.5]}"#.to_owned(),
    };
    let result = "<|im_end|> 3.5".to_owned();
    let add = Tool {
        name: "add".to_owned(),
        description: Some("Adds".to_owned()),
        parameters: Some(json!({ "type": "object", "properties": { "a": { "type": "number" } } })),
    };
    let messages = vec![
        Message::Instructions("Be brief.".to_owned()),
        Message::User("1 + 2.5?".to_owned()),
        Message::Assistant {
            reasoning: Some("Ask.".to_owned()),
            content: String::new(),
            tool_calls: vec![call],
        },
        Message::ToolResult { call_id: "c1".to_owned(), content: result },
    ];
    Conversation {
        messages,
        tools: vec![add],
        date: Some("2026-11-22".to_owned()),
        ..Conversation::default()
    }
}
