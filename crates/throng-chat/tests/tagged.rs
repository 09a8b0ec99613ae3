//! Answers with `<think>` and `<tool_call>` tags, as Qwen's models write them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::LazyLock;

use common::{join, load, template_chat, tokenizer_json};
use proptest::prelude::*;
use serde_json::Value;
use throng_chat::{Chat, Conversation, Delta, Effort, Message, Opening, Reply, Template};

const TAGS: [&str; 4] = ["<think>", "</think>", "<tool_call>", "</tool_call>"];

/// A model whose template names these tags; `special` says whether its tokenizer has them, and
/// whether as control tokens.
fn model(named: &str, special: Option<bool>) -> Chat {
    let mut added = vec![("<|im_end|>", true)];
    added.extend(special.into_iter().flat_map(|special| TAGS.map(|tag| (tag, special))));
    let template = Template { source: format!("{{# {named} #}}"), ..Template::default() };
    Chat::new(load(&tokenizer_json(&[], &added)), Some(template)).unwrap()
}

/// Token ids of an answer: tags are tokens where the tokenizer has them.
fn tokens(chat: &Chat, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let tag = TAGS.into_iter().find(|tag| rest.starts_with(tag));
        match tag.and_then(|tag| chat.tokenizer().special(tag).map(|id| (tag, id))) {
            Some((tag, id)) => {
                ids.push(id);
                rest = &rest[tag.len()..];
            }
            None => {
                let width = rest.chars().next().unwrap().len_utf8();
                ids.extend(rest[..width].bytes().map(u32::from));
                rest = &rest[width..];
            }
        }
    }
    ids
}

fn read(chat: &Chat, opening: Opening, text: &str) -> Vec<Delta> {
    let mut reply = Reply::chat(chat, opening, vec![], "t");
    let mut deltas = Vec::new();
    for id in tokens(chat, text) {
        join(&mut deltas, reply.push(id));
    }
    join(&mut deltas, reply.push(chat.tokenizer().special("<|im_end|>").unwrap()));
    join(&mut deltas, reply.finish());
    let starts = deltas.iter().filter(|delta| matches!(delta, Delta::ToolCallStart { .. }));
    assert_eq!(reply.tool_calls(), starts.count());
    deltas
}

fn reasoning(text: &str) -> Delta {
    Delta::Reasoning(text.to_owned())
}

fn content(text: &str) -> Delta {
    Delta::Content(text.to_owned())
}

fn call(index: usize, name: &str, arguments: &str) -> [Delta; 2] {
    let (id, name) = (format!("call_t_{index}"), name.to_owned());
    let text = arguments.to_owned();
    [Delta::ToolCallStart { index, id, name }, Delta::ToolCallArguments { index, text }]
}

#[test]
fn thoughts_and_calls_are_told_from_content() {
    let [start, arguments] = call(0, "add", r#"{"a": 1, "b": [2]}"#);
    let [second, nothing] = call(1, "now", "{}");
    let text = "<think>\nHow? Né.\n</think>\n\nI add.\n<tool_call>\n\
        {\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": [2]}}\n</tool_call>\n\
        <tool_call>{\"name\":\"now\"}</tool_call>\n";
    let expected = [reasoning("How? Né."), content("I add."), start, arguments, second, nothing];
    for special in [None, Some(false), Some(true)] {
        assert_eq!(read(&model("<think> <tool_call>", special), Opening::Answer, text), expected);
    }
}

#[test]
fn a_prompt_may_have_opened_the_thought() {
    let chat = model("<think>", Some(false));
    let expected = [reasoning("Hm."), content("Yes.")];
    assert_eq!(read(&chat, Opening::Thought, "\nHm.\n</think>\n\nYes."), expected);
    assert_eq!(read(&chat, Opening::Thought, "never done\n"), [reasoning("never done\n")]);
    assert_eq!(read(&chat, Opening::Answer, "<think>\n\n</think>\n\nNo."), [content("No.")]);
}

#[test]
fn tags_that_the_template_does_not_name_are_text() {
    let text = "<think>x</think><tool_call>{\"name\":\"f\"}</tool_call>";
    assert_eq!(read(&model("", Some(false)), Opening::Answer, text), [content(text)]);
    let thinker = read(&model("<think>", None), Opening::Answer, text);
    assert_eq!(thinker, [reasoning("x"), content("<tool_call>{\"name\":\"f\"}</tool_call>")]);
    let caller = read(&model("<tool_call>", None), Opening::Answer, text);
    assert_eq!(caller[0], content("<think>x</think>"));
    assert_eq!(caller[1..], call(0, "f", "{}"));
}

#[test]
fn malformed_calls_come_back_as_they_were_written() {
    let chat = model("<think> <tool_call>", Some(false));
    for text in [
        "<tool_call>",
        "one\n\n<tool_call>\nnot JSON\n</tool_call>\n\ntwo\n",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}",
        "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
        "<tool_call><tool_call>{\"name\": \"f\"}</tool_call>",
        "<tool_call>{\"name\": \"unclosed </tool_call> and <think> on",
        "a < b, </think> and </tool_call> and <tool",
    ] {
        assert_eq!(read(&chat, Opening::Answer, text), [content(text)]);
    }
    // The end of a call within one of its strings is text.
    let text = r#"<tool_call>{"name":"f","arguments":{"a":"</tool_call>"}}</tool_call>"#;
    assert_eq!(read(&chat, Opening::Answer, text), call(0, "f", r#"{"a":"</tool_call>"}"#));
    let mixed = "<tool_call>{\"name\":</tool_call>\n<tool_call>{\"name\":\"f\"}</tool_call>";
    let deltas = read(&chat, Opening::Answer, mixed);
    assert_eq!(deltas[0], content("<tool_call>{\"name\":</tool_call>"));
    assert_eq!(deltas[1..], call(0, "f", "{}"));
}

#[test]
fn stop_strings_and_counts_are_those_of_content_and_thoughts() {
    let chat = model("<think>", Some(false));
    let mut reply = Reply::chat(&chat, Opening::Answer, vec!["END".to_owned()], "t");
    let mut deltas = Vec::new();
    for id in tokens(&chat, "<think>END</think>The END is near") {
        join(&mut deltas, reply.push(id));
    }
    assert!(reply.stopped());
    assert_eq!(deltas, [reasoning("END"), content("The ")]);
    assert_eq!(reply.reasoning_tokens(), 3);
}

#[test]
fn tokens_of_tags_are_not_held_back_for_content() {
    let chat = model("<think>", Some(false));
    let mut reply = Reply::chat(&chat, Opening::Answer, vec![], "t");
    let held: Vec<bool> = tokens(&chat, "<think>a</think>\nb\n")
        .into_iter()
        .map(|id| {
            reply.push(id);
            reply.holds_back()
        })
        .collect();
    assert_eq!(held, [false, false, false, false, false, true]);
}

#[test]
fn effort_low_is_the_switch_for_not_thinking() {
    let render = |template: &str, effort| {
        let chat = template_chat(template);
        let messages = vec![Message::User("?".to_owned())];
        chat.render(&Conversation { messages, effort, ..Conversation::default() }).unwrap()
    };
    let (low, high) = (render("hybrid", Effort::Low), render("hybrid", Effort::High));
    assert_eq!((low.opening, high.opening), (Opening::Answer, Opening::Answer));
    assert!(low.ids.len() > high.ids.len(), "an empty thought");
    assert_eq!(render("thinker", Effort::Low).opening, Opening::Thought);
    assert_eq!(template_chat("hybrid").efforts(), [Effort::Low, Effort::Medium]);
    assert_eq!(template_chat("thinker").efforts(), []);
}

/// The meaning of a whole answer, read at once.
fn whole(text: &str) -> Vec<Delta> {
    let newlines = ['\n', '\r'];
    let mut deltas = Vec::new();
    let (mut rest, mut calls, mut fresh) = (text, 0, false);
    let mut said = String::new();
    while !rest.is_empty() {
        let at = rest.find(TAGS[0]).into_iter().chain(rest.find(TAGS[2])).min();
        let (before, tagged) = rest.split_at(at.unwrap_or(rest.len()));
        let before = if fresh { before.trim_start_matches(newlines) } else { before };
        said.push_str(before);
        rest = tagged;
        if let Some(thought) = tagged.strip_prefix(TAGS[0]) {
            join(&mut deltas, vec![content(said.trim_end_matches(newlines))]);
            said.clear();
            let (thought, after) = thought.split_once(TAGS[1]).unwrap_or((thought, ""));
            let ended = tagged.contains(TAGS[1]);
            let thought = thought.trim_start_matches(newlines);
            let thought = if ended { thought.trim_end_matches(newlines) } else { thought };
            join(&mut deltas, vec![reasoning(thought)]);
            (rest, fresh) = (after, true);
        } else if let Some(body) = tagged.strip_prefix(TAGS[2]) {
            let Some((body, after)) = body.split_once(TAGS[3]) else {
                said.push_str(tagged);
                break;
            };
            rest = after;
            let name = serde_json::from_str::<Value>(body).ok();
            match name.as_ref().and_then(|value| value["name"].as_str()) {
                Some(name) => {
                    join(&mut deltas, vec![content(said.trim_end_matches(newlines))]);
                    said.clear();
                    deltas.extend(call(calls, name, "{}"));
                    calls += 1;
                    fresh = true;
                }
                None => {
                    said.push_str(&tagged[..tagged.len() - after.len()]);
                    fresh = false;
                }
            }
        }
    }
    join(&mut deltas, vec![content(&said)]);
    deltas.retain(|delta| *delta != content("") && *delta != reasoning(""));
    let mut joined = Vec::new();
    join(&mut joined, deltas);
    joined
}

static CHATS: LazyLock<[Chat; 3]> = LazyLock::new(|| {
    [None, Some(false), Some(true)].map(|special| model("<think> <tool_call>", special))
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// However an answer is cut into tokens, it means what it means as a whole.
    #[test]
    fn pieces_mean_what_the_whole_means(
        pieces in prop::collection::vec(prop::sample::select(&[
            "<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_call>{\"name\":\"f\"}</tool_call>",
            "{\"name\":\"f\"}", "<", "</", "<tool", "think>", "\n", "\r\n", " ", "a", "é🙂",
        ][..]), 0..10),
    ) {
        let text = pieces.concat();
        let expected = whole(&text);
        for chat in CHATS.iter() {
            prop_assert_eq!(read(chat, Opening::Answer, &text), expected.clone());
        }
    }
}
