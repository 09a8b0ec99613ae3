//! The answer of `POST /v1/chat/completions`, whole or in chunks.

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use throng_chat::Delta;

use super::answer::{Answer, Piece};
use super::message::Message;
use crate::choices::{Part, parts};
use crate::chunk::{Chunks, finish_reason, quoted};
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

    /// Chunks of the body, each the text of one.
    pub(super) fn stream(
        self,
        options: StreamOptions,
    ) -> impl Stream<Item = Result<String, ApiError>> + Send + 'static {
        let Self { model, writer, answers } = self;
        let chunks = Chunks::new("chat.completion.chunk", "chatcmpl", &model, options);
        let mut tokens = vec![Tokens::default(); answers.len()];
        let first = |index| Ok(chunk(&chunks, index, ROLE, &Value::Null, None));
        let firsts: Vec<_> = (0..answers.len()).map(first).collect();
        let parts = parts(answers).map(Some).chain(stream::iter([None]));
        let rest = parts.map(move |part| {
            let chunks = match part {
                Some(Ok(Part { index, piece, tokens: so_far })) => {
                    tokens[index] = so_far;
                    pieces(&chunks, writer.as_ref(), index, piece).into_iter().map(Ok).collect()
                }
                Some(Err(error)) => vec![Err(error)],
                None => chunks.usage(tokens.iter().copied().sum()).map(Ok).into_iter().collect(),
            };
            stream::iter(chunks)
        });
        stream::iter(firsts).chain(rest.flatten())
    }
}

/// What a choice begins with.
const ROLE: &str = r#"{"role":"assistant","content":""}"#;

/// A chunk for each thing that a piece of an answer says, and one for its end.
fn pieces(chunks: &Chunks, writer: Option<&Writer>, index: usize, piece: Piece) -> Vec<String> {
    let mut scored = piece.tokens.as_slice();
    let mut written = Vec::new();
    for delta in &piece.deltas {
        // All content of a piece is in one delta.
        let of_delta =
            if matches!(delta, Delta::Content(_)) { std::mem::take(&mut scored) } else { &[] };
        let logprobs = chunk_logprobs(writer, of_delta);
        written.push(chunk(chunks, index, &delta_json(delta), &logprobs, None));
    }
    if let Some(finish) = piece.finish {
        written.push(chunk(chunks, index, "{}", &chunk_logprobs(writer, scored), Some(finish)));
    }
    written
}

/// A chunk of the answer `index`, whose `delta` is JSON.
fn chunk(
    chunks: &Chunks,
    index: usize,
    delta: &str,
    logprobs: &Value,
    finish: Option<&str>,
) -> String {
    let finish = finish_reason(finish);
    chunks.one(format_args!(
        r#"{{"index":{index},"delta":{delta},"logprobs":{logprobs},"finish_reason":{finish}}}"#
    ))
}

fn delta_json(delta: &Delta) -> String {
    match delta {
        Delta::Reasoning(text) => {
            let text = quoted(text);
            format!(r#"{{"reasoning":{text},"reasoning_content":{text}}}"#)
        }
        Delta::Content(text) => format!(r#"{{"content":{}}}"#, quoted(text)),
        Delta::ToolCallStart { index, id, name } => json!({ "tool_calls": [{
            "index": index,
            "id": id,
            "type": "function",
            "function": { "name": name, "arguments": "" },
        }] })
        .to_string(),
        Delta::ToolCallArguments { index, text } => json!({ "tool_calls": [{
            "index": index,
            "function": { "arguments": text },
        }] })
        .to_string(),
    }
}

/// `logprobs` of a chunk: `null` where no token is told of.
fn chunk_logprobs(writer: Option<&Writer>, scored: &[Scored]) -> Value {
    match scored {
        [] => Value::Null,
        _ => content_logprobs(writer, scored),
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
