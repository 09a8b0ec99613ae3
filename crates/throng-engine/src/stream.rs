//! The client's end of a request.

use async_channel::Receiver;

use crate::drafts::{DraftCounter, Drafts};
use crate::event::Event;

/// The events of one request. Dropping it (and its [`Canceller`]s) cancels the request before the
/// next step.
#[derive(Debug)]
pub struct EventStream {
    events: Receiver<Event>,
    drafts: DraftCounter,
}

impl EventStream {
    pub(crate) fn new(events: Receiver<Event>, drafts: DraftCounter) -> Self {
        Self { events, drafts }
    }

    /// Waits for the next event; `None` after `Finish`.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await.ok()
    }

    /// The same on a plain thread.
    pub fn next_blocking(&mut self) -> Option<Event> {
        self.events.recv_blocking().ok()
    }

    /// The next event if it is there already.
    pub fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// What became of the tokens drafted for it so far; all of them once `Finish` has come.
    pub fn drafts(&self) -> Drafts {
        self.drafts.drafts()
    }

    /// A handle that cancels the request from another thread.
    pub fn canceller(&self) -> Canceller {
        Canceller(self.events.clone())
    }
}

/// Cancels a request while another thread waits for its events.
#[derive(Clone, Debug)]
pub struct Canceller(Receiver<Event>);

impl Canceller {
    /// Ends the stream: what was sent before can still be read, then comes `None`.
    pub fn cancel(&self) {
        self.0.close();
    }
}
