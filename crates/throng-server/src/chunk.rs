//! Chunks of an answer that is streamed. All of a stream are alike but for their choice, and there is
//! one for nearly every token, so what they share is written once.

use std::fmt::{Arguments, Write};

use serde_json::{Value, json};

use crate::date::unix_seconds;
use crate::id;
use crate::outcome::Tokens;
use crate::stream_options::StreamOptions;

/// What the chunks of one stream have in common.
#[derive(Debug)]
pub(crate) struct Chunks {
    /// Up to the choices.
    head: String,
    include_usage: bool,
}

impl Chunks {
    /// Of an object of a name, whose ids begin with `prefix`.
    pub(crate) fn new(object: &str, prefix: &str, model: &str, options: StreamOptions) -> Self {
        let (id, created) = (id::unique(prefix), unix_seconds());
        let [id, object, model] = [&id, object, model].map(quoted);
        let head = format!(
            r#"{{"id":{id},"object":{object},"created":{created},"model":{model},"choices":["#
        );
        Self { head, include_usage: options.include_usage }
    }

    /// A chunk with one choice, which is JSON.
    pub(crate) fn one(&self, choice: Arguments<'_>) -> String {
        self.write(choice, &Value::Null)
    }

    /// The last chunk of those that say what the answer has cost, if that is wanted.
    pub(crate) fn usage(&self, tokens: Tokens) -> Option<String> {
        self.include_usage.then(|| self.write(format_args!(""), &tokens.usage()))
    }

    fn write(&self, choices: Arguments<'_>, usage: &Value) -> String {
        // A token and what stands around it in a choice.
        const CHOICE: usize = 128;
        let mut chunk = String::with_capacity(self.head.len() + CHOICE);
        chunk.push_str(&self.head);
        let written = match self.include_usage {
            true => write!(chunk, r#"{choices}],"usage":{usage}}}"#),
            false => write!(chunk, "{choices}]}}"),
        };
        written.expect("a string takes what is written");
        chunk
    }
}

/// A text as JSON writes it.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

/// `finish_reason`, or that it is not there yet.
pub(crate) fn finish_reason(finish: Option<&str>) -> Value {
    json!(finish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_json_whatever_the_model_is_called() {
        for include_usage in [false, true] {
            let chunks = Chunks::new("thing", "x", "a \"b\"\n", StreamOptions { include_usage });
            let read = |chunk: &str| serde_json::from_str::<Value>(chunk).unwrap();
            let chunk = read(&chunks.one(format_args!(r#"{{"index":7}}"#)));
            assert_eq!((&chunk["object"], &chunk["model"]), (&json!("thing"), &json!("a \"b\"\n")));
            assert!(chunk["id"].as_str().unwrap().starts_with("x-"));
            assert_eq!(chunk["choices"], json!([{ "index": 7 }]));
            assert_eq!(chunk.get("usage"), include_usage.then_some(&Value::Null));
            let last = chunks.usage(Tokens { prompt: 2, completion: 3, ..Tokens::default() });
            assert_eq!(last.is_some(), include_usage);
            if let Some(last) = last.as_deref().map(read) {
                assert_eq!((&last["id"], &last["choices"]), (&chunk["id"], &json!([])));
                assert_eq!(last["usage"]["total_tokens"], 5);
            }
        }
    }
}
