//! The chat template that comes with a checkpoint: Jinja source, and the tokens it may name.

use serde_json::Value;

use crate::error::CheckpointError;
use crate::files::Files;

const TEMPLATE: &str = "chat_template.jinja";
const CONFIG: &str = "tokenizer_config.json";
/// Bytes of a template at most. The longest that are published have some 20 KB.
const MAX_TEMPLATE_BYTES: usize = 1 << 20;
/// Bytes of a token's text at most.
const MAX_TOKEN_BYTES: usize = 1 << 10;

/// How a model's makers write a conversation as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatTemplate {
    /// Jinja, in the dialect of HF transformers.
    pub source: String,
    /// Text of the token that begins a prompt, which templates name `bos_token`.
    pub bos_token: Option<String>,
    /// Text of the token that ends a turn or an answer: `eos_token`.
    pub eos_token: Option<String>,
}

impl ChatTemplate {
    /// Checks what some file says; `file` is how messages name it.
    ///
    /// # Errors
    /// [`CheckpointError::Invalid`] if the source or a token is longer than any honest one.
    pub(crate) fn new(
        file: &str,
        source: String,
        bos_token: Option<String>,
        eos_token: Option<String>,
    ) -> Result<Self, CheckpointError> {
        if source.len() > MAX_TEMPLATE_BYTES {
            let found = format!("{} bytes long", source.len());
            let expected = format!("at most {MAX_TEMPLATE_BYTES}");
            return Err(invalid(file, "chat_template", found, expected));
        }
        for (key, token) in [("bos_token", &bos_token), ("eos_token", &eos_token)] {
            let bytes = token.as_ref().map_or(0, String::len);
            if bytes > MAX_TOKEN_BYTES {
                let expected = format!("at most {MAX_TOKEN_BYTES}");
                return Err(invalid(file, key, format!("{bytes} bytes long"), expected));
            }
        }
        Ok(Self { source, bos_token, eos_token })
    }

    /// Reads `chat_template.jinja`, or else what `tokenizer_config.json` says; `None` where neither
    /// has a template.
    pub(crate) fn read(files: &Files<'_>) -> Result<Option<Self>, CheckpointError> {
        let config = files.json(CONFIG)?.unwrap_or(Value::Null);
        let label = files.label(CONFIG);
        if !config.is_object() && !config.is_null() {
            let found = shortened(&config);
            return Err(invalid(&label, "the file", found, "a JSON object".to_owned()));
        }
        let (file, source) = match files.read(TEMPLATE)? {
            Some(bytes) => (files.label(TEMPLATE), Some(utf8(&files.label(TEMPLATE), &bytes)?)),
            None => {
                let source = default_template(&label, &config)?;
                (label.clone(), source)
            }
        };
        let Some(source) = source else { return Ok(None) };
        let bos_token = token(&label, &config, "bos_token")?;
        let eos_token = token(&label, &config, "eos_token")?;
        Self::new(&file, source, bos_token, eos_token).map(Some)
    }
}

fn utf8(file: &str, bytes: &[u8]) -> Result<String, CheckpointError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let found = format!("no text from byte {} on", error.valid_up_to());
        invalid(file, "the file", found, "UTF-8".to_owned())
    })
}

/// `chat_template`: a text, or a list of named ones, of which the one named `default` counts.
fn default_template(file: &str, config: &Value) -> Result<Option<String>, CheckpointError> {
    const KEY: &str = "chat_template";
    let expected = "a string, or a list of {name, template}";
    let wrong = |value: &Value| invalid(file, KEY, shortened(value), expected.to_owned());
    match &config[KEY] {
        Value::Null => Ok(None),
        Value::String(source) => Ok(Some(source.clone())),
        Value::Array(named) => {
            let mut default = None;
            for entry in named {
                match (&entry["name"], &entry["template"]) {
                    (Value::String(name), Value::String(source)) if name == "default" => {
                        default = Some(source.clone());
                    }
                    (Value::String(_), Value::String(_)) => {}
                    _ => return Err(wrong(entry)),
                }
            }
            Ok(default)
        }
        other => Err(wrong(other)),
    }
}

/// A token's text: a string, or an object that has it as its `content`.
fn token(file: &str, config: &Value, key: &str) -> Result<Option<String>, CheckpointError> {
    match (&config[key], &config[key]["content"]) {
        (Value::Null, _) => Ok(None),
        (Value::String(text), _) | (Value::Object(_), Value::String(text)) => {
            Ok(Some(text.clone()))
        }
        (other, _) => {
            let expected = "a string, or an object with a string named content".to_owned();
            Err(invalid(file, key, shortened(other), expected))
        }
    }
}

fn shortened(value: &Value) -> String {
    value.to_string().chars().take(60).collect()
}

fn invalid(file: &str, key: &str, found: String, expected: String) -> CheckpointError {
    CheckpointError::Invalid { file: file.to_owned(), key: key.to_owned(), found, expected }
}
