//! The body of `POST /v1/completions`, checked.

use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiError;
use crate::fields::{Fields, elements};
use crate::sampling::{Generation, MAX_CHOICES, MAX_TOP_LOGPROBS, token_id};
use crate::stream_options::StreamOptions;
use crate::structured::{self, Wanted};

/// Prompts of one request at most.
pub(crate) const MAX_PROMPTS: usize = 64;
/// Tokens of an answer where nothing is said, as OpenAI has it.
pub(crate) const DEFAULT_MAX_TOKENS: usize = 16;

/// What a client asks for.
#[derive(Debug)]
pub(super) struct CompletionRequest {
    /// Texts to continue, at least one.
    pub(super) prompts: Vec<Prompt>,
    /// The form that each answer must have.
    pub(super) form: Option<Wanted>,
    /// How.
    pub(super) generation: Generation,
    /// Tokens of each answer at most.
    pub(super) max_tokens: usize,
    /// Most probable tokens to report at each position; `None`: no log-probabilities.
    pub(super) logprobs: Option<usize>,
    /// Whether the prompt is part of the answer.
    pub(super) echo: bool,
    /// `None`: the answer comes in one piece.
    pub(super) stream: Option<StreamOptions>,
}

/// A text to continue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    /// As text. None of it is read as a special token.
    Text(String),
    /// As token ids, special tokens among them or not.
    Tokens(Vec<u32>),
}

impl CompletionRequest {
    /// Reads a body.
    pub(super) fn parse(body: &[u8], app: &App) -> Result<Self, ApiError> {
        let mut fields = Fields::parse(body)?;
        let model = fields.string("model")?;
        app.check_model(&fields.required("model", model)?)?;
        fields.refuse(&[(
            "suffix",
            json!(""),
            "the model continues a text, it does not fill gaps",
        )])?;
        let prompt = fields.value("prompt");
        let request = Self {
            prompts: prompts(fields.path("prompt"), fields.required("prompt", prompt)?)?,
            form: structured::take(&mut fields)?,
            generation: Generation::take(&mut fields, &app.defaults)?,
            max_tokens: fields.count("max_tokens", 0..=u32::MAX)?.unwrap_or(DEFAULT_MAX_TOKENS),
            logprobs: fields.count("logprobs", 0..=MAX_TOP_LOGPROBS)?,
            echo: fields.boolean("echo")?.unwrap_or(false),
            stream: StreamOptions::take(&mut fields)?,
        };
        fields.finish()?;
        request.generation.check_minimum(request.max_tokens)?;
        request.generation.check_form(request.form.as_ref().map(|form| form.param.as_str()))?;
        if request.prompts.len() * request.generation.choices > MAX_CHOICES {
            let message = format_args!("times the number of prompts must be at most {MAX_CHOICES}");
            return Err(ApiError::invalid("n", message));
        }
        Ok(request)
    }
}

/// One text, several, the token ids of one, or of several.
fn prompts(path: String, value: Value) -> Result<Vec<Prompt>, ApiError> {
    let expected = "a string, an array of strings, of token ids, or of arrays of token ids";
    let values = match value {
        Value::String(text) => return Ok(vec![Prompt::Text(text)]),
        Value::Array(values) if values.is_empty() => {
            return Err(ApiError::invalid(&path, "is empty"));
        }
        Value::Array(values) if values[0].is_number() => {
            return Ok(vec![Prompt::Tokens(token_ids(path, values)?)]);
        }
        Value::Array(values) => values,
        other => return Err(ApiError::mistyped(&path, expected, &other)),
    };
    if values.len() > MAX_PROMPTS {
        let message = format_args!("has more than {MAX_PROMPTS} entries");
        return Err(ApiError::invalid(&path, message));
    }
    let texts = values[0].is_string();
    elements(path, values)
        .map(|(path, value)| match value {
            Value::String(text) if texts => Ok(Prompt::Text(text)),
            Value::Array(ids) if !texts => Ok(Prompt::Tokens(token_ids(path, ids)?)),
            other if texts => Err(ApiError::mistyped(&path, "a string", &other)),
            other => Err(ApiError::mistyped(&path, "an array of token ids", &other)),
        })
        .collect()
}

fn token_ids(path: String, values: Vec<Value>) -> Result<Vec<u32>, ApiError> {
    elements(path, values).map(|(path, value)| token_id(&path, &value)).collect()
}
