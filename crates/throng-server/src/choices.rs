//! Several answers at once, piece by piece as they come.

use std::future::Future;

use futures_util::Stream;
use futures_util::stream::{SelectAll, unfold};

use crate::error::ApiError;
use crate::outcome::Tokens;

/// An answer that is being written.
pub(crate) trait Choice: Send + 'static {
    /// Some of it.
    type Piece: Send;

    /// Waits for more; `None` after the last piece.
    ///
    /// # Errors
    /// The answer cannot be completed.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Piece>, ApiError>> + Send;

    /// What it has cost so far. A prompt with several answers is counted with the first.
    fn tokens(&self) -> Tokens;
}

/// A piece of one of the answers.
#[derive(Debug)]
pub(crate) struct Part<P> {
    /// Which answer.
    pub(crate) index: usize,
    /// What it goes on with.
    pub(crate) piece: P,
    /// What that answer has cost so far.
    pub(crate) tokens: Tokens,
}

/// The pieces of all answers in the order in which they come. Nothing is read ahead: who does not
/// ask for the next piece leaves it where it is.
pub(crate) fn parts<C: Choice>(
    choices: Vec<C>,
) -> impl Stream<Item = Result<Part<C::Piece>, ApiError>> + Send + 'static {
    let one = |(index, choice)| {
        Box::pin(unfold(Some(choice), move |choice: Option<C>| async move {
            let mut choice = choice?;
            match choice.next().await {
                Ok(Some(piece)) => {
                    let part = Part { index, piece, tokens: choice.tokens() };
                    Some((Ok(part), Some(choice)))
                }
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }))
    };
    choices.into_iter().enumerate().map(one).collect::<SelectAll<_>>()
}
