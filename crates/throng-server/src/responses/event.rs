//! What a stream tells: events with a name and a number.

use serde_json::{Value, json};

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// What it is about.
    pub(crate) kind: &'static str,
    /// JSON, in which its kind and its number are the first members.
    pub(crate) data: String,
}

/// Writes events, if anybody wants to read them, and keeps them until they are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Teller {
    wanted: bool,
    /// How many were written.
    count: u64,
    events: Vec<Event>,
}

impl Teller {
    /// `wanted`: somebody wants to read them.
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Whether somebody does.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Writes the next event; `members` comes to an object.
    pub(super) fn tell(&mut self, kind: &'static str, members: impl FnOnce() -> Value) {
        if !self.wanted {
            return;
        }
        let mut data = json!({ "type": kind, "sequence_number": self.count });
        self.count += 1;
        if let (Value::Object(data), Value::Object(members)) = (&mut data, members()) {
            data.extend(members);
        }
        self.events.push(Event { kind, data: data.to_string() });
    }

    /// Those that were not taken.
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Takes them.
    pub(super) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What it takes to keep them, about.
    pub(super) fn bytes(&self) -> usize {
        let one = |event: &Event| size_of::<Event>() + event.data.len();
        self.events.iter().map(one).sum()
    }
}
