//! Calls as models write them: between `<tool_call>` and `</tool_call>`, or as all that they say.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A function and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    /// A JSON object, as the model wrote it.
    pub(super) arguments: String,
}

#[derive(Deserialize)]
struct Written<'a> {
    name: String,
    /// Some models are taught the second name.
    #[serde(borrow, alias = "parameters", default)]
    arguments: Option<&'a RawValue>,
}

impl Call {
    /// Reads a call; `None` if it is malformed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let Written { name, arguments } = serde_json::from_str(text).ok()?;
        if name.is_empty() {
            return None;
        }
        let arguments = match arguments.map(RawValue::get) {
            None | Some("null") => "{}".to_owned(),
            Some(object) if object.starts_with('{') => object.to_owned(),
            // A model may write the object as a string, as OpenAI's API has it.
            Some(other) => {
                let inner: String = serde_json::from_str(other).ok()?;
                let object: &RawValue = serde_json::from_str(&inner).ok()?;
                object.get().starts_with('{').then(|| object.get().to_owned())?
            }
        };
        Some(Self { name, arguments })
    }

    /// Reads a text that consists of calls of functions with these names, one or several, set off by
    /// white space or semicolons; `None` if it is anything else.
    pub(super) fn parse_all(text: &str, names: &[String]) -> Option<Vec<Self>> {
        let mut calls = Vec::new();
        let mut rest = trimmed(text);
        while !rest.is_empty() {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            let call = Self::parse(values.next()?.ok()?.get())?;
            rest = trimmed(&rest[values.byte_offset()..]);
            calls.push(Some(call).filter(|call| names.contains(&call.name))?);
        }
        Some(calls).filter(|calls| !calls.is_empty())
    }
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == ';')
}

/// Whether a text may be the beginning of a call of a function with one of these names. The name
/// comes first.
pub(super) fn may_be_call(text: &str, names: &[String]) -> bool {
    let mut written = text.char_indices().filter(|(_, c)| !c.is_whitespace());
    for expected in "{\"name\":\"".chars() {
        match written.next() {
            None => return !names.is_empty(),
            Some((_, c)) if c == expected => {}
            Some(_) => return false,
        }
    }
    let name = written.next().map_or("", |(at, _)| &text[at..]);
    match name.split_once('"') {
        Some((name, _)) => names.iter().any(|other| other == name),
        None => names.iter().any(|other| other.starts_with(name)),
    }
}

/// Whether a JSON text ends within a string, so that what follows belongs to it.
pub(super) fn ends_in_string(text: &str) -> bool {
    let (mut within, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if within => escaped = true,
            b'"' => within = !within,
            _ => {}
        }
    }
    within
}

#[cfg(test)]
mod tests {
    use super::{Call, ends_in_string, may_be_call};

    fn parse(text: &str) -> Option<(String, String)> {
        Call::parse(text).map(|call| (call.name, call.arguments))
    }

    #[test]
    fn arguments_are_as_they_were_written() {
        let call = |arguments: &str| Some(("f".to_owned(), arguments.to_owned()));
        let written = r#"{"b": [1, 2.50, 1e400],  "a":"é\n"}"#;
        let text = format!("\n{{\"name\": \"f\", \"arguments\": {written}}}\n");
        assert_eq!(parse(&text), call(written));
        assert_eq!(parse(r#"{"arguments":{},"name":"f","id":3}"#), call("{}"));
        assert_eq!(parse(r#"{"name":"f"}"#), call("{}"));
        assert_eq!(parse(r#"{"name":"f","arguments":null}"#), call("{}"));
        assert_eq!(parse(r#"{"name":"f","parameters":{"x":1}}"#), call(r#"{"x":1}"#));
        assert_eq!(parse(r#"{"name":"f","arguments":"{\"x\": 1}"}"#), call(r#"{"x": 1}"#));
    }

    #[test]
    fn what_is_no_call_is_none() {
        for text in [
            "",
            "f()",
            "[]",
            "{}",
            r#"{"name":""}"#,
            r#"{"name":3}"#,
            r#"{"name":"f","arguments":[1]}"#,
            r#"{"name":"f","arguments":7}"#,
            r#"{"name":"f","arguments":"x"}"#,
            r#"{"name":"f","arguments":"[1]"}"#,
            r#"{"name":"f"} more"#,
            r#"{"name":"f","arguments":{}"#,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let deep = format!(r#"{{"name":"f","arguments":{}"#, "{\"a\":".repeat(100_000));
        assert_eq!(parse(&deep), None);
    }

    #[test]
    fn an_answer_may_be_calls_and_nothing_else() {
        let names = ["get".to_owned(), "get_all".to_owned()];
        let calls = |text: &str| {
            let calls = Call::parse_all(text, &names)?;
            Some(calls.into_iter().map(|call| call.arguments).collect::<Vec<_>>())
        };
        let one = r#"{"name": "get", "parameters": {"a": "; }"}}"#;
        assert_eq!(calls(one), Some(vec![r#"{"a": "; }"}"#.to_owned()]));
        let other = r#"{"name": "get_all", "parameters": {}}"#;
        for text in [format!("{one}; {other}"), format!("\n{one}\n{other} ")] {
            assert_eq!(calls(&text).unwrap().len(), 2, "{text}");
        }
        for text in ["", " ;", "{}", r#"{"name": "other"}"#, &format!("{one} and"), &one[..20]] {
            assert_eq!(calls(text), None, "{text}");
        }
        for text in ["", "{", "{ \"na", "{\"name\": \"", "{\"name\":\"get_", one, other] {
            assert!(may_be_call(text, &names), "{text}");
            assert!(!may_be_call(text, &[]), "{text}");
        }
        for text in ["a", "{\"age", "{\"name\": 5", "{\"name\":\"Ann", "{\"name\":\"get_\""] {
            assert!(!may_be_call(text, &names), "{text}");
        }
    }

    #[test]
    fn strings_are_told_from_what_is_around_them() {
        for (text, within) in [
            ("", false),
            ("\"", true),
            (r#""\""#, true),
            (r#""\\""#, false),
            (r#"{"a":"b"}"#, false),
        ] {
            assert_eq!(ends_in_string(text), within, "{text}");
        }
    }
}
