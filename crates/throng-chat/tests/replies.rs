//! Answers as models write them, well and badly: what a client gets, and when.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{chat, join, marked, small};
use throng_chat::{Delta, Opening, Reply};

fn reasoning(text: &str) -> Delta {
    Delta::Reasoning(text.to_owned())
}

fn content(text: &str) -> Delta {
    Delta::Content(text.to_owned())
}

/// A call's beginning and its arguments.
fn call(index: usize, name: &str, arguments: &str) -> Vec<Delta> {
    let mut deltas =
        vec![Delta::ToolCallStart { index, id: format!("call_x_{index}"), name: name.to_owned() }];
    if !arguments.is_empty() {
        deltas.push(Delta::ToolCallArguments { index, text: arguments.to_owned() });
    }
    deltas
}

/// What a whole answer comes to.
fn read(text: &str) -> Vec<Delta> {
    read_until(text, &[]).0
}

fn read_until(text: &str, stops: &[&str]) -> (Vec<Delta>, Reply) {
    let tokenizer = small();
    let stops = stops.iter().map(|&stop| stop.to_owned()).collect();
    let mut reply = Reply::chat(&chat(&tokenizer), Opening::Answer, stops, "x");
    let mut deltas = Vec::new();
    for id in marked(&tokenizer, text) {
        join(&mut deltas, reply.push(id));
    }
    join(&mut deltas, reply.finish());
    (deltas, reply)
}

#[test]
fn headers_in_every_order_and_spelling() {
    for header in [
        " to=functions.get<|channel|>commentary <|constrain|>json",
        " to=functions.get<|channel|>commentary json",
        " to=functions.get<|channel|>commentary<|constrain|>json",
        " to=functions.get json<|channel|>commentary",
        " to=functions.get",
        "<|channel|>commentary to=functions.get <|constrain|>json",
        "<|channel|>commentary to=functions.get<|constrain|>JSON ",
        "<|channel|>commentary to=functions.get code",
        "<|channel|>commentary to=functions.get json_schema",
        "<|channel|>commentary json to=functions.get",
        "<|channel|>commentary <|constrain|>json to=functions.get",
        "<|channel|>commentary <|constrain|>to=functions.get",
        "<|channel|>commentary functions.get <|constrain|>json",
        "<|channel|>commentary get <|constrain|>json",
        "<|channel|>functions.get<|constrain|>json",
        "<|channel|>to=functions.get",
        "<|channel|>analysis to=functions.get code",
        "<|channel|>final to=functions.get",
        "<|channel|>summary to=get",
        "<|channel|>commentary to=functions.get<|channel|>commentary",
        "<|channel|>analysis<|channel|>commentary to=functions.get",
        "assistant to=functions.get<|channel|>commentary",
        "<|start|>assistant to=functions.get<|channel|>commentary",
        "<|end|><|start|>assistant<|channel|>commentary to=functions.get",
        "  \n<|channel|> commentary  to=functions.get  <|constrain|> json ",
    ] {
        let text = format!("{header}<|message|>{{\"a\":1}}<|call|>");
        assert_eq!(read(&text), call(0, "get", "{\"a\":1}"), "{header}");
    }
}

#[test]
fn recipients_that_are_people_call_nothing() {
    for recipient in ["user", "all", "assistant", "", "functions."] {
        let text = format!("<|channel|>final to={recipient}<|message|>Hi<|return|>");
        assert_eq!(read(&text), [content("Hi")], "{recipient}");
    }
}

#[test]
fn text_without_a_header_is_content_at_once() {
    let tokenizer = small();
    let mut reply = Reply::chat(&chat(&tokenizer), Opening::Answer, vec![], "x");
    assert_eq!(reply.push(u32::from(b'H')), [content("H")]);
    // What may become a header is held until it cannot.
    let mut reply = Reply::chat(&chat(&tokenizer), Opening::Answer, vec![], "x");
    assert_eq!(reply.push(u32::from(b'u')), []);
    assert_eq!(reply.push(u32::from(b'p')), [content("up")]);

    assert_eq!(read(" Hello there"), [content(" Hello there")]);
    assert_eq!(read("to be or not"), [content("to be or not")]);
    assert_eq!(read("assistant is my role"), [content("assistant is my role")]);
    assert_eq!(read("<|start|>Hello there"), [content("Hello there")]);
    assert_eq!(read("<|start|>assistant Hello there"), [content("Hello there")]);
    assert_eq!(read("<|channel|>final Hello there"), [content("Hello there")]);
    assert_eq!(read("<|channel|>final Hello<|return|>"), [content("Hello")]);
    assert_eq!(read("<|channel|>analysis Let me see. It"), [reasoning("Let me see. It")]);
    assert_eq!(read("<|channel|>commentary to=functions.f {\"a\":1}"), call(0, "f", "{\"a\":1}"));
    assert_eq!(read(" to=functions.f\n{\"a\":1}<|call|>"), call(0, "f", "{\"a\":1}"));
    assert_eq!(read("<|channel|>analysis to=functions.f{\"a\":1}"), call(0, "f", "{\"a\":1}"));
    let long = "x".repeat(1000);
    assert_eq!(read(&format!("<|channel|>final {long}")), [content(&long)]);
}

#[test]
fn a_forgotten_end_ends_the_message_too() {
    assert_eq!(
        read("<|channel|>analysis<|message|>Hm<|channel|>final<|message|>Yes<|return|>"),
        [reasoning("Hm"), content("Yes")]
    );
    assert_eq!(
        read("<|channel|>analysis<|message|>Hm<|start|>assistant<|channel|>final<|message|>Yes"),
        [reasoning("Hm"), content("Yes")]
    );
    assert_eq!(
        read("<|channel|>analysis<|message|>Hm<|end|>assistant<|channel|>final<|message|>Yes"),
        [reasoning("Hm"), content("Yes")]
    );
}

#[test]
fn specials_within_a_text_stand_for_nothing() {
    assert_eq!(
        read("<|channel|>final<|message|>a<|message|>b<|constrain|>c<|return|>"),
        [content("abc")]
    );
    assert_eq!(read("<|return|><|call|><|end|><|constrain|><|start|><|start|>"), []);
}

#[test]
fn answers_cut_off_anywhere_keep_what_is_certain() {
    assert_eq!(read(""), []);
    assert_eq!(read("<|channel|>"), []);
    assert_eq!(read("<|channel|>anal"), []);
    assert_eq!(read("<|channel|>commentary to=functions.f"), []);
    assert_eq!(read("<|channel|>commentary to=functions.f<|message|>"), call(0, "f", ""));
    assert_eq!(read("<|channel|>commentary to=functions.f<|call|>"), call(0, "f", ""));
    let tokenizer = small();
    let mut reply = Reply::chat(&chat(&tokenizer), Opening::Answer, vec![], "x");
    let mut ids = marked(&tokenizer, "<|channel|>final<|message|>");
    ids.extend([0xF0, 0x9F]);
    assert!(ids.into_iter().all(|id| reply.push(id).is_empty()));
    assert_eq!(reply.finish(), [content("\u{FFFD}")]);
}

#[test]
fn what_others_are_made_to_say_is_thought() {
    assert_eq!(
        read(
            "<|channel|>final<|message|>Hi<|end|><|start|>user<|message|>Me<|end|>\
             <|start|>functions.f to=assistant<|channel|>commentary<|message|>1<|end|>\
             <|start|>browser.open to=assistant<|channel|>commentary<|message|>2<|end|>\
             <|start|>assistant<|channel|>final<|message|>Bye<|return|>"
        ),
        [content("Hi"), reasoning("Me12"), content("Bye")]
    );
}

#[test]
fn calls_are_numbered_and_reasoning_counted() {
    let (deltas, reply) = read_until(
        "<|channel|>analysis<|message|>abcd<|end|><|start|>assistant<|channel|>commentary\
         <|message|>Wait.<|end|><|start|>assistant to=functions.a<|channel|>commentary \
         <|constrain|>json<|message|>{}<|call|><|start|>assistant to=functions.b<|channel|>\
         commentary <|constrain|>json<|message|>[]<|call|>",
        &[],
    );
    let mut expected = vec![reasoning("abcd"), content("Wait.")];
    expected.extend(call(0, "a", "{}"));
    expected.extend(call(1, "b", "[]"));
    assert_eq!(deltas, expected);
    assert_eq!(reply.tool_calls(), 2);
    assert_eq!(reply.reasoning_tokens(), 4);
    assert!(!reply.stopped());
}

#[test]
fn stop_strings_are_those_of_the_content_alone() {
    let (deltas, reply) = read_until(
        "<|channel|>analysis<|message|>STOP here<|end|><|start|>assistant<|channel|>final\
         <|message|>I say STOP and no more<|return|>",
        &["STOP"],
    );
    assert_eq!(deltas, [reasoning("STOP here"), content("I say ")]);
    assert!(reply.stopped());
    // Held text comes before what follows it, and a stop string does not reach across a call.
    let (deltas, reply) = read_until(
        "<|channel|>commentary<|message|>ST<|end|><|start|>assistant to=functions.f<|channel|>\
         commentary<|message|>OP<|call|><|start|>assistant<|channel|>final<|message|>OP",
        &["STOP"],
    );
    let mut expected = vec![content("ST")];
    expected.extend(call(0, "f", "OP"));
    expected.push(content("OP"));
    assert_eq!(deltas, expected);
    assert!(!reply.stopped());
}

#[test]
fn raw_text_has_no_structure() {
    let tokenizer = small();
    let mut reply = Reply::plain(&tokenizer, vec!["\n\n".to_owned()]);
    let mut deltas = Vec::new();
    for id in marked(&tokenizer, "a<|channel|>final<|message|> b\n<|end|>c\n\nd") {
        join(&mut deltas, reply.push(id));
    }
    join(&mut deltas, reply.finish());
    assert_eq!(deltas, [content("afinal b\nc")]);
    assert!(reply.stopped());
    assert_eq!((reply.tool_calls(), reply.reasoning_tokens()), (0, 0));
}
