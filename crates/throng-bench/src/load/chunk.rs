//! What one event of a stream says: OpenAI's chunks, and what peers add to them.

use serde_json::{Deserializer, Value};

use super::failure::{Failure, short};
use super::sse::Event;

/// What an answer cost, as the peer counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the answer, reasoning included.
    pub completion: u64,
    /// Tokens of the prompt that were in a cache; `None`: the peer does not say.
    pub cached: Option<u64>,
}

/// What one event says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Chunk {
    /// What the answer goes on with.
    pub(crate) content: String,
    /// Whether it has any token to show: content, reasoning, a call of a tool.
    pub(crate) shows: bool,
    /// Whether the peer says that the answer is over.
    pub(crate) ends: bool,
    /// The counts, where this event has them.
    pub(crate) usage: Option<Usage>,
}

impl Chunk {
    /// Reads an event.
    ///
    /// # Errors
    /// It is an error, or nothing that this API sends.
    pub(crate) fn read(event: &Event) -> Result<Self, Failure> {
        let mut chunk = Self::default();
        let mut data = event.data.trim();
        if let Some(rest) = data.strip_suffix("[DONE]") {
            chunk.ends = true;
            data = rest;
        }
        // Two values where a peer forgot the blank line between its events.
        for value in Deserializer::from_str(data).into_iter::<Value>() {
            let value = value
                .map_err(|error| Failure::Malformed(format!("{error}: {}", short(&event.data))))?;
            if event.name == "error" {
                return Err(error(value.get("error").unwrap_or(&value)));
            }
            chunk.add(&value)?;
        }
        Ok(chunk)
    }

    fn add(&mut self, value: &Value) -> Result<(), Failure> {
        if let Some(given) = value.get("error").filter(|error| !error.is_null()) {
            return Err(error(given));
        }
        for choice in value["choices"].as_array().into_iter().flatten() {
            let delta = &choice["delta"];
            let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            for content in [&delta["content"], &choice["text"]] {
                self.content.push_str(content.as_str().unwrap_or(""));
                self.shows |= text(content);
            }
            self.shows |= text(&delta["reasoning"]) || text(&delta["reasoning_content"]);
            self.shows |= delta["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty());
            self.ends |= choice["finish_reason"].is_string();
        }
        self.usage = usage(value).or(self.usage);
        Ok(())
    }
}

/// The counts: `usage` as everybody has it, and llama-server's `timings` for what was cached.
fn usage(value: &Value) -> Option<Usage> {
    let counts = value.get("usage").filter(|usage| usage.is_object())?;
    let cached = counts["prompt_tokens_details"]["cached_tokens"].as_u64();
    Some(Usage {
        prompt: counts["prompt_tokens"].as_u64()?,
        completion: counts["completion_tokens"].as_u64().unwrap_or(0),
        cached: cached
            .or_else(|| value["timings"]["cache_n"].as_u64())
            .or_else(|| value["tokens_cached"].as_u64()),
    })
}

/// An error in a stream, or in a body with a status of its own: an object, or only its message.
fn error(value: &Value) -> Failure {
    let (code, message) = parts(value);
    Failure::Ended { code, message }
}

/// The code (or else the type) and the message of an error.
pub(crate) fn parts(error: &Value) -> (String, String) {
    let text = |key: &str| match &error[key] {
        Value::String(text) => Some(short(text)),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let message = text("message").or_else(|| error.as_str().map(short));
    let code = text("code").filter(|code| code.parse::<u64>().is_err()).or_else(|| text("type"));
    (code.unwrap_or_default(), message.unwrap_or_else(|| short(&error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(data: &str) -> Result<Chunk, Failure> {
        Chunk::read(&Event { name: String::new(), data: data.to_owned() })
    }

    fn shows(data: &str) -> bool {
        read(data).unwrap().shows
    }

    #[test]
    fn tokens_are_content_reasoning_text_and_calls() {
        assert!(!shows(r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#));
        assert!(!shows(r#"{"choices":[{"delta":{"content":null},"finish_reason":null}]}"#));
        assert!(shows(r#"{"choices":[{"delta":{"reasoning":"a"}}]}"#));
        assert!(shows(r#"{"choices":[{"delta":{"reasoning_content":"a"}}]}"#));
        assert!(shows(r#"{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}"#));
        let chunk = read(r#"{"choices":[{"text":"b","finish_reason":"stop"}]}"#).unwrap();
        assert_eq!((chunk.content.as_str(), chunk.shows, chunk.ends), ("b", true, true));
    }

    #[test]
    fn counts_are_usage_and_what_peers_add() {
        let counts = |data| read(data).unwrap().usage;
        assert_eq!(counts(r#"{"choices":[],"usage":null}"#), None);
        let usage = r#"{"usage":{"prompt_tokens":5,"completion_tokens":2,
            "prompt_tokens_details":{"cached_tokens":3}}}"#;
        let expected = Usage { prompt: 5, completion: 2, cached: Some(3) };
        assert_eq!(counts(usage), Some(expected));
        let timings = r#"{"usage":{"prompt_tokens":5,"completion_tokens":2},
            "timings":{"cache_n":3}}"#;
        assert_eq!(counts(timings), Some(expected));
        let none = r#"{"usage":{"prompt_tokens":5}}"#;
        assert_eq!(counts(none), Some(Usage { prompt: 5, completion: 0, cached: None }));
    }

    #[test]
    fn done_ends_and_chunks_without_a_blank_line_are_two() {
        assert!(read("[DONE]").unwrap().ends);
        let two = "{\"choices\":[{\"text\":\"a\"}]}\n{\"choices\":[{\"text\":\"b\"}]}\n[DONE]";
        let chunk = read(two).unwrap();
        assert_eq!((chunk.content.as_str(), chunk.ends), ("ab", true));
    }

    #[test]
    fn errors_end_it_in_any_form() {
        let ended = |code: &str, message: &str| {
            Err(Failure::Ended { code: code.to_owned(), message: message.to_owned() })
        };
        let typed = r#"{"error":{"message":"m","type":"server_error","code":500}}"#;
        assert_eq!(read(typed), ended("server_error", "m"));
        assert_eq!(read(r#"{"error":{"message":"m","code":"c"}}"#), ended("c", "m"));
        assert_eq!(read(r#"{"error":"m"}"#), ended("", "m"));
        let named = Event { name: "error".to_owned(), data: r#"{"message":"m"}"#.to_owned() };
        assert_eq!(Chunk::read(&named), ended("", "m"));
        assert!(matches!(read("<html>"), Err(Failure::Malformed(_))));
    }
}
