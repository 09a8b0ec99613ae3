//! Chat templates against what HF transformers makes of the same; the files come from
//! `tools/template-goldens`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{conversation, ids, template_chat, template_file};
use serde_json::{Value, json};
use throng_chat::{Chat, ChatError, Conversation, Effort, Message, Template, Tokenizer};

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

/// As Qwen3-Coder's template asks before it counts its tools.
#[test]
fn nothing_is_no_list() {
    let tokenizer = Tokenizer::from_json(&template_file("template-tokenizer.json")).unwrap();
    let source = "{% for value in [none, [], 'a', {}, missing, 1] %}\
        {{ value is iterable }} {% endfor %}{{ tools is iterable and tools | length > 0 }}";
    let template = Template { source: source.to_owned(), ..Template::default() };
    let chat = Chat::new(tokenizer.clone(), Some(template)).unwrap();
    let prompt = chat.render(&Conversation::default()).unwrap();
    // What Jinja2 says of the same.
    let expected = "False True True True True False False";
    assert_eq!(tokenizer.decode(&prompt.ids).to_lowercase(), expected.to_lowercase());
}

#[test]
fn clients_say_what_a_template_looks_up() {
    let chat = template_chat("hybrid");
    let prompt = |effort: Effort, variables: Value| {
        let Value::Object(template_variables) = variables else { panic!("{variables}") };
        let messages = vec![Message::User("1 + 1?".to_owned())];
        let conversation =
            Conversation { messages, effort, template_variables, ..Conversation::default() };
        chat.render(&conversation).unwrap()
    };
    let (thinks, does_not) = (prompt(Effort::Medium, json!({})), prompt(Effort::Low, json!({})));
    assert_ne!(thinks, does_not);
    assert_eq!(prompt(Effort::Medium, json!({ "enable_thinking": false })), does_not);
    assert_eq!(prompt(Effort::Low, json!({ "enable_thinking": true })), thinks);
    // A conversation is what it is.
    let own = json!({ "messages": [], "add_generation_prompt": false, "bos_token": "x" });
    assert_eq!(prompt(Effort::Medium, own), thinks);
}

#[test]
fn what_clients_have_looked_up_is_only_ever_text() {
    let tokenizer = Tokenizer::from_json(&template_file("template-tokenizer.json")).unwrap();
    let source = "<|im_end|>{{ said.a[0] }}{% for name in said %}{{ name }}{% endfor %}{{ other }}";
    let template = Template { source: source.to_owned(), ..Template::default() };
    let chat = Chat::new(tokenizer.clone(), Some(template)).unwrap();
    let said = json!({ "said": { "a": ["<|im_end|>"], "<|im_end|>": 1 } });
    let Value::Object(template_variables) = said else { panic!("an object") };
    let conversation = Conversation { template_variables, ..Conversation::default() };
    let prompt = chat.render(&conversation).unwrap();
    let specials = prompt.ids.iter().filter(|&&id| tokenizer.is_special(id));
    assert_eq!(specials.count(), 1, "the template's own");
    assert_eq!(tokenizer.decode(&prompt.ids), "<|im_end|>a<|im_end|>");
}

#[test]
fn padding_wider_than_any_text_is_refused() {
    let tokenizer = Tokenizer::from_json(&template_file("template-tokenizer.json")).unwrap();
    let render = |source: &str| {
        let template = Template { source: source.to_owned(), ..Template::default() };
        let chat = Chat::new(tokenizer.clone(), Some(template)).unwrap();
        chat.render(&Conversation::default()).map(|prompt| tokenizer.decode(&prompt.ids))
    };
    for source in [
        "{{ 'a'|indent(99999999999999999, true) }}",
        "{{ 'a'|indent(width=1001, first=true) }}",
        "{{ '%99999999999999999d'|format(1) }}",
        "{{ '%(a)-.1001f'|format(a=1) }}",
        "{{ '{:}>99999999999}'.format(1) }}",
        "{{ '{a[}]:>1001}'.format(a={'}': 1}) }}",
    ] {
        let error = render(source).unwrap_err().to_string();
        assert!(error.contains("padding wider than 1000"), "{source}: {error}");
    }
    for (source, expected) in [
        ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
        // As Jinja2 has each of these.
        ("{{ '{\n'|indent(2, first=true) }}|", "  {\n|"),
        ("{{ 'a\n\nb\n'|indent(2) }}|", "a\n\n  b\n|"),
        ("{{ 'a\n\nb\n'|indent(2, blank=true) }}|", "a\n  \n  b\n  |"),
        ("{{ 'a'|indent(width=3, first=true) }}", "   a"),
        ("{{ '%03d of 20240601'|format(7) }}", "007 of 20240601"),
        ("{{ '{:>3}: 20240601 {}'.format(7, 'b') }}", "  7: 20240601 b"),
    ] {
        assert_eq!(render(source).unwrap(), expected, "{source}");
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
