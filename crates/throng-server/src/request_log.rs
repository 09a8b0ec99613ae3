//! One line a request: who asked what, how it ended, what it cost and how long it took. Nothing of
//! what was asked or answered is in it, and no key.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// `key=value`, and only what there is.
    Text,
    /// An object with all keys; `null` is what there is not.
    Json,
}

/// Where lines go, and how they are written.
#[derive(Clone)]
pub struct RequestLog {
    format: LogFormat,
    write: Arc<dyn Fn(String) + Send + Sync>,
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLog").field("format", &self.format).finish_non_exhaustive()
    }
}

impl RequestLog {
    /// A log whose lines, without their ends, are handed to `write`, on threads that serve
    /// connections: it must not wait.
    pub fn new(format: LogFormat, write: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self { format, write: Arc::new(write) }
    }

    /// One more line.
    pub(crate) fn add(&self, members: Map<String, Value>) {
        (self.write)(match self.format {
            LogFormat::Text => text(&members),
            LogFormat::Json => Value::Object(members).to_string(),
        });
    }
}

fn text(members: &Map<String, Value>) -> String {
    let words = members.iter().filter_map(|(key, value)| match value {
        Value::Null => None,
        Value::String(value) if is_plain(value) => Some(format!("{key}={value}")),
        other => Some(format!("{key}={other}")),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a value needs no quotes.
fn is_plain(value: &str) -> bool {
    !value.is_empty()
        && value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"=".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use serde_json::{Map, Value, json};

    use super::{LogFormat, RequestLog};

    fn line(format: LogFormat, members: Value) -> String {
        let (sender, lines) = mpsc::channel();
        let Value::Object(members) = members else { panic!("an object") };
        RequestLog::new(format, move |line| sender.send(line).unwrap()).add(members);
        lines.recv().unwrap()
    }

    #[test]
    fn a_line_is_words_or_an_object() {
        let members = json!({ "id": "a b", "path": "/v1", "status": 200, "tenant": null, "x": "" });
        let text = line(LogFormat::Text, members.clone());
        assert_eq!(text, r#"id="a b" path=/v1 status=200 x="""#);
        assert_eq!(line(LogFormat::Json, members.clone()), members.to_string());
        assert_eq!(line(LogFormat::Text, Value::Object(Map::new())), "");
        let odd = json!({ "path": "/\u{1b}[31m=\"\n" });
        assert_eq!(line(LogFormat::Text, odd), r#"path="/\u001b[31m=\"\n""#);
    }
}
