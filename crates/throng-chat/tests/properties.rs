//! What holds of replies to whatever turn, with whatever stop strings.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SPECIALS, chat, join, marked, small};
use proptest::prelude::*;
use throng_chat::{Chat, Conversation, Delta, Message, Opening, Reply, Tool, ToolCall};

fn answer(mut reply: Reply, ids: impl Iterator<Item = u32>) -> (Vec<Delta>, Reply) {
    let mut deltas = Vec::new();
    for id in ids {
        join(&mut deltas, reply.push(id));
    }
    join(&mut deltas, reply.finish());
    (deltas, reply)
}

/// All text of an answer, in order.
fn text(deltas: &[Delta]) -> String {
    let text = |delta: &Delta| match delta {
        Delta::Reasoning(text) | Delta::Content(text) => text.clone(),
        Delta::ToolCallArguments { text, .. } => text.clone(),
        Delta::ToolCallStart { .. } => String::new(),
    };
    deltas.iter().map(text).collect()
}

/// Calls are numbered from 0, begin once, before their arguments, and end before another begins.
fn check_calls(deltas: &[Delta], reply: &Reply) {
    let mut calls = 0;
    for delta in deltas {
        match delta {
            Delta::ToolCallStart { index, id, name } => {
                assert_eq!(*index, calls);
                assert_eq!(*id, format!("call_t_{calls}"));
                assert!(!name.is_empty() && !name.contains(char::is_whitespace));
                calls += 1;
            }
            Delta::ToolCallArguments { index, .. } => assert_eq!(*index + 1, calls),
            Delta::Reasoning(text) | Delta::Content(text) => assert!(!text.is_empty()),
        }
    }
    assert_eq!(reply.tool_calls(), calls);
}

fn ordinary() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ -~\n]{1,12}",
        1 => "\\PC{1,6}",
        1 => prop::sample::select(&SPECIALS[..]).prop_map(str::to_owned),
    ]
}

/// A turn: reasoning, content and calls, each of which may be missing.
fn turn() -> impl Strategy<Value = (Option<String>, String, Vec<ToolCall>)> {
    let call =
        ("[a-zA-Z0-9_.-]{1,12}", ordinary()).prop_filter_map("no prefix", |(name, arguments)| {
            let apart = !["assistant", "all", "user", "system", "developer"].contains(&&*name);
            let plain = apart && !name.starts_with("functions.");
            plain.then(|| ToolCall { id: String::new(), name, arguments })
        });
    let content = prop_oneof![Just(String::new()), ordinary()];
    (prop::option::of(ordinary()), content, prop::collection::vec(call, 0..3))
}

/// The tokens that a model writes for a turn: the rendered conversation with it, less the prompt
/// without it, less the next prompt.
fn written(chat: &Chat, turn: &(Option<String>, String, Vec<ToolCall>)) -> Vec<u32> {
    let (reasoning, content, calls) = turn.clone();
    let mut conversation = Conversation::default();
    conversation.tools.push(Tool { name: "f".into(), description: None, parameters: None });
    conversation.messages.push(Message::User("?".into()));
    let prompt = chat.render(&conversation).unwrap().ids;
    // Reasoning that an answer follows is not replayed, so it is rendered as a turn of its own.
    let marker = chat.tokenizer().special("<|start|>").unwrap();
    let mut ids = Vec::new();
    for (reasoning, content, tool_calls) in
        [(reasoning, String::new(), vec![]), (None, content, calls)]
    {
        let mut turn = conversation.clone();
        turn.messages.push(Message::Assistant { reasoning, content, tool_calls });
        let rendered = chat.render(&turn).unwrap().ids;
        let generation_prompt = rendered.iter().rposition(|&id| id == marker).unwrap();
        let start = prompt.iter().rposition(|&id| id == marker).unwrap();
        ids.extend(&rendered[start..generation_prompt]);
    }
    // The prompt has the first header's beginning already.
    let header = prompt.len() - prompt.iter().rposition(|&id| id == marker).unwrap();
    ids.drain(..header.min(ids.len()));
    ids
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_rendered_is_read_back(turn in turn()) {
        let chat = chat(&small());
        let ids = written(&chat, &turn);
        let (deltas, reply) = answer(Reply::chat(&chat, Opening::Answer, vec![], "t"), ids.into_iter());
        let (reasoning, content, calls) = turn;
        let mut expected: Vec<Delta> = reasoning.map(Delta::Reasoning).into_iter().collect();
        if !content.is_empty() {
            expected.push(Delta::Content(content));
        }
        for (index, call) in calls.into_iter().enumerate() {
            let id = format!("call_t_{index}");
            expected.push(Delta::ToolCallStart { index, id, name: call.name });
            expected.push(Delta::ToolCallArguments { index, text: call.arguments });
        }
        check_calls(&deltas, &reply);
        prop_assert_eq!(deltas, expected);
    }

    /// The text ends where the first stop string completes, however it comes in pieces.
    #[test]
    fn stop_strings_cut_where_the_first_completes(
        text in "[abc]{0,16}",
        stops in prop::collection::vec("[abc]{1,4}", 0..4),
        raw in any::<bool>(),
    ) {
        let tokenizer = small();
        let chat = chat(&tokenizer);
        let end = (0..=text.len()).find(|&end| stops.iter().any(|s| text[..end].ends_with(&**s)));
        let expected = end.map_or(&text[..], |end| {
            let longest = stops.iter().filter(|stop| text[..end].ends_with(&***stop));
            &text[..end - longest.map(String::len).max().unwrap()]
        });
        let (reply, ids) = if raw {
            (Reply::plain(&tokenizer, stops.clone()), tokenizer.encode(&text).unwrap())
        } else {
            let marked = marked(&tokenizer, &format!("<|channel|>final<|message|>{text}"));
            (Reply::chat(&chat, Opening::Answer, stops.clone(), "t"), marked)
        };
        let (deltas, reply) = answer(reply, ids.into_iter());
        prop_assert_eq!(self::text(&deltas), expected);
        prop_assert_eq!(reply.stopped(), end.is_some());
    }
}
