//! The answers of `POST /v1/completions`, whole or in chunks.

use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use super::choice::{Choice, Piece};
use crate::choices::parts;
use crate::chunk::Chunks;
use crate::date::unix_seconds;
use crate::error::ApiError;
use crate::id;
use crate::logprobs::Writer;
use crate::outcome::Tokens;
use crate::stream_options::StreamOptions;

/// What an answer is, whole or in chunks.
const OBJECT: &str = "text_completion";
/// Of its name.
const ID_PREFIX: &str = "cmpl";

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
        Ok(json!({
            "id": id::unique(ID_PREFIX),
            "object": OBJECT,
            "created": unix_seconds(),
            "model": self.model,
            "choices": choices,
            "usage": tokens.into_iter().sum::<Tokens>().usage(),
        }))
    }

    /// Chunks of the body, each the text of one.
    pub(super) fn stream(
        self,
        options: StreamOptions,
    ) -> impl Stream<Item = Result<String, ApiError>> + Send + 'static {
        let Self { model, writer, choices } = self;
        let chunks = Chunks::new(OBJECT, ID_PREFIX, &model, options);
        let mut tokens = vec![Tokens::default(); choices.len()];
        let parts = parts(choices).map(Some).chain(stream::iter([None]));
        parts.filter_map(move |part| {
            let chunk = match part {
                Some(Ok(part)) => {
                    tokens[part.index] = part.tokens;
                    let piece = &part.piece;
                    piece.is_worth_sending().then(|| {
                        let choice = choice(part.index, piece, writer.as_ref());
                        Ok(chunks.one(format_args!("{choice}")))
                    })
                }
                Some(Err(error)) => Some(Err(error)),
                None => chunks.usage(tokens.iter().copied().sum()).map(Ok),
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

fn choice(index: usize, piece: &Piece, writer: Option<&Writer>) -> Value {
    json!({
        "index": index,
        "text": piece.text,
        "logprobs": writer.map(|writer| writer.columns(&piece.tokens)),
        "finish_reason": piece.finish,
    })
}
