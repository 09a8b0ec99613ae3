//! One stream of events from its first to its last, held against what it must say.

use std::time::Duration;

use throng_engine::{Event, EventStream, FinishReason, Usage};

use crate::arrival::{Arrival, Client};

/// What the engine says of a step that failed.
pub const FAILURE: &str = "the simulation's model failed";

/// Events that the engine may keep for a client who does not read, with some room.
const MAX_UNREAD: usize = 1024 + 16;

/// The client's side of one choice of one request.
#[derive(Debug)]
pub struct Life {
    name: String,
    pub submitted: Duration,
    pub expires: Option<Duration>,
    pub reads_from: Duration,
    pub leaves_at: Option<Duration>,
    prompt_tokens: usize,
    /// What `Started` said.
    pub cached_tokens: Option<usize>,
    /// Tokens that were read.
    pub said: usize,
    pub finished: Option<FinishReason>,
    /// Until the client leaves.
    stream: Option<EventStream>,
    /// What must come, and how much of it has come.
    expected: Vec<Event>,
    read: usize,
}

impl Life {
    pub fn new(
        (index, choice): (usize, usize),
        arrival: &Arrival,
        now: Duration,
        stream: EventStream,
        expected: Vec<Event>,
    ) -> Self {
        let Client { reads_ms, leaves_ms } = arrival.clients[choice];
        let after = |ms| now + Duration::from_millis(ms);
        Self {
            name: format!("choice {choice} of request {index}"),
            submitted: now,
            expires: arrival.deadline_ms.map(after),
            reads_from: after(reads_ms),
            leaves_at: leaves_ms.map(after),
            prompt_tokens: arrival.prompt.len(),
            cached_tokens: None,
            said: 0,
            finished: None,
            stream: Some(stream),
            expected,
            read: 0,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The client goes.
    pub fn leave(&mut self) {
        self.stream = None;
    }

    pub fn has_left(&self) -> bool {
        self.stream.is_none()
    }

    /// Reads what is there, each event held against what it must be. `failed` says when a step
    /// failed last.
    pub fn read(&mut self, now: Duration, failed: Option<Duration>) {
        let Some(mut stream) = self.stream.take() else { return };
        let mut count = 0;
        while let Some(event) = stream.try_next() {
            count += 1;
            self.take(&event, now, failed);
        }
        assert!(count <= MAX_UNREAD, "{}: {count} events were kept for it", self.name);
        self.stream = Some(stream);
    }

    fn take(&mut self, event: &Event, now: Duration, failed: Option<Duration>) {
        let name = &self.name;
        assert!(self.finished.is_none(), "{name}: {event:?} after the finish");
        match event {
            Event::Started { cached_tokens } => {
                let first = self.cached_tokens.replace(*cached_tokens).is_none();
                assert!(first && self.read == 0, "{name}: it started twice");
                return;
            }
            Event::Finish { reason, usage } => {
                let counted =
                    Usage { prompt_tokens: self.prompt_tokens, completion_tokens: self.said };
                assert_eq!(*usage, counted, "{name}: usage of {reason:?}");
                self.finished = Some(reason.clone());
                if self.ended_early(reason, now, failed) {
                    return;
                }
            }
            Event::Prompt(_) => {}
            Event::Token { .. } => self.said += 1,
        }
        assert!(self.cached_tokens.is_some(), "{name}: {event:?} before it started");
        let expected = self.expected.get(self.read);
        assert_eq!(Some(event), expected, "{name}: not what it gets alone (event {})", self.read);
        self.read += 1;
    }

    /// Whether this is no end that it would have had alone; panics if there is no cause for it.
    fn ended_early(&self, reason: &FinishReason, now: Duration, failed: Option<Duration>) -> bool {
        let name = &self.name;
        match reason {
            FinishReason::Expired => {
                let due = self.expires.is_some_and(|expires| expires <= now);
                assert!(due, "{name}: it expired at {now:?}, due at {:?}", self.expires);
                true
            }
            FinishReason::Failed(why) if why == FAILURE => {
                let cause = failed.is_some_and(|failed| failed >= self.submitted);
                assert!(cause, "{name}: no step failed since it came");
                true
            }
            FinishReason::Cancelled => panic!("{name}: cancelled by nobody"),
            FinishReason::Stop | FinishReason::Length | FinishReason::Failed(_) => false,
        }
    }
}
