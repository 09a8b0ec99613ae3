//! The items of which requests and responses are made: messages, thoughts, calls and their results.

use serde_json::{Value, json};
use throng_chat::ToolCall;

use crate::id;

/// What an item takes besides its texts.
const ITEM_BYTES: usize = 256;

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Its name.
    pub(super) id: String,
    /// Whether it is whole.
    pub(super) status: Status,
    /// What it is.
    pub(super) kind: Kind,
}

/// Whether an item is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// More of it comes.
    InProgress,
    /// It is.
    Completed,
    /// It was cut off.
    Incomplete,
}

/// What an item is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// Somebody says something.
    Message {
        /// Who.
        role: Role,
        /// What.
        text: String,
        /// Log-probabilities of its tokens, as the API writes them.
        logprobs: Vec<Value>,
    },
    /// What the model thinks.
    Reasoning(String),
    /// The model calls a function.
    Call(ToolCall),
    /// What the function returned.
    CallOutput {
        /// The id of the call, which is not the item's.
        call_id: String,
        /// The result, as text.
        output: String,
    },
}

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The person.
    User,
    /// The application, by its name of old.
    System,
    /// The application.
    Developer,
    /// The model.
    Assistant,
}

impl Role {
    /// All, as the API names them.
    const NAMES: [(&str, Self); 4] = [
        ("user", Self::User),
        ("system", Self::System),
        ("developer", Self::Developer),
        ("assistant", Self::Assistant),
    ];

    /// The role of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(own, _)| *own == name).map(|(_, role)| role)
    }

    fn name(self) -> &'static str {
        let own = Self::NAMES.into_iter().find(|(_, role)| *role == self);
        own.expect("all roles are listed").0
    }
}

impl Item {
    /// An item that is whole, with the name that it came with or a new one.
    pub(super) fn whole(id: Option<String>, kind: Kind) -> Self {
        let id = id.unwrap_or_else(|| kind.new_id());
        Self { id, status: Status::Completed, kind }
    }

    /// An item that begins.
    pub(super) fn begun(kind: Kind) -> Self {
        Self { id: kind.new_id(), status: Status::InProgress, kind }
    }

    /// As the API writes it.
    pub(super) fn json(&self) -> Value {
        let status = self.status.name();
        let Self { id, kind, .. } = self;
        match kind {
            Kind::Message { role, .. } => json!({
                "id": id,
                "type": "message",
                "status": status,
                "role": role.name(),
                "content": self.content(),
            }),
            Kind::Reasoning(_) => json!({
                "id": id,
                "type": "reasoning",
                "status": status,
                "summary": [],
                "content": self.content(),
            }),
            Kind::Call(ToolCall { id: call_id, name, arguments }) => json!({
                "id": id,
                "type": "function_call",
                "status": status,
                "call_id": call_id,
                "name": name,
                "arguments": arguments,
            }),
            Kind::CallOutput { call_id, output } => json!({
                "id": id,
                "type": "function_call_output",
                "status": status,
                "call_id": call_id,
                "output": output,
            }),
        }
    }

    /// The only part of its content, for items that have parts.
    pub(super) fn part(&self) -> Option<Value> {
        match &self.kind {
            Kind::Message { role: Role::Assistant, text, logprobs } => Some(json!({
                "type": "output_text",
                "text": text,
                "annotations": [],
                "logprobs": logprobs,
            })),
            Kind::Message { text, .. } => Some(json!({ "type": "input_text", "text": text })),
            Kind::Reasoning(text) => Some(json!({ "type": "reasoning_text", "text": text })),
            Kind::Call(_) | Kind::CallOutput { .. } => None,
        }
    }

    /// Whether it has.
    pub(super) fn has_parts(&self) -> bool {
        matches!(self.kind, Kind::Message { .. } | Kind::Reasoning(_))
    }

    /// Its parts: none before the first word.
    fn content(&self) -> Vec<Value> {
        let begins = self.status == Status::InProgress && self.kind.text().is_empty();
        self.part().filter(|_| !begins).into_iter().collect()
    }

    /// What it takes to keep it, about.
    pub(super) fn bytes(&self) -> usize {
        let texts = match &self.kind {
            Kind::Message { text, logprobs, .. } => {
                text.len() + logprobs.iter().map(json_bytes).sum::<usize>()
            }
            Kind::Reasoning(text) => text.len(),
            Kind::Call(ToolCall { id, name, arguments }) => id.len() + name.len() + arguments.len(),
            Kind::CallOutput { call_id, output } => call_id.len() + output.len(),
        };
        ITEM_BYTES + self.id.len() + texts
    }
}

impl Kind {
    /// What of it is written little by little.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Message { text, .. } | Self::Reasoning(text) => text,
            Self::Call(call) => &call.arguments,
            Self::CallOutput { output, .. } => output,
        }
    }

    /// The same, to append to.
    pub(super) fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Message { text, .. } | Self::Reasoning(text) => text,
            Self::Call(call) => &mut call.arguments,
            Self::CallOutput { output, .. } => output,
        }
    }

    fn new_id(&self) -> String {
        let prefix = match self {
            Self::Message { .. } => "msg",
            Self::Reasoning(_) => "rs",
            Self::Call(_) => "fc",
            Self::CallOutput { .. } => "fco",
        };
        id::underscored(prefix)
    }
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete => "incomplete",
        }
    }
}

/// What a JSON value takes in memory, about: many times its text, where it is made of small parts.
pub(super) fn json_bytes(value: &Value) -> usize {
    const NODE_BYTES: usize = 64;
    NODE_BYTES
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(json_bytes).sum(),
            Value::Object(members) => {
                members.iter().map(|(key, value)| key.len() + json_bytes(value)).sum()
            }
        }
}
