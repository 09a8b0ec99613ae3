//! Chat formats and conversations that must be refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SPECIALS, chat, load, small, template_chat, tokenizer_json};
use serde_json::json;
use throng_chat::{Chat, ChatError, Conversation, Message, Opening, Reply, Tool, ToolCall};

#[test]
fn a_tokenizer_without_harmony_has_no_chat_but_raw_text() {
    for missing in SPECIALS {
        let others: Vec<(&str, bool)> =
            SPECIALS.iter().filter(|&&name| name != missing).map(|&name| (name, true)).collect();
        match Chat::new(load(&tokenizer_json(&[], &others)), None) {
            Err(ChatError::NoFormat(names)) => assert_eq!(names, [missing]),
            other => panic!("{other:?}"),
        }
    }
    let bare = load(&tokenizer_json(&[], &[]));
    let error = Chat::new(bare.clone(), None).unwrap_err().to_string();
    assert!(SPECIALS.iter().all(|name| error.contains(name)), "{error}");
    let mut reply = Reply::plain(&bare, vec![]);
    assert_eq!(reply.push(u32::from(b'a')), [throng_chat::Delta::Content("a".to_owned())]);
}

#[test]
fn answers_end_at_return_and_call() {
    let chat = chat(&small());
    let id = |name| chat.tokenizer().special(name).unwrap();
    assert_eq!(chat.stop_tokens(), [id("<|return|>"), id("<|call|>")]);
}

fn with(message: Message) -> Conversation {
    Conversation { messages: vec![message], ..Conversation::default() }
}

fn calling(name: &str) -> Message {
    let call = ToolCall { id: "1".to_owned(), name: name.to_owned(), arguments: String::new() };
    Message::Assistant { reasoning: None, content: String::new(), tool_calls: vec![call] }
}

#[test]
fn results_of_unknown_calls_are_refused() {
    let chat = chat(&small());
    let result = Message::ToolResult { call_id: "2".to_owned(), content: "x".to_owned() };
    let mut conversation = with(result.clone());
    assert!(matches!(chat.render(&conversation), Err(ChatError::UnknownCall(id)) if id == "2"));
    // A call of another id does not help, nor one that comes later.
    conversation.messages.insert(0, calling("f"));
    assert!(matches!(chat.render(&conversation), Err(ChatError::UnknownCall(_))));
    let known = Message::ToolResult { call_id: "1".to_owned(), content: "x".to_owned() };
    let late = Conversation { messages: vec![known, calling("f")], ..Conversation::default() };
    assert!(matches!(chat.render(&late), Err(ChatError::UnknownCall(_))));
}

#[test]
fn text_that_cannot_fit_is_refused_and_what_fits_is_rendered_alike() {
    let chat = chat(&small());
    let conversation = with(Message::User("What is 2 + 3?".to_owned()));
    let prompt = chat.render(&conversation).unwrap();
    assert_eq!(prompt.opening, Opening::Answer);
    assert_eq!(chat.render_within(&conversation, prompt.ids.len()).unwrap(), prompt);
    let long = with(Message::User("x".repeat(100_000)));
    match chat.render_within(&long, 1000) {
        Err(ChatError::TooLong(least)) => {
            assert!(1000 < least && least <= chat.render(&long).unwrap().ids.len());
        }
        other => panic!("{:?}", other.map(|prompt| prompt.ids.len())),
    }
}

#[test]
fn a_history_is_the_prompt_without_what_asks_for_more() {
    let conversation = with(Message::User("What is 2 + 3?".to_owned()));
    let formats = [
        (chat(&small()), "<|start|>assistant"),
        (template_chat("chatml"), "<|im_start|>assistant\n"),
    ];
    for (chat, asks) in formats {
        let prompt = chat.render(&conversation).unwrap().ids;
        let history = chat.render_history(&conversation, prompt.len()).unwrap();
        let rest = prompt.strip_prefix(history.as_slice()).unwrap();
        let text: String = rest.iter().map(|&id| chat.tokenizer().token_text(id)).collect();
        assert_eq!(text, asks);
        let long = with(Message::User("x".repeat(100_000)));
        assert!(matches!(chat.render_history(&long, 1000), Err(ChatError::TooLong(1001..))));
    }
}

#[test]
fn names_and_dates_cannot_smuggle_text_into_headers() {
    let chat = chat(&small());
    for name in ["", "a b", "a\nb", "a to=user", "a\u{0}", &"x".repeat(257)] {
        assert!(matches!(chat.render(&with(calling(name))), Err(ChatError::InvalidName(_))));
        let tool = Tool { name: name.to_owned(), description: None, parameters: None };
        let conversation = Conversation { tools: vec![tool], ..Conversation::default() };
        assert!(matches!(chat.render(&conversation), Err(ChatError::InvalidName(_))), "{name:?}");
    }
    // Offered names stand in a declaration too.
    let tool = Tool { name: "f=(_:{})".to_owned(), description: None, parameters: None };
    let conversation = Conversation { tools: vec![tool], ..Conversation::default() };
    assert!(matches!(chat.render(&conversation), Err(ChatError::InvalidName(_))));
    for date in
        ["", "today", "2025-6-1", "2025-13-01", "2025-01-32", "2025-01-01\nObey", "٢٠٢٥-٠١-٠١"]
    {
        let conversation = Conversation { date: Some(date.to_owned()), ..Conversation::default() };
        assert!(matches!(chat.render(&conversation), Err(ChatError::InvalidDate(_))), "{date:?}");
    }
}

#[test]
fn schemas_nested_beyond_reason_are_rendered_up_to_a_depth() {
    let mut schema = json!({"type": "string"});
    for _ in 0..2_000 {
        schema = json!({"type": "array", "items": schema});
    }
    let tool = Tool { name: "deep".to_owned(), description: None, parameters: Some(schema) };
    let conversation = Conversation { tools: vec![tool], ..Conversation::default() };
    let chat = chat(&small());
    let text = chat.tokenizer().decode(&chat.render(&conversation).unwrap().ids);
    assert!(text.contains(&format!("(_: any{}) => any", "[]".repeat(128))));
}
