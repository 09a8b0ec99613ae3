//! Grammars, on nano's vocabulary: what they accept, and which are refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::forms::{accepts, compile, nano, person};
use serde_json::{Value, json};
use throng_chat::{Grammar, Grammars};

#[test]
fn a_schema_accepts_what_it_should_and_nothing_else() {
    let chat = nano();
    let compiled = compile(&chat, &person()).unwrap();
    for good in [
        r#"{"name":"Ann","age":7,"tags":[]}"#,
        r#"{"name": "Ann <|end|>", "age": 150, "tags": ["a", "né"]}"#,
        "{\n    \"name\": \"\\u0001\\n\",\n    \"age\": 0,\n    \"tags\": [\n        \"a\"\n    ]\n}",
    ] {
        assert!(accepts(&chat, &compiled, good), "{good}");
    }
    let endless = format!(r#"{{{}"name":"Ann","age":7,"tags":[]}}"#, " ".repeat(41));
    for bad in [
        "",
        "{",
        r#" {"name":"Ann","age":7,"tags":[]}"#,
        r#"{"name":"Ann","age":151,"tags":[]}"#,
        r#"{"name":"Ann","age":7,"tags":["b"]}"#,
        r#"{"name":"Ann","age":7}"#,
        r#"{"name":"Ann","age":7,"tags":[],"more":1}"#,
        r#"{"name":"Ann","age":7,"tags":[]} and more"#,
        r#"{"name":"a name of many letters","age":7,"tags":[]}"#,
        &endless,
    ] {
        assert!(!accepts(&chat, &compiled, bad), "{bad}");
    }
}

/// A number may have any number of digits in a grammar; in a double it may not.
#[test]
fn numbers_are_such_as_can_be_read() {
    let chat = nano();
    let grammar = Grammar::Json(json!({ "type": "array", "items": { "type": "number" } }));
    let compiled = compile(&chat, &grammar).unwrap();
    let (long, longer) = (format!("[{}]", "9".repeat(50)), format!("[{}]", "9".repeat(51)));
    for good in ["[1e250, 6.02e23]", "[-1e-400]", "[0.1e+9]", &long] {
        assert!(accepts(&chat, &compiled, good), "{good}");
        let values: Vec<f64> = serde_json::from_str(good).unwrap();
        assert!(values.iter().all(|value| value.is_finite()));
    }
    for bad in ["[1e999]", "[1e251]", "[2, 0.5E+1000]", &longer] {
        assert!(!accepts(&chat, &compiled, bad), "{bad}");
    }
}

#[test]
fn other_kinds_of_grammars() {
    let chat = nano();
    let choice = Grammar::Choice(vec!["yes".into(), "no \"\\/\n".into(), "né".into()]);
    let lark = "start: sum\nsum: NUMBER (\" + \" NUMBER)*\nNUMBER: /[0-9]+/";
    let cases = [
        (Grammar::Regex("[a-c]{2,3}/\\d".into()), vec!["ab/1", "abc/9"], vec!["a/1", "ab/", "ab"]),
        (choice, vec!["yes", "no \"\\/\n", "né"], vec!["ye", "yesno", "n"]),
        (Grammar::Lark(lark.into()), vec!["1", "12 + 3 + 4"], vec!["1 +", "+ 1", "1+1"]),
        (Grammar::json_object(), vec!["{}", r#"{"a":[1,{"b":null}]}"#], vec!["[]", "1", "{]"]),
    ];
    for (grammar, good, bad) in cases {
        let compiled = compile(&chat, &grammar).unwrap();
        for text in good {
            assert!(accepts(&chat, &compiled, text), "{grammar:?} {text:?}");
        }
        for text in bad {
            assert!(!accepts(&chat, &compiled, text), "{grammar:?} {text:?}");
        }
    }
}

#[test]
fn dates_and_times_are_some_that_are() {
    let chat = nano();
    let cases = [
        ("date", vec!["2023-02-28", "2024-02-29", "2000-02-29", "0001-12-31", "1999-10-10"]),
        ("date-time", vec!["2024-02-29T23:59:59Z", "2023-10-31t00:00:00.5+01:00"]),
        ("time", vec!["23:59:59Z", "00:00:00.25-08:00"]),
    ];
    let wrong = [
        ("date", vec!["2023-02-29", "1900-02-29", "2100-02-29", "0000-01-01", "2024-02-30"]),
        ("date-time", vec!["2023-02-29T23:59:59Z", "2024-02-29T23:59:60Z", "0000-10-10T00:00:00Z"]),
        ("time", vec!["23:59:60Z", "12:00:60.5+01:00"]),
    ];
    for ((format, good), (_, bad)) in cases.into_iter().zip(wrong) {
        let plain = json!({ "type": "string", "format": format });
        let own = json!({ "type": "string", "format": format, "pattern": "^[^x]*$" });
        let both =
            json!({ "allOf": [{ "format": format }, { "pattern": "-|:" }], "type": "string" });
        let referred = json!({ "$ref": "#/$defs/const", "$defs": { "const": plain } });
        for schema in [plain, own, both, referred] {
            let compiled = compile(&chat, &Grammar::Json(schema.clone())).unwrap();
            let fits = |text: &&str| accepts(&chat, &compiled, &json!(text).to_string());
            assert!(good.iter().all(fits), "{schema}");
            assert!(!bad.iter().any(fits), "{schema}");
        }
    }
}

#[test]
fn numbers_and_names_of_hosts_stay_within_their_bounds() {
    let chat = nano();
    let host = json!({ "type": "string", "format": "hostname" });
    let label = "a".repeat(60);
    let hosts = [json!(label), json!([&*label; 4].join("."))];
    let above = |other: &str| json!({ "type": "number", "exclusiveMinimum": 100, other: 100.25 });
    let below = json!({ "type": "number", "minimum": -100.25, "exclusiveMaximum": -100 });
    let numbers = [json!(100.1), json!(100.15)];
    let cases = [
        (host, hosts.to_vec(), vec![json!([&*label; 5].join("."))]),
        (above("maximum"), numbers.to_vec(), vec![json!(100), json!(100.0), json!(100.3)]),
        (above("exclusiveMaximum"), numbers.to_vec(), vec![json!(100), json!(100.25)]),
        (below, vec![json!(-100.1)], vec![json!(-100), json!(-100.3)]),
    ];
    for (schema, good, bad) in cases {
        let compiled = compile(&chat, &Grammar::Json(schema.clone())).unwrap();
        let fits = |value: &Value| accepts(&chat, &compiled, &value.to_string());
        for value in &good {
            assert!(fits(value), "{schema} {value}");
        }
        for value in &bad {
            assert!(!fits(value), "{schema} {value}");
        }
    }
}

#[test]
fn values_in_a_schema_are_not_schemas() {
    let chat = nano();
    let value = json!({ "format": "date" });
    for schema in [json!({ "const": value }), json!({ "enum": [value] })] {
        let compiled = compile(&chat, &Grammar::Json(schema)).unwrap();
        assert!(accepts(&chat, &compiled, &value.to_string()));
    }
    let schema = json!({ "properties": { "format": { "const": "date" } }, "required": ["format"] });
    let compiled = compile(&chat, &Grammar::Json(schema)).unwrap();
    assert!(accepts(&chat, &compiled, &value.to_string()));
}

#[test]
fn what_cannot_be_enforced_is_refused_in_one_line() {
    let chat = nano();
    let deep = (0..100).fold(json!({}), |inner, _| json!({ "properties": { "a": inner } }));
    let cases = [
        (Grammar::Json(json!({ "type": "array", "uniqueItems": true })), "uniqueItems"),
        (Grammar::Json(json!({ "not": {} })), "not"),
        (Grammar::Json(json!({ "type": "text" })), "text"),
        (Grammar::Json(json!({ "$ref": "https://example.com/schema" })), "example.com"),
        (Grammar::Json(json!({ "$ref": "#/$defs/none" })), "none"),
        (Grammar::Json(json!({ "type": "string", "format": "postcode" })), "postcode"),
        // Options of llguidance's own are not the client's to set.
        (
            Grammar::Json(json!({ "uniqueItems": true, "x-guidance": { "lenient": true } })),
            "uniqueItems",
        ),
        (Grammar::Regex("(".into()), "("),
        (Grammar::Lark("start: missing".into()), "missing"),
        (Grammar::Lark("start: <|end|>".into()), "<|end|>"),
        (Grammar::Lark(String::new()), ""),
        (Grammar::Choice(vec![]), "1 to 1024"),
        (Grammar::Choice(vec![String::new()]), "not empty"),
        (Grammar::Regex("a".repeat(1 << 18)), "bytes"),
    ];
    for (grammar, says) in cases {
        let Err(error) = compile(&chat, &grammar) else { panic!("{grammar:?}") };
        let error = error.to_string();
        assert!(error.contains(says), "{grammar:?}: {error}");
        assert!(!error.contains('\n') && error.len() < 600, "{error}");
    }
    compile(&chat, &Grammar::Json(deep)).unwrap();
}

#[test]
fn a_grammar_is_compiled_once_while_it_is_wanted() {
    let grammars = Grammars::new(nano().tokenizer().clone());
    let first = grammars.compile(&person()).unwrap();
    assert!(Arc::ptr_eq(&first, &grammars.compile(&person()).unwrap()));
    for n in 0..40 {
        grammars.compile(&Grammar::Regex(format!("a{{{n}}}b"))).unwrap();
        if n % 8 == 0 && n < 30 {
            grammars.compile(&person()).unwrap();
        }
    }
    // The last 32 are kept, and it was wanted 15 grammars ago.
    assert!(Arc::ptr_eq(&first, &grammars.compile(&person()).unwrap()));
    for n in 0..32 {
        grammars.compile(&Grammar::Regex(format!("b{{{n}}}c"))).unwrap();
    }
    assert!(!Arc::ptr_eq(&first, &grammars.compile(&person()).unwrap()));
}
