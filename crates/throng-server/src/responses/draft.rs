//! A response while it is written, and once it is.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use throng_chat::Delta;

use super::event::Event;
use super::item::{Item, Status, json_bytes};
use super::output::Output;
use crate::chat_completions::Piece;
use crate::date::unix_seconds;
use crate::error::ApiError;
use crate::id;
use crate::logprobs::Writer;
use crate::outcome::Tokens;

/// A response.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    id: String,
    created: u64,
    /// What it repeats of its request.
    echo: Arc<Map<String, Value>>,
    stage: Stage,
    output: Output,
    tokens: Tokens,
}

/// How far a response is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for its turn.
    Queued,
    /// It is written.
    InProgress,
    /// It was written, up to this second.
    Completed(u64),
    /// A limit of tokens has cut it off.
    Incomplete,
    /// Something went wrong, in these words.
    Failed(String),
    /// Somebody did not want it any more.
    Cancelled,
}

impl Stage {
    fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed(_) => "completed",
            Self::Incomplete => "incomplete",
            Self::Failed(_) => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Draft {
    /// A response of which nothing is written; `told`: events are.
    pub(super) fn new(echo: Map<String, Value>, writer: Option<Writer>, told: bool) -> Self {
        Self {
            id: id::underscored("resp"),
            created: unix_seconds(),
            echo: Arc::new(echo),
            stage: Stage::Queued,
            output: Output::new(writer, told),
            tokens: Tokens::default(),
        }
    }

    /// Its name.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Whether nothing will be added.
    pub(super) fn is_over(&self) -> bool {
        !matches!(self.stage, Stage::Queued | Stage::InProgress)
    }

    /// Whether a conversation may go on behind it.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self.stage, Stage::Completed(_) | Stage::Incomplete)
    }

    /// What the model wrote.
    pub(super) fn items(&self) -> &[Arc<Item>] {
        self.output.items()
    }

    /// Whether it is told as it comes.
    pub(super) fn is_told(&self) -> bool {
        self.output.is_told()
    }

    /// What there is to tell.
    pub(super) fn events(&self) -> &[Event] {
        self.output.events()
    }

    /// Takes what there is to tell.
    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.output.take_events()
    }

    /// The same, without anything to tell.
    pub(super) fn silent(&self) -> Self {
        let mut silent = self.clone();
        silent.output.silence();
        silent
    }

    /// What it takes to keep it, about.
    pub(super) fn bytes(&self) -> usize {
        let echo: usize = self.echo.iter().map(|(key, value)| key.len() + json_bytes(value)).sum();
        size_of::<Self>() + echo + self.output.bytes()
    }

    /// Tells that it waits for its turn.
    pub(super) fn queue(&mut self) {
        self.tell_state("response.created");
        self.tell_state("response.queued");
    }

    /// Tells that it begins.
    pub(super) fn begin(&mut self) {
        self.stage = Stage::InProgress;
        self.tell_state("response.created");
        self.tell_state("response.in_progress");
    }

    /// What it goes on with, and what it has cost so far. A response that is over stays as it is.
    pub(super) fn add(&mut self, piece: Piece, tokens: Tokens) {
        if self.is_over() {
            return;
        }
        if self.stage == Stage::Queued {
            self.stage = Stage::InProgress;
            self.tell_state("response.in_progress");
        }
        self.tokens = tokens;
        let mut scored = piece.tokens.as_slice();
        for delta in piece.deltas {
            // All content of a piece is in one delta.
            let of_delta =
                if matches!(delta, Delta::Content(_)) { std::mem::take(&mut scored) } else { &[] };
            self.output.add(delta, of_delta);
        }
        // Those of text that was held back and is no part of the answer.
        self.output.score(scored);
        match piece.finish {
            None => {}
            Some("length") => {
                self.output.close(Status::Incomplete);
                self.stage = Stage::Incomplete;
                self.tell_state("response.incomplete");
            }
            Some(_) => {
                self.output.close(Status::Completed);
                self.stage = Stage::Completed(unix_seconds());
                self.tell_state("response.completed");
            }
        }
    }

    /// It cannot be completed.
    pub(super) fn fail(&mut self, error: &ApiError) {
        if self.is_over() {
            return;
        }
        let body = error.body();
        let error = &body["error"];
        self.output.abandon();
        self.stage = Stage::Failed(error["message"].as_str().unwrap_or_default().to_owned());
        self.output.tell("error", || {
            json!({ "code": error["code"], "message": error["message"], "param": error["param"] })
        });
        self.tell_state("response.failed");
    }

    /// Nobody wants it any more. A response that is over stays as it is.
    pub(super) fn cancel(&mut self) {
        if !self.is_over() {
            self.output.abandon();
            self.stage = Stage::Cancelled;
        }
    }

    /// As the API writes it.
    pub(super) fn json(&self) -> Value {
        let (mut error, mut incomplete, mut completed) = (Value::Null, Value::Null, Value::Null);
        match &self.stage {
            Stage::Completed(second) => completed = json!(second),
            Stage::Incomplete => incomplete = json!({ "reason": "max_output_tokens" }),
            Stage::Failed(why) => error = json!({ "code": "server_error", "message": why }),
            Stage::Queued | Stage::InProgress | Stage::Cancelled => {}
        }
        let mut body = json!({
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "completed_at": completed,
            "status": self.stage.name(),
            "error": error,
            "incomplete_details": incomplete,
            "output": self.items().iter().map(|item| item.json()).collect::<Vec<_>>(),
            "usage": self.usage(),
        });
        if let Value::Object(body) = &mut body {
            body.extend(self.echo.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        body
    }

    /// What it has cost; `null` before it is over, and where it never began.
    fn usage(&self) -> Value {
        if !self.is_over() || self.tokens == Tokens::default() {
            return Value::Null;
        }
        let Tokens { prompt, cached, completion, reasoning, .. } = self.tokens;
        json!({
            "input_tokens": prompt,
            // What a prompt leaves in the cache costs nothing, and is not counted.
            "input_tokens_details": { "cached_tokens": cached, "cache_write_tokens": 0 },
            "output_tokens": completion,
            "output_tokens_details": { "reasoning_tokens": reasoning },
            "total_tokens": prompt + completion,
        })
    }

    fn tell_state(&mut self, event: &'static str) {
        if self.is_told() {
            let response = self.json();
            self.output.tell(event, || json!({ "response": response }));
        }
    }
}
