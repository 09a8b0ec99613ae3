//! The answers of `POST /v1/completions`, whole or in chunks.

use futures_util::stream::{SelectAll, unfold};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use super::choice::{Choice, Piece};
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
    /// Each with the tokens of its prompt.
    pub(super) choices: Vec<(usize, Choice)>,
}

/// A piece of one of the answers, and, with its last, what it cost.
struct Part {
    index: usize,
    piece: Piece,
    completion_tokens: usize,
}

impl Answers {
    fn prompt_tokens(&self) -> usize {
        self.choices.iter().map(|(tokens, _)| tokens).sum()
    }

    /// The pieces of all answers as they come.
    fn parts(choices: Vec<(usize, Choice)>) -> impl Stream<Item = Result<Part, ApiError>> + Send {
        let one = |(index, (_, choice))| {
            Box::pin(unfold(Some(choice), move |choice: Option<Choice>| async move {
                let mut choice = choice?;
                match choice.next().await {
                    Ok(Some(piece)) => {
                        let part = Part { index, piece, completion_tokens: choice.tokens() };
                        Some((Ok(part), Some(choice)))
                    }
                    Ok(None) => None,
                    Err(error) => Some((Err(error), None)),
                }
            }))
        };
        choices.into_iter().enumerate().map(one).collect::<SelectAll<_>>()
    }

    /// The whole body.
    ///
    /// # Errors
    /// One of the answers cannot be completed.
    pub(super) async fn collect(self) -> Result<Value, ApiError> {
        let mut tokens = Tokens { prompt: self.prompt_tokens(), ..Tokens::default() };
        let mut wholes: Vec<Piece> = self.choices.iter().map(|_| Piece::default()).collect();
        let mut parts = Self::parts(self.choices);
        while let Some(part) = parts.next().await {
            let Part { index, piece, completion_tokens } = part?;
            let whole = &mut wholes[index];
            whole.text.push_str(&piece.text);
            whole.tokens.extend(piece.tokens);
            if piece.finish.is_some() {
                whole.finish = piece.finish;
                tokens.completion += completion_tokens;
            }
        }
        let choices = wholes.iter().enumerate();
        let choices: Vec<_> =
            choices.map(|(index, whole)| choice(index, whole, self.writer.as_ref())).collect();
        let mut body = envelope(&id::unique("cmpl"), unix_seconds(), &self.model, choices);
        body["usage"] = tokens.usage();
        Ok(body)
    }

    /// Chunks of the body.
    pub(super) fn stream(
        self,
        options: StreamOptions,
    ) -> impl Stream<Item = Result<Value, ApiError>> + Send + 'static {
        let (id, created) = (id::unique("cmpl"), unix_seconds());
        let mut tokens = Tokens { prompt: self.prompt_tokens(), ..Tokens::default() };
        let Self { model, writer, choices } = self;
        let parts = Self::parts(choices).map(Some).chain(stream::iter([None]));
        parts.filter_map(move |part| {
            let chunk = match part {
                Some(Ok(part)) => {
                    if part.piece.finish.is_some() {
                        tokens.completion += part.completion_tokens;
                    }
                    part.is_worth_sending().then(|| {
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
                    chunk["usage"] = tokens.usage();
                    Some(Ok(chunk))
                }
                None => None,
            };
            std::future::ready(chunk)
        })
    }
}

impl Part {
    /// A token may be held back, or be half a character.
    fn is_worth_sending(&self) -> bool {
        let Piece { text, tokens, finish } = &self.piece;
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
