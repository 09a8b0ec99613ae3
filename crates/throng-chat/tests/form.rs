//! Answers that are held to a form: random ones of allowed tokens, and where they may go.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::forms::{allowed, compile, content, formed, held, nano, person, random_answer, read};
use common::{chat, small, template_chat};
use serde_json::{Value, json};
use throng_chat::{Delta, Form, FormError, Formed, Grammar, Opening, Reply};

/// Any answer of allowed tokens is thoughts and then the text, to whoever reads it.
#[test]
fn harmony_answers_have_the_form_whatever_is_drawn() {
    for chat in [nano(), chat(&small())] {
        let ends = chat.stop_tokens();
        let form = held(&chat, Opening::Answer, &formed(person(), &[]));
        let mut finished = 0;
        for seed in 0..30 {
            let Some(answer) = random_answer(&form, &ends[..1], seed) else { continue };
            finished += 1;
            let deltas = read(Reply::chat(&chat, Opening::Answer, Vec::new(), "0"), &answer);
            let text = content(&deltas);
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value.as_object().unwrap().len(), 3, "{text}");
            assert!(value["age"].as_u64().unwrap() <= 150);
            let called = |delta: &Delta| matches!(delta, Delta::ToolCallStart { .. });
            assert!(!deltas.iter().any(called), "{deltas:?}");
        }
        assert!(finished >= 3, "{finished}");
    }
}

#[test]
fn harmony_headers_are_those_of_the_format() {
    let chat = nano();
    let special = |name| chat.tokenizer().special(name).unwrap();
    let tools = ["get"];
    let begin = |tools: &[&str]| {
        held(&chat, Opening::Answer, &formed(Grammar::Regex("ok".into()), tools)).begin()
    };
    let write = |formed: &mut Formed, text: &str| {
        for id in chat.tokenizer().encode(text).unwrap() {
            formed.push(id).unwrap();
        }
    };
    assert_eq!(allowed(&mut begin(&[])), [special("<|channel|>")]);
    // With a function there is also the space before its name.
    assert!(allowed(&mut begin(&tools)).len() > 1);
    let after_a_thought = || {
        let mut formed = begin(&tools);
        formed.push(special("<|channel|>")).unwrap();
        write(&mut formed, "analysis");
        formed.push(special("<|message|>")).unwrap();
        write(&mut formed, "Any thought: {\"é\"} ok");
        for name in ["<|return|>", "<|call|>", "<|channel|>", "<|start|>"] {
            assert!(!allowed(&mut formed).contains(&special(name)), "{name}");
            assert_eq!(formed.push(special(name)), Err(FormError::NotAllowed(special(name))));
        }
        formed.push(special("<|end|>")).unwrap();
        assert_eq!(allowed(&mut formed), [special("<|start|>")]);
        formed.push(special("<|start|>")).unwrap();
        write(&mut formed, "assistant");
        formed
    };
    // A call may be any text, and ends the answer.
    let mut formed = after_a_thought();
    let before = allowed(&mut formed);
    formed.push(special("<|channel|>")).unwrap();
    write(&mut formed, "commentary to=functions.get ");
    formed.push(special("<|constrain|>")).unwrap();
    write(&mut formed, "json");
    formed.push(special("<|message|>")).unwrap();
    write(&mut formed, "{\"a\":");
    assert!(allowed(&mut formed).contains(&special("<|call|>")));
    formed.push(special("<|call|>")).unwrap();
    assert!(allowed(&mut formed).is_empty());
    // Another answer has a text in its place, which must have the form.
    let mut formed = after_a_thought();
    assert_eq!(allowed(&mut formed), before);
    formed.push(special("<|channel|>")).unwrap();
    write(&mut formed, "final");
    formed.push(special("<|message|>")).unwrap();
    assert!(!allowed(&mut formed).contains(&special("<|return|>")));
    write(&mut formed, "ok");
    assert_eq!(allowed(&mut formed), [special("<|return|>")]);
}

/// Tags around thoughts are text that may be cut anywhere, and the text may look like a tag.
#[test]
fn tagged_answers_have_the_form_whatever_is_drawn() {
    let chat = template_chat("hybrid");
    let grammar = Grammar::Json(
        json!({ "type": "array", "items": { "enum": ["<think>", 5] }, "minItems": 2 }),
    );
    let ends = chat.stop_tokens();
    for opening in [Opening::Answer, Opening::Thought] {
        let form = held(&chat, opening, &formed(grammar.clone(), &[]));
        let (mut finished, mut thought) = (0, 0);
        for seed in 0..60 {
            let Some(answer) = random_answer(&form, ends, seed) else { continue };
            finished += 1;
            let deltas = read(Reply::chat(&chat, opening, Vec::new(), "0"), &answer);
            thought += usize::from(matches!(deltas[0], Delta::Reasoning(_)));
            let text = content(&deltas);
            let value: Value = serde_json::from_str(&text).unwrap();
            assert!(value.as_array().unwrap().len() >= 2, "{text}");
        }
        assert!(finished >= 10, "{opening:?}: {finished}");
        assert!(thought > 0, "{opening:?}");
    }
}

#[test]
fn a_thought_ends_with_its_tag_and_what_follows_is_the_text() {
    let chat = template_chat("hybrid");
    let ends = chat.stop_tokens();
    let form = |opening, tools: &[&str]| {
        held(&chat, opening, &formed(Grammar::Regex("[a-z]+".into()), tools))
    };
    let bytes = |text: &str| -> Vec<u32> {
        text.bytes()
            .map(|byte| {
                let is = |&id: &u32| chat.tokenizer().token_bytes(id) == [byte];
                (0..chat.tokenizer().vocab_size() as u32).find(is).unwrap()
            })
            .collect()
    };
    let write = |formed: &mut Formed, text: &str| {
        for id in bytes(text) {
            assert!(allowed(formed).contains(&id), "{text:?}");
            formed.push(id).unwrap();
        }
    };
    for (opening, thought) in [
        (Opening::Answer, "<think>Hm: </thi </think>\n\nok"),
        (Opening::Thought, "Hm: <think> {</</think>ok"),
        (Opening::Answer, "ok"),
    ] {
        let mut formed = form(opening, &[]).begin();
        write(&mut formed, thought);
        let next = allowed(&mut formed);
        assert!(next.contains(&ends[0]) && !next.contains(&bytes(" ")[0]), "{next:?}");
    }
    // Without functions there is no call, and no end before the text.
    let mut formed = form(Opening::Thought, &[]).begin();
    write(&mut formed, "Hm</think>");
    let next = allowed(&mut formed);
    assert!(!next.contains(&bytes("<")[0]) && !next.contains(&ends[0]), "{next:?}");
    let mut formed = form(Opening::Thought, &["get"]).begin();
    write(
        &mut formed,
        "Hm</think>\n<tool_call>\n{\"name\": \"get\", \"arguments\": {\"a\": 1}}\n</tool_call>",
    );
    assert!(allowed(&mut formed).contains(&ends[0]));
    formed.push(ends[0]).unwrap();
    assert!(allowed(&mut formed).is_empty());
}

#[test]
fn a_form_without_an_end_is_none() {
    let chat = nano();
    let compiled = compile(&chat, &person()).unwrap();
    assert_eq!(Form::of_text(compiled.clone(), &[]).unwrap_err(), FormError::NoEnd);
    let beyond = chat.tokenizer().vocab_size() as u32;
    assert_eq!(Form::of_text(compiled, &[beyond]).unwrap_err(), FormError::NoEnd);
}
