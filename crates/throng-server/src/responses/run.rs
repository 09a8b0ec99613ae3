//! Writes a response: for a client that waits for all of it, for one that reads along, or for nobody.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;

use super::draft::Draft;
use super::event::Event;
use super::item::Item;
use super::record::Record;
use super::store::Library;
use crate::chat_completions::{Answer, Piece};
use crate::choices::Choice;
use crate::error::ApiError;
use crate::outcome::Tokens;

/// Pieces that a response in the background may grow by before what it takes is counted again; a
/// long one by an eighth.
const PIECES_UNCOUNTED: usize = 64;

/// An answer that comes, and what is made of it.
#[derive(Debug)]
pub(super) struct Run {
    /// Dropping it cancels the answer.
    pub(super) answer: Answer,
    /// What is written so far.
    pub(super) draft: Draft,
    /// The conversation.
    pub(super) items: Vec<Arc<Item>>,
    /// Where it is kept, if it is.
    pub(super) library: Option<Library>,
}

impl Run {
    /// The whole response.
    ///
    /// # Errors
    /// It cannot be completed.
    pub(super) async fn collect(mut self) -> Result<Value, ApiError> {
        self.draft.begin();
        while self.step().await? {}
        self.keep();
        Ok(self.draft.json())
    }

    /// Its events as they come. A client that goes away drops the stream, which cancels the answer.
    pub(super) fn stream(mut self) -> impl Stream<Item = Event> + Send + 'static {
        self.draft.begin();
        let batches = stream::unfold(self, |mut run| async move {
            let events = run.tell().await;
            (!events.is_empty()).then(|| (stream::iter(events), run))
        });
        batches.flatten()
    }

    /// Goes on until there is something to tell; nothing once all is told.
    async fn tell(&mut self) -> Vec<Event> {
        loop {
            let events = self.draft.take_events();
            if !events.is_empty() || self.draft.is_over() {
                return events;
            }
            if let Err(error) = self.step().await {
                self.draft.fail(&error);
            }
            if self.draft.is_over() {
                // Before the last event: who has read it may go on behind this response.
                self.keep();
            }
        }
    }

    /// Waits for the next piece; tells whether there are more.
    async fn step(&mut self) -> Result<bool, ApiError> {
        let (piece, tokens) = next(&mut self.answer).await?;
        self.draft.add(piece, tokens);
        Ok(!self.draft.is_over())
    }

    fn keep(&mut self) {
        if let Some(library) = &self.library {
            let items = std::mem::take(&mut self.items);
            library.keep(Record::new(self.draft.silent(), items, false));
        }
    }

    /// Writes the response although nobody waits for it, and gives back where it will be found.
    ///
    /// # Errors
    /// As for [`Library::begin`].
    pub(super) fn in_background(mut self, library: Library) -> Result<Arc<Record>, ApiError> {
        self.draft.queue();
        let record = Arc::new(Record::new(self.draft, self.items, true));
        library.begin(record.clone())?;
        let settled = Settled { record: record.clone(), library };
        tokio::spawn(write(self.answer, settled));
        Ok(record)
    }
}

/// The next piece of an answer of which the last has not come, and what it has cost so far.
async fn next(answer: &mut Answer) -> Result<(Piece, Tokens), ApiError> {
    let piece = answer.next().await?;
    let piece = piece.ok_or_else(|| ApiError::internal("The answer has no end"))?;
    Ok((piece, answer.tokens()))
}

/// Writes a response to its end, or until somebody else has ended it.
async fn write(mut answer: Answer, settled: Settled) {
    let Settled { record, library } = &settled;
    let mut ended = record.draft.subscribe();
    let (mut pieces, mut count_at) = (0_usize, PIECES_UNCOUNTED);
    while !record.is_over() {
        tokio::select! {
            _ = ended.wait_for(Draft::is_over) => {}
            more = next(&mut answer) => record.draft.send_modify(|draft| match more {
                Ok((piece, tokens)) => draft.add(piece, tokens),
                Err(error) => draft.fail(&error),
            }),
        }
        pieces += 1;
        if pieces == count_at {
            library.recount(&record.id);
            // To count is to look at all of it, so that is done less often the longer it is.
            count_at += PIECES_UNCOUNTED.max(pieces / 8);
        }
    }
}

/// Sees to it that a response has an end, even where its writing met a bug.
struct Settled {
    record: Arc<Record>,
    library: Library,
}

impl Drop for Settled {
    fn drop(&mut self) {
        let bug = ApiError::internal("The server met a bug in itself");
        self.record.draft.send_modify(|draft| draft.fail(&bug));
        self.library.recount(&self.record.id);
    }
}
