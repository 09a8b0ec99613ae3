//! The answers of `POST /v1/completions`, whole or in chunks.

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use super::choice::{Choice, Piece};
use crate::choices::parts;
use crate::date::unix_seconds;
use crate::error::ApiError;
use crate::id;
use crate::logprobs::Writer;
use crate::outcome::Tokens;
use crate::stream_options::StreamOptions;

/// The answers to all prompts of a request.
pub(super) struct Answers {
    /// As answers name the model.
    pub(super) model: String,
    /// `None`: no log-probabilities are wanted.
    pub(super) writer: Option<Writer>,
    /// Those to the first prompt, then those to the second, and so on.
    pub(super) choices: Vec<Choice>,
}

impl Answers {
    /// The whole body.
    ///
    /// # Errors
    /// One of the answers cannot be completed.
    pub(super) async fn collect(self) -> Result<Value, ApiError> {
        let mut tokens = vec![Tokens::default(); self.choices.len()];
        let mut wholes: Vec<Piece> = self.choices.iter().map(|_| Piece::default()).collect();
        let mut parts = parts(self.choices);
        while let Some(part) = parts.next().await {
            let part = part?;
            let whole = &mut wholes[part.index];
            whole.text.push_str(&part.piece.text);
            whole.tokens.extend(part.piece.tokens);
            whole.finish = part.piece.finish;
            tokens[part.index] = part.tokens;
        }
        let choices = wholes.iter().enumerate();
        let choices: Vec<_> =
            choices.map(|(index, whole)| choice(index, whole, self.writer.as_ref())).collect();
        let mut body = envelope(&id::unique("cmpl"), unix_seconds(), &self.model, choices);
        body["usage"] = tokens.into_iter().sum::<Tokens>().usage();
        Ok(body)
    }

    /// Chunks of the body.
    pub(super) fn stream(
        self,
        options: StreamOptions,
    ) -> impl Stream<Item = Result<Value, ApiError>> + Send + 'static {
        let (id, created) = (id::unique("cmpl"), unix_seconds());
        let Self { model, writer, choices } = self;
        let mut tokens = vec![Tokens::default(); choices.len()];
        let parts = parts(choices).map(Some).chain(stream::iter([None]));
        parts.filter_map(move |part| {
            let chunk = match part {
                Some(Ok(part)) => {
                    tokens[part.index] = part.tokens;
                    part.piece.is_worth_sending().then(|| {
                        let choices = vec![choice(part.index, &part.piece, writer.as_ref())];
                        let mut chunk = envelope(&id, created, &model, choices);
                        if options.include_usage {
                            chunk["usage"] = Value::Null;
                        }
                        Ok(chunk)
                    })
                }
                Some(Err(error)) => Some(Err(error)),
                None if options.include_usage => {
                    let mut chunk = envelope(&id, created, &model, Vec::new());
                    chunk["usage"] = tokens.iter().copied().sum::<Tokens>().usage();
                    Some(Ok(chunk))
                }
                None => None,
            };
            std::future::ready(chunk)
        })
    }
}

impl Piece {
    /// A token may be held back, or be half a character.
    fn is_worth_sending(&self) -> bool {
        let Self { text, tokens, finish } = self;
        !text.is_empty() || !tokens.is_empty() || finish.is_some()
    }
}

fn envelope(id: &str, created: u64, model: &str, choices: Vec<Value>) -> Value {
    json!({
        "id": id,
        "object": "text_completion",
        "created": created,
        "model": model,
        "choices": choices,
    })
}

fn choice(index: usize, piece: &Piece, writer: Option<&Writer>) -> Value {
    json!({
        "index": index,
        "text": piece.text,
        "logprobs": writer.map(|writer| writer.columns(&piece.tokens)),
        "finish_reason": piece.finish,
    })
}
