//! The answer of `POST /v1/chat/completions`, whole or in chunks.

use futures_util::stream::unfold;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};
use throng_chat::{Delta, ToolCall};

use super::answer::{Answer, Piece};
use crate::date::unix_seconds;
use crate::error::ApiError;
use crate::id;
use crate::logprobs::{Scored, Writer};
use crate::outcome::Tokens;
use crate::stream_options::StreamOptions;

/// An answer and what stands around it.
pub(super) struct Completion {
    /// As answers name the model.
    pub(super) model: String,
    /// `None`: no log-probabilities are wanted.
    pub(super) writer: Option<Writer>,
    /// Tokens of the prompt.
    pub(super) prompt_tokens: usize,
    /// The model's turn.
    pub(super) answer: Answer,
}

/// A message that is put together.
#[derive(Debug, Default)]
struct Message {
    reasoning: String,
    content: String,
    tool_calls: Vec<ToolCall>,
}

impl Message {
    fn add(&mut self, delta: Delta) {
        match delta {
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::Content(text) => self.content.push_str(&text),
            Delta::ToolCallStart { id, name, .. } => {
                self.tool_calls.push(ToolCall { id, name, arguments: String::new() });
            }
            Delta::ToolCallArguments { index, text } => {
                if let Some(call) = self.tool_calls.get_mut(index) {
                    call.arguments.push_str(&text);
                }
            }
        }
    }

    fn json(self) -> Value {
        let reasoning = Some(self.reasoning).filter(|text| !text.is_empty());
        let only_calls = self.content.is_empty() && !self.tool_calls.is_empty();
        let mut message = json!({
            "role": "assistant",
            "content": (!only_calls).then_some(self.content),
            "refusal": null,
            "reasoning": reasoning,
            "reasoning_content": reasoning,
        });
        if !self.tool_calls.is_empty() {
            message["tool_calls"] = self.tool_calls.into_iter().map(tool_call).collect();
        }
        message
    }
}

fn tool_call(call: ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    })
}

impl Completion {
    /// The whole body.
    ///
    /// # Errors
    /// The answer cannot be completed.
    pub(super) async fn collect(mut self) -> Result<Value, ApiError> {
        let mut message = Message::default();
        let mut scored = Vec::new();
        let mut finish = None;
        while let Some(piece) = self.answer.next().await? {
            piece.deltas.into_iter().for_each(|delta| message.add(delta));
            scored.extend(piece.tokens);
            finish = piece.finish;
        }
        Ok(json!({
            "id": id::unique("chatcmpl"),
            "object": "chat.completion",
            "created": unix_seconds(),
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": message.json(),
                "logprobs": content_logprobs(self.writer.as_ref(), &scored),
                "finish_reason": finish,
            }],
            "usage": self.answer.tokens(self.prompt_tokens).usage(),
        }))
    }

    /// Chunks of the body.
    pub(super) fn stream(
        self,
        options: StreamOptions,
    ) -> impl Stream<Item = Result<Value, ApiError>> + Send + 'static {
        let Self { model, writer, prompt_tokens, answer } = self;
        let chunks = Chunks {
            id: id::unique("chatcmpl"),
            created: unix_seconds(),
            model,
            writer,
            include_usage: options.include_usage,
        };
        let first = chunks.chunk(json!({ "role": "assistant", "content": "" }), &[], None);
        let pieces = unfold(Some(answer), move |answer| async move {
            let mut answer = answer?;
            match answer.next().await {
                Ok(Some(piece)) => {
                    let tokens = answer.tokens(prompt_tokens);
                    Some((Ok((piece, tokens)), Some(answer)))
                }
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        let rest = pieces.map_ok(move |(piece, tokens)| {
            stream::iter(chunks.piece(piece, tokens).into_iter().map(Ok))
        });
        // Boxed, because it is polled while it is moved about.
        stream::iter([Ok(first)]).chain(rest.try_flatten()).boxed()
    }
}

/// Writes the chunks of one answer.
struct Chunks {
    id: String,
    created: u64,
    model: String,
    writer: Option<Writer>,
    include_usage: bool,
}

impl Chunks {
    /// A chunk for each thing that a piece says, and those of the end.
    fn piece(&self, piece: Piece, tokens: Tokens) -> Vec<Value> {
        let mut scored = piece.tokens.as_slice();
        let mut chunks = Vec::new();
        for delta in &piece.deltas {
            // All content of a piece is in one delta.
            let of_delta =
                if matches!(delta, Delta::Content(_)) { std::mem::take(&mut scored) } else { &[] };
            chunks.push(self.chunk(delta_json(delta), of_delta, None));
        }
        if let Some(finish) = piece.finish {
            chunks.push(self.chunk(json!({}), scored, Some(finish)));
            if self.include_usage {
                let mut last = Value::Object(self.envelope(Vec::new()));
                last["usage"] = tokens.usage();
                chunks.push(last);
            }
        }
        chunks
    }

    fn chunk(&self, delta: Value, scored: &[Scored], finish: Option<&str>) -> Value {
        let logprobs = match scored {
            [] => Value::Null,
            _ => content_logprobs(self.writer.as_ref(), scored),
        };
        let choice = json!({
            "index": 0,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish,
        });
        let mut chunk = self.envelope(vec![choice]);
        if self.include_usage {
            chunk.insert("usage".to_owned(), Value::Null);
        }
        Value::Object(chunk)
    }

    fn envelope(&self, choices: Vec<Value>) -> Map<String, Value> {
        let members = [
            ("id", json!(self.id)),
            ("object", json!("chat.completion.chunk")),
            ("created", json!(self.created)),
            ("model", json!(self.model)),
            ("choices", Value::Array(choices)),
        ];
        members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

fn delta_json(delta: &Delta) -> Value {
    match delta {
        Delta::Reasoning(text) => json!({ "reasoning": text, "reasoning_content": text }),
        Delta::Content(text) => json!({ "content": text }),
        Delta::ToolCallStart { index, id, name } => json!({ "tool_calls": [{
            "index": index,
            "id": id,
            "type": "function",
            "function": { "name": name, "arguments": "" },
        }] }),
        Delta::ToolCallArguments { index, text } => json!({ "tool_calls": [{
            "index": index,
            "function": { "arguments": text },
        }] }),
    }
}

/// `logprobs`: `null` if none are wanted.
fn content_logprobs(writer: Option<&Writer>, tokens: &[Scored]) -> Value {
    let Some(writer) = writer else { return Value::Null };
    let content = tokens
        .iter()
        .filter_map(|token| Some(writer.element(token.id, token.scores.as_ref()?)))
        .collect::<Vec<_>>();
    json!({ "content": content, "refusal": null })
}
