//! The answer of `POST /v1/chat/completions`, whole or in chunks.

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Map, Value, json};
use throng_chat::Delta;

use super::answer::{Answer, Piece};
use super::message::Message;
use crate::choices::{Part, parts};
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
    /// The model's turn, as often as it was asked for.
    pub(super) answers: Vec<Answer>,
}

/// What is known of one of the answers.
#[derive(Default)]
struct Whole {
    message: Message,
    scored: Vec<Scored>,
    finish: Option<&'static str>,
    tokens: Tokens,
}

impl Completion {
    /// The whole body.
    ///
    /// # Errors
    /// One of the answers cannot be completed.
    pub(super) async fn collect(self) -> Result<Value, ApiError> {
        let mut wholes: Vec<Whole> = self.answers.iter().map(|_| Whole::default()).collect();
        let mut parts = parts(self.answers);
        while let Some(part) = parts.next().await {
            let Part { index, piece, tokens } = part?;
            let whole = &mut wholes[index];
            piece.deltas.into_iter().for_each(|delta| whole.message.add(delta));
            whole.scored.extend(piece.tokens);
            whole.finish = piece.finish;
            whole.tokens = tokens;
        }
        let usage = wholes.iter().map(|whole| whole.tokens).sum::<Tokens>().usage();
        let choice = |(index, whole): (usize, Whole)| {
            json!({
                "index": index,
                "message": whole.message.json(),
                "logprobs": content_logprobs(self.writer.as_ref(), &whole.scored),
                "finish_reason": whole.finish,
            })
        };
        Ok(json!({
            "id": id::unique("chatcmpl"),
            "object": "chat.completion",
            "created": unix_seconds(),
            "model": self.model,
            "choices": wholes.into_iter().enumerate().map(choice).collect::<Vec<_>>(),
            "usage": usage,
        }))
    }

    /// Chunks of the body.
    pub(super) fn stream(
        self,
        options: StreamOptions,
    ) -> impl Stream<Item = Result<Value, ApiError>> + Send + 'static {
        let Self { model, writer, answers } = self;
        let chunks = Chunks {
            id: id::unique("chatcmpl"),
            created: unix_seconds(),
            model,
            writer,
            include_usage: options.include_usage,
        };
        let mut tokens = vec![Tokens::default(); answers.len()];
        let role = json!({ "role": "assistant", "content": "" });
        let firsts: Vec<_> = (0..answers.len())
            .map(|index| Ok(chunks.chunk(index, role.clone(), &[], None)))
            .collect();
        let parts = parts(answers).map(Some).chain(stream::iter([None]));
        let rest = parts.map(move |part| {
            let chunks = match part {
                Some(Ok(Part { index, piece, tokens: so_far })) => {
                    tokens[index] = so_far;
                    chunks.piece(index, piece).into_iter().map(Ok).collect()
                }
                Some(Err(error)) => vec![Err(error)],
                None if chunks.include_usage => {
                    vec![Ok(chunks.usage(tokens.iter().copied().sum()))]
                }
                None => Vec::new(),
            };
            stream::iter(chunks)
        });
        stream::iter(firsts).chain(rest.flatten())
    }
}

/// Writes the chunks of a completion.
struct Chunks {
    id: String,
    created: u64,
    model: String,
    writer: Option<Writer>,
    include_usage: bool,
}

impl Chunks {
    /// A chunk for each thing that a piece of an answer says, and one for its end.
    fn piece(&self, index: usize, piece: Piece) -> Vec<Value> {
        let mut scored = piece.tokens.as_slice();
        let mut chunks = Vec::new();
        for delta in &piece.deltas {
            // All content of a piece is in one delta.
            let of_delta =
                if matches!(delta, Delta::Content(_)) { std::mem::take(&mut scored) } else { &[] };
            chunks.push(self.chunk(index, delta_json(delta), of_delta, None));
        }
        if let Some(finish) = piece.finish {
            chunks.push(self.chunk(index, json!({}), scored, Some(finish)));
        }
        chunks
    }

    /// The last chunk, if it is wanted.
    fn usage(&self, tokens: Tokens) -> Value {
        let mut last = Value::Object(self.envelope(Vec::new()));
        last["usage"] = tokens.usage();
        last
    }

    fn chunk(&self, index: usize, delta: Value, scored: &[Scored], finish: Option<&str>) -> Value {
        let logprobs = match scored {
            [] => Value::Null,
            _ => content_logprobs(self.writer.as_ref(), scored),
        };
        let choice = json!({
            "index": index,
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
