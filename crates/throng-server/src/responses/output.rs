//! The items that the model writes, one after another, and the events that tell of them.

use std::sync::Arc;

use serde_json::{Value, json};
use throng_chat::{Delta, ToolCall};

use super::event::{Event, Teller};
use super::item::{Item, Kind, Role, Status};
use crate::logprobs::{Scored, Writer};

/// What is written so far. Only the last item can be open.
#[derive(Clone, Debug)]
pub(super) struct Output {
    items: Vec<Arc<Item>>,
    /// Names tokens where log-probabilities are wanted.
    writer: Option<Writer>,
    teller: Teller,
}

impl Output {
    /// Nothing so far; `told`: events are written.
    pub(super) fn new(writer: Option<Writer>, told: bool) -> Self {
        Self { items: Vec::new(), writer, teller: Teller::new(told) }
    }

    /// The items.
    pub(super) fn items(&self) -> &[Arc<Item>] {
        &self.items
    }

    /// Events that were not taken.
    pub(super) fn events(&self) -> &[Event] {
        self.teller.events()
    }

    /// Takes them.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.teller.take()
    }

    /// Whether events are written.
    pub(super) fn is_told(&self) -> bool {
        self.teller.is_wanted()
    }

    /// Writes an event that is about more than an item.
    pub(super) fn tell(&mut self, kind: &'static str, members: impl FnOnce() -> Value) {
        self.teller.tell(kind, members);
    }

    /// Writes no more events, and forgets those that were not taken.
    pub(super) fn silence(&mut self) {
        self.teller = Teller::default();
    }

    /// What it takes to keep all this, about.
    pub(super) fn bytes(&self) -> usize {
        self.items.iter().map(|item| item.bytes()).sum::<usize>() + self.teller.bytes()
    }

    /// What the model goes on with; `scored`: tokens of content that begin in it.
    pub(super) fn add(&mut self, delta: Delta, scored: &[Scored]) {
        match delta {
            Delta::Reasoning(text) => {
                if !matches!(self.open_kind(), Some(Kind::Reasoning(_))) {
                    self.begin(Kind::Reasoning(String::new()));
                }
                self.write("response.reasoning_text.delta", &text, None);
            }
            Delta::Content(text) => {
                if !matches!(self.open_kind(), Some(Kind::Message { .. })) {
                    let (role, logprobs) = (Role::Assistant, Vec::new());
                    self.begin(Kind::Message { role, text: String::new(), logprobs });
                }
                let logprobs = self.score(scored);
                self.write("response.output_text.delta", &text, Some(logprobs));
            }
            Delta::ToolCallStart { id, name, .. } => {
                self.begin(Kind::Call(ToolCall { id, name, arguments: String::new() }));
            }
            // A call's arguments come before anything else begins.
            Delta::ToolCallArguments { text, .. } => {
                self.write("response.function_call_arguments.delta", &text, None);
            }
        }
    }

    /// Adds the scores of tokens to the open message; gives them back as the API writes them.
    pub(super) fn score(&mut self, scored: &[Scored]) -> Vec<Value> {
        let Some(writer) = &self.writer else { return Vec::new() };
        let element = |token: &Scored| Some(writer.element(token.id, token.scores.as_ref()?));
        let elements: Vec<Value> = scored.iter().filter_map(element).collect();
        if let Some(Item { kind: Kind::Message { logprobs, .. }, .. }) = open(&mut self.items) {
            logprobs.extend_from_slice(&elements);
        }
        elements
    }

    /// Ends the open item, if there is one.
    pub(super) fn close(&mut self, status: Status) {
        let index = self.items.len().saturating_sub(1);
        let Some(item) = open(&mut self.items) else { return };
        item.status = status;
        let item = &*item;
        let (event, members) = match &item.kind {
            Kind::Reasoning(text) => ("response.reasoning_text.done", json!({ "text": text })),
            Kind::Call(call) => (
                "response.function_call_arguments.done",
                json!({ "name": call.name, "arguments": call.arguments }),
            ),
            Kind::Message { text, logprobs, .. } => {
                ("response.output_text.done", json!({ "text": text, "logprobs": logprobs }))
            }
            Kind::CallOutput { .. } => unreachable!("no model writes what a function returned"),
        };
        self.teller.tell(event, || joined(place(item, index), members));
        if let Some(part) = item.part() {
            let members = json!({ "part": part });
            self.teller.tell("response.content_part.done", || joined(place(item, index), members));
        }
        self.teller.tell(
            "response.output_item.done",
            || json!({ "output_index": index, "item": item.json() }),
        );
    }

    /// Leaves the open item as it is, unsaid.
    pub(super) fn abandon(&mut self) {
        if let Some(item) = open(&mut self.items) {
            item.status = Status::Incomplete;
        }
    }

    fn begin(&mut self, kind: Kind) {
        self.close(Status::Completed);
        let item = Item::begun(kind);
        let index = self.items.len();
        self.teller.tell(
            "response.output_item.added",
            || json!({ "output_index": index, "item": item.json() }),
        );
        if let Some(part) = item.part() {
            let members = json!({ "part": part });
            self.teller
                .tell("response.content_part.added", || joined(place(&item, index), members));
        }
        self.items.push(Arc::new(item));
    }

    /// Adds text to the open item.
    fn write(&mut self, event: &'static str, text: &str, logprobs: Option<Vec<Value>>) {
        let index = self.items.len().saturating_sub(1);
        let Some(item) = open(&mut self.items) else { return };
        item.kind.text_mut().push_str(text);
        let item = &*item;
        self.teller.tell(event, || {
            let mut members = json!({ "delta": text });
            if let Some(logprobs) = logprobs {
                members["logprobs"] = Value::Array(logprobs);
            }
            joined(place(item, index), members)
        });
    }

    fn open_kind(&self) -> Option<&Kind> {
        let last = self.items.last()?;
        (last.status == Status::InProgress).then_some(&last.kind)
    }
}

/// The item that is being written.
fn open(items: &mut [Arc<Item>]) -> Option<&mut Item> {
    let last = items.last_mut()?;
    (last.status == Status::InProgress).then(|| Arc::make_mut(last))
}

/// Where text is: in an item, and there in its only part, if it has parts.
fn place(item: &Item, index: usize) -> Value {
    let mut place = json!({ "item_id": item.id, "output_index": index });
    if item.has_parts() {
        place["content_index"] = json!(0);
    }
    place
}

fn joined(mut object: Value, members: Value) -> Value {
    if let (Value::Object(object), Value::Object(members)) = (&mut object, members) {
        object.extend(members);
    }
    object
}
