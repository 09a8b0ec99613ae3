//! Answers that are held to calls, and to Harmony's headers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::forms::{allowed, formed, function, held, nano, person, random_answer};
use common::{chat, marked, small, template_chat};
use serde_json::{Value, json};
use throng_chat::{
    Calls, Chat, Delta, Demand, DemandError, Form, FormError, Function, Grammars, Opening, Reply,
};

/// A strict function and one that is not, whose schema cannot be enforced.
fn functions() -> Vec<Function> {
    let parameters = json!({
        "type": "object",
        "properties": {
            "city": { "enum": ["Oslo", "né \"x\""] },
            "days": { "type": "integer", "minimum": 1, "maximum": 14 },
        },
        "required": ["city", "days"],
        "additionalProperties": false,
    });
    let parameters = Some(parameters);
    let unenforceable = Some(json!({ "type": "object", "not": { "required": ["a"] } }));
    vec![
        Function { name: "get_weather".to_owned(), parameters, strict: true },
        Function { name: "get".to_owned(), parameters: unenforceable, strict: false },
        function("get-all.now", false),
    ]
}

fn required(functions: Vec<Function>) -> Demand {
    let calls = Calls { functions, required: true, ..Calls::default() };
    Demand { calls, ..Demand::default() }
}

/// The names and arguments of an answer's calls, and its content.
fn read(chat: &Chat, opening: Opening, answer: &[u32]) -> (Vec<(String, String)>, String) {
    let names = functions().into_iter().map(|function| function.name);
    let mut reply = Reply::chat(chat, opening, Vec::new(), "0").with_functions(names);
    let mut deltas: Vec<Delta> = answer.iter().flat_map(|&id| reply.push(id)).collect();
    deltas.extend(reply.finish());
    let (mut calls, mut content) = (Vec::new(), String::new());
    for delta in deltas {
        match delta {
            Delta::ToolCallStart { name, .. } => calls.push((name, String::new())),
            Delta::ToolCallArguments { index, text } => calls[index].1.push_str(&text),
            Delta::Content(text) => content.push_str(&text),
            Delta::Reasoning(_) => {}
        }
    }
    (calls, content)
}

fn check_call(name: &str, arguments: &str) {
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    let arguments = arguments.as_object().unwrap();
    match name {
        "get_weather" => {
            assert_eq!(arguments.len(), 2);
            assert!(arguments["city"] == "Oslo" || arguments["city"] == "né \"x\"");
            assert!((1..=14).contains(&arguments["days"].as_i64().unwrap()));
        }
        "get" => {}
        "get-all.now" => assert!(arguments.is_empty()),
        other => panic!("{other}"),
    }
}

/// The formats of answers, and where each may begin.
fn formats() -> Vec<(Chat, Opening)> {
    vec![
        (nano(), Opening::Answer),
        (chat(&small()), Opening::Answer),
        (template_chat("hybrid"), Opening::Answer),
        (template_chat("hybrid"), Opening::Thought),
        (template_chat("headers"), Opening::Answer),
    ]
}

/// Whatever is drawn, a required call is made, of a function that is there, and with arguments that
/// its schema accepts.
#[test]
fn a_required_call_is_made_whatever_is_drawn() {
    for (number, (chat, opening)) in formats().into_iter().enumerate() {
        for demand in [required(functions()), required(functions().split_off(2))] {
            let form = held(&chat, opening, &demand);
            let mut made = 0;
            for seed in 0..40 {
                let ends = chat.stop_tokens();
                let Some(answer) = random_answer(&form, ends, seed) else { continue };
                let (calls, content) = read(&chat, opening, &answer);
                assert!(!calls.is_empty(), "format {number}: {}", chat.tokenizer().decode(&answer));
                for (name, arguments) in &calls {
                    let offered = demand.calls.functions.iter();
                    assert!(offered.clone().any(|function| function.name == *name), "{name}");
                    check_call(name, arguments);
                }
                // Only a preamble may be beside it.
                assert!(content.is_empty() || number < 2, "format {number}: {content:?}");
                made += 1;
            }
            assert!(made >= 10, "format {number}: {made} came to an end");
        }
    }
}

/// Writes a text with control tokens by name; the first token that may not come, if any.
fn refused(form: &Form, chat: &Chat, whole: &str) -> Option<String> {
    let mut answer = form.begin();
    let text = whole.split_once("<|im_end|>");
    let end = text.and_then(|_| chat.tokenizer().special("<|im_end|>"));
    for id in marked(chat.tokenizer(), text.map_or(whole, |(text, _)| text)).into_iter().chain(end)
    {
        let allowed = answer.allows(id).unwrap();
        if !allowed {
            assert_eq!(answer.push(id), Err(FormError::NotAllowed(id)));
            return Some(chat.tokenizer().token_text(id));
        }
        answer.push(id).unwrap();
    }
    None
}

#[test]
fn well_written_headers_pass_and_others_do_not() {
    let chat = chat(&small());
    let calls = Calls { functions: functions().split_off(1), ..Calls::default() };
    let form = held(&chat, Opening::Answer, &Demand { calls, headers: true, content: None });
    let thought = "<|channel|>analysis<|message|>Hm, {\"a\": 1}.<|end|><|start|>assistant";
    let json = "<|constrain|>json<|message|>{}<|call|>";
    for good in [
        "<|channel|>final<|message|>Yes.<|return|>".to_owned(),
        format!("{thought}<|channel|>final<|message|>to=functions.x <think><|return|>"),
        format!("{thought}{thought}<|channel|>final <|constrain|>json<|message|>1<|return|>"),
        format!("<|channel|>commentary to=functions.get {json}"),
        format!("<|channel|>commentary to=functions.get-all.now{json}"),
        "<|channel|>analysis to=functions.get<|message|>{\"b\": []}<|call|>".to_owned(),
        format!("{thought} to=functions.get<|channel|>commentary {json}"),
        format!("<|channel|>commentary<|message|>First.<|end|><|start|>assistant{thought} to=functions.get<|channel|>commentary {json}"),
        "<|channel|>commentary<|message|>All.<|return|>".to_owned(),
        "<|channel|>final<|message|>A.<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>".to_owned(),
    ] {
        assert_eq!(refused(&form, &chat, &good), None, "{good}");
    }
    for (bad, at) in [
        ("Yes.", "Y"),
        ("<|message|>", "<|message|>"),
        ("<|channel|>answer", "s"),
        ("<|channel|>final json", "j"),
        ("<|channel|>final<|constrain|>text", "t"),
        ("<|channel|>final<|channel|>", "<|channel|>"),
        ("<|channel|>final to=functions.get", " to"),
        ("<|channel|>commentary to=functions.get_weather", "_"),
        ("<|channel|>commentary to=functions.got", "o"),
        ("<|channel|>commentary to=get", "g"),
        ("<|channel|>commentary to=functions.get code", "c"),
        ("<|channel|>analysis<|message|>Hm<|return|>", "<|return|>"),
        ("<|channel|>analysis<|message|>Hm<|call|>", "<|call|>"),
        ("<|channel|>analysis<|message|>Hm<|channel|>", "<|channel|>"),
        ("<|channel|>analysis<|message|>Hm<|end|>final", "final"),
        ("<|channel|>analysis<|message|>Hm<|end|><|start|>user", "u"),
        ("<|channel|>final<|message|>Hm<|call|>", "<|call|>"),
        ("<|channel|>final<|message|>Hm<|return|><|start|>", "<|start|>"),
        (" to=functions.get<|message|>", "<|message|>"),
        (" to=functions.get<|channel|>final", "final"),
        ("<|channel|>analysis to=functions.get<|message|>{}<|return|>", "<|return|>"),
        ("<|channel|>analysis to=functions.get<|message|>no JSON", "n"),
        ("<|channel|>analysis to=functions.get<|message|>{}<|end|>", "<|end|>"),
    ] {
        assert_eq!(refused(&form, &chat, bad).as_deref(), Some(at), "{bad}");
    }
}

/// One that was drawn is looked at; no set of tokens has to be asked for.
#[test]
fn headers_alone_are_loose_to_the_last_token() {
    let chat = nano();
    let form = held(&chat, Opening::Answer, &Demand { headers: true, ..Demand::default() });
    let text = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant\
                <|channel|>final<|message|>Yes.";
    let mut answer = form.begin();
    for id in marked(chat.tokenizer(), text) {
        assert!(answer.is_loose());
        answer.push(id).unwrap();
    }
    answer.push(chat.tokenizer().special("<|return|>").unwrap()).unwrap();
    assert!(!answer.is_loose() && allowed(&mut answer).is_empty());
}

/// A form of the content and strict functions side by side: a preamble is one to a call.
#[test]
fn a_preamble_is_followed_by_a_call() {
    let chat = chat(&small());
    let demand = formed(person(), &["get"]);
    let form = held(&chat, Opening::Answer, &demand);
    let preamble = "<|channel|>commentary<|message|>First.<|end|><|start|>assistant";
    let thought = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant";
    let call = "<|channel|>commentary to=functions.get <|constrain|>json<|message|>{}<|call|>";
    for good in [format!("{preamble}{call}"), format!("{preamble}{thought}{preamble}{call}")] {
        assert_eq!(refused(&form, &chat, &good), None, "{good}");
    }
    for bad in [preamble, &format!("{preamble}{thought}")] {
        let bad = format!("{bad}<|channel|>final");
        assert_eq!(refused(&form, &chat, &bad).as_deref(), Some("final"), "{bad}");
    }
    assert_eq!(
        refused(&form, &chat, "<|channel|>commentary<|message|>First.<|return|>").as_deref(),
        Some("<|return|>")
    );
    // Without functions there is nothing to come after one.
    let form = held(&chat, Opening::Answer, &formed(person(), &[]));
    let bad = "<|channel|>commentary<|message|>";
    assert_eq!(refused(&form, &chat, bad).as_deref(), Some("c"));
}

/// Strict functions bind their own calls, and no other text.
#[test]
fn strict_functions_bind_calls_alone() {
    let spoken = ["Yes, <b>. ", "{\"city\": 5}", "<tool", "{\"name\": \"An"];
    for (number, (chat, opening)) in formats().into_iter().enumerate().skip(2) {
        let calls = Calls { functions: functions(), single: true, ..Calls::default() };
        let form = held(&chat, opening, &Demand { calls, ..Demand::default() });
        let thought = if opening == Opening::Thought { "Hm</think>" } else { "" };
        for text in &spoken[..if number == 4 { 3 } else { 4 }] {
            let text = format!("{thought}{text}<|im_end|>");
            assert_eq!(refused(&form, &chat, &text), None, "format {number}: {text}");
        }
        let call = |arguments: &str| match number {
            4 => format!("{{\"name\": \"get_weather\", \"parameters\": {arguments}}}"),
            _ => format!(
                "{thought}And:\n<tool_call>\n{{\"name\": \"get_weather\", \"arguments\": \
                 {arguments}}}\n</tool_call>"
            ),
        };
        let good = call("{\"city\": \"Oslo\", \"days\": 3}") + "<|im_end|>";
        assert_eq!(refused(&form, &chat, &good), None, "format {number}");
        for bad in ["{\"city\": \"Rome\"", "{\"days\"", "5", "{\"city\": \"Oslo\"}"] {
            assert!(refused(&form, &chat, &call(bad)).is_some(), "format {number}: {bad}");
        }
        // One call is enough.
        let two = format!("{}\n<tool_call>", call("{\"city\": \"Oslo\", \"days\": 3}"));
        assert!(refused(&form, &chat, &two).is_some(), "format {number}");
    }
}

#[test]
fn nothing_is_held_where_nothing_is_asked() {
    let form = |chat: &Chat, demand: &Demand| {
        let grammars = Grammars::new(chat.tokenizer().clone());
        Form::of_answer(&grammars, chat, Opening::Answer, demand, chat.stop_tokens())
    };
    let calls = Calls { functions: functions().split_off(1), ..Calls::default() };
    let loose = Demand { calls, ..Demand::default() };
    for (chat, _) in formats() {
        assert!(form(&chat, &loose).unwrap().is_none());
    }
    let hybrid = template_chat("hybrid");
    assert!(form(&hybrid, &Demand { headers: true, ..loose.clone() }).unwrap().is_none());
    // A model that was never taught to call cannot be made to.
    let plain = template_chat("chatml");
    assert_eq!(form(&plain, &required(functions())).unwrap_err(), DemandError::NoCalls);
    let mut strict = functions();
    strict[1].strict = true;
    for (chat, _) in formats() {
        let error = form(&chat, &required(strict.clone())).unwrap_err();
        assert!(matches!(&error, DemandError::Arguments { function, .. } if function == "get"));
        assert!(error.to_string().contains("not"), "{error}");
    }
}
