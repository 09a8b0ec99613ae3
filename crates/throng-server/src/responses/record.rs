//! A response that is kept, or that is written for nobody in particular.

use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;

use super::draft::Draft;
use super::event::Event;
use super::item::Item;

/// A response and what it answers.
#[derive(Debug)]
pub(super) struct Record {
    /// The response's name.
    pub(super) id: String,
    /// Whether it is written whoever waits for it.
    pub(super) background: bool,
    /// What it answers: all items of the conversation.
    pub(super) items: Vec<Arc<Item>>,
    /// The response, which changes while it is written.
    pub(super) draft: watch::Sender<Draft>,
}

impl Record {
    /// Of a response to the conversation of these items.
    pub(super) fn new(draft: Draft, items: Vec<Arc<Item>>, background: bool) -> Self {
        let id = draft.id().to_owned();
        Self { id, background, items, draft: watch::Sender::new(draft) }
    }

    /// Whether nothing will be added to it.
    pub(super) fn is_over(&self) -> bool {
        self.draft.borrow().is_over()
    }

    /// The conversation with the answer at its end; `None` where there is none.
    pub(super) fn conversation(&self) -> Option<Vec<Arc<Item>>> {
        let draft = self.draft.borrow();
        draft.is_answer().then(|| self.items.iter().chain(draft.items()).cloned().collect())
    }

    /// The item of this name.
    pub(super) fn item(&self, id: &str) -> Option<Arc<Item>> {
        let draft = self.draft.borrow();
        let mut items = draft.items().iter().chain(&self.items);
        items.find(|item| item.id == id).cloned()
    }

    /// What it takes to keep it, about. Items that it shares with others count in each.
    pub(super) fn bytes(&self) -> usize {
        let items: usize = self.items.iter().map(|item| item.bytes()).sum();
        size_of::<Self>() + items + self.draft.borrow().bytes()
    }
}

/// The events of a response that keeps them, those before the number `next` left out, up to its end.
pub(super) fn follow(record: &Record, next: usize) -> impl Stream<Item = Event> + use<> {
    let draft = record.draft.subscribe();
    let batches = stream::unfold((draft, next), |(mut draft, next)| async move {
        let events = {
            let more = |draft: &Draft| draft.events().len() > next || draft.is_over();
            // Its sender is gone where it was deleted and its writing has ended.
            let draft = draft.wait_for(more).await.ok()?;
            draft.events().get(next..).unwrap_or_default().to_vec()
        };
        let next = next + events.len();
        (!events.is_empty()).then_some((stream::iter(events), (draft, next)))
    });
    batches.flatten()
}
