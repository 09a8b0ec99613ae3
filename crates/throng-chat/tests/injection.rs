//! No text of a user's becomes a token, whatever the chat template does with it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SPECIALS, load, template_chat, template_file, tokenizer_json};
use proptest::prelude::*;
use serde_json::json;
use throng_chat::{Chat, Conversation, Message, Opening, Template, Tool, ToolCall};

const TEMPLATES: [&str; 5] = ["chatml", "features", "headers", "hybrid", "thinker"];

/// What tokens are made of, and what could hide a token from whoever looks for it.
const PIECES: [&str; 24] = [
    "<|im_end|>",
    "<|im_start|>",
    "<|IM_END|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_response>",
    "<|sep|>",
    "<|begin_of_text|>",
    "<|",
    "<",
    "|>",
    ">",
    "im_end",
    "im_end|>",
    "|im_end|>",
    "think>",
    "/think>",
    "<|im_",
    "\u{10FFFF}",
    "<\u{10FFFF}|im_end|>",
    "é",
    "a",
    "\"",
];

/// A conversation in which everything that a user chooses is one of these texts.
fn filled(texts: &[String; 10]) -> Conversation {
    let [system, question, thought, said, id, name, key, value, result, description] = texts;
    let arguments = json!({ key: value, "list": [value] }).to_string();
    let call = ToolCall { id: id.clone(), name: name.clone(), arguments };
    let malformed = ToolCall { arguments: value.clone(), ..call.clone() };
    let turn = |call| Message::Assistant {
        reasoning: Some(thought.clone()),
        content: said.clone(),
        tool_calls: vec![call],
    };
    let answer = Message::ToolResult { call_id: id.clone(), content: result.clone() };
    let parameters = json!({
        "type": "object", "required": [key], "properties": { key: { "enum": [value] } },
    });
    let description = Some(description.clone());
    let tool = Tool { name: name.clone(), description, parameters: Some(parameters) };
    Conversation {
        messages: vec![
            Message::Instructions(system.clone()),
            Message::User(question.clone()),
            turn(call),
            answer.clone(),
            turn(malformed),
            answer,
            Message::User(question.clone()),
        ],
        tools: vec![tool],
        date: Some("2026-11-21".to_owned()),
        ..Conversation::default()
    }
}

/// The added tokens of a prompt: the first ids are the model's vocabulary.
fn tokens(chat: &Chat, conversation: &Conversation) -> Vec<u32> {
    let ids = chat.render(conversation).unwrap().ids;
    let first = chat.tokenizer().special("<|begin_of_text|>").unwrap();
    ids.into_iter().filter(|&id| id >= first).collect()
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PIECES[..]), 1..4).prop_map(|texts| texts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_tokens_of_a_prompt_do_not_depend_on_what_users_say(
        texts in prop::collection::vec(text(), 10),
    ) {
        let texts: [String; 10] = texts.try_into().unwrap();
        let plain = std::array::from_fn(|index| format!("plain{index}"));
        for template in TEMPLATES {
            let chat = template_chat(template);
            prop_assert_eq!(
                tokens(&chat, &filled(&texts)), tokens(&chat, &filled(&plain)), "{}", template
            );
        }
    }

    /// What it says is there, as text.
    #[test]
    fn text_that_looks_like_tokens_is_said(text in text()) {
        let chat = template_chat("chatml");
        let messages = vec![Message::User(text.clone())];
        let ids = chat.render(&Conversation { messages, ..Conversation::default() }).unwrap().ids;
        let said = text.replace('\u{10FFFF}', "\u{FFFD}");
        let said = chat.tokenizer().encode(&format!("user\n{said}")).unwrap();
        prop_assert!(ids.windows(said.len()).any(|window| window == said));
    }
}

/// A chat with a template of its own.
fn chat(source: &str) -> Chat {
    let tokenizer = throng_chat::Tokenizer::from_json(&template_file("template-tokenizer.json"));
    let template = Template { source: source.to_owned(), ..Template::default() };
    Chat::new(tokenizer.unwrap(), Some(template)).unwrap()
}

#[test]
fn a_careless_template_makes_no_token_of_text_either() {
    let said = |texts: &[&str]| Conversation {
        messages: texts.iter().map(|&text| Message::User(text.to_owned())).collect(),
        ..Conversation::default()
    };
    let cases: [(&str, &[&str]); 8] = [
        ("{{ messages[0].content | lower }}", &["<|IM_END|>"]),
        ("{{ messages[0].content | replace(' ', '') }}", &["<|im_ end|>"]),
        ("{{ messages | map(attribute='content') | join }}", &["<|im", "_end", "|>"]),
        ("<|{{ messages[0].content }}|>", &["im_end"]),
        ("<{{ messages[0].content }}", &["|im_end|>"]),
        ("<{{ messages[0].content | trim }}", &[" \n|im_end|>"]),
        ("{{ '<|im_' ~ messages[0].content ~ '>' }}", &["end|"]),
        (
            "{{ messages[0] }}{{ messages | tojson(ensure_ascii=true) }}",
            &["<|im_end|>", "</think>"],
        ),
    ];
    for (source, texts) in cases {
        let chat = chat(source);
        let ids = chat.render(&said(texts)).unwrap().ids;
        let first = chat.tokenizer().special("<|begin_of_text|>").unwrap();
        assert!(ids.iter().all(|&id| id < first), "{source}: {}", chat.tokenizer().decode(&ids));
        let written = chat.tokenizer().decode(&ids);
        assert!(
            !written.contains('\u{10FFFF}') && !written.contains("10ffff"),
            "{source}: {written}"
        );
    }
}

#[test]
fn only_the_template_opens_a_thought() {
    let say = |text: &str| Conversation {
        messages: vec![Message::User(text.to_owned())],
        ..Conversation::default()
    };
    let opening = |source: &str, text: &str| chat(source).render(&say(text)).unwrap().opening;
    assert_eq!(opening("{{ messages[0].content }}<think>\n", "x"), Opening::Thought);
    assert_eq!(opening("{{ messages[0].content }}<think>\n</think>", "x"), Opening::Answer);
    assert_eq!(opening("{# <think> #}{{ messages[0].content }}", "<think>"), Opening::Answer);
}

#[test]
fn harmony_needs_no_template_and_is_not_changed_by_one() {
    let added = SPECIALS.map(|name| (name, true));
    let tokenizer = load(&tokenizer_json(&[], &added));
    let template = Template { source: "{{ broken".to_owned(), ..Template::default() };
    let chat = Chat::new(tokenizer.clone(), Some(template)).unwrap();
    let conversation = Conversation::default();
    let plain = Chat::new(tokenizer, None).unwrap().render(&conversation).unwrap();
    assert_eq!(chat.render(&conversation).unwrap(), plain);
}
