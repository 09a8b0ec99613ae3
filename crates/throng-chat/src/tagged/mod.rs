//! Answers in which tags tell thoughts and calls from what the person reads, as Qwen's models and
//! their relatives write them: `<think>…</think>` and
//! `<tool_call>{"name": …, "arguments": {…}}</tool_call>`. Llama's have no tags for a call: it is an
//! answer that is such an object and nothing else.

mod call;
mod parser;

pub(crate) use parser::Parser;

/// Begins a thought.
pub(crate) const THINK: &str = "<think>";
/// Ends it.
pub(crate) const THINK_END: &str = "</think>";
/// Begins a call.
pub(crate) const TOOL_CALL: &str = "<tool_call>";
/// Ends it.
pub(crate) const TOOL_CALL_END: &str = "</tool_call>";

/// Which of the tags a model writes, and how it calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    /// `<think>`.
    pub thoughts: bool,
    /// `None`: the template says nothing of calls that would be known here.
    pub calls: Option<CallStyle>,
}

/// How a model writes a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallStyle {
    /// In tags: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, among other text or calls.
    Tagged,
    /// As all that it says: `{"name": …, "parameters": {…}}`. So do Llama's models.
    Json,
}

impl CallStyle {
    /// What the arguments are called.
    pub fn arguments(self) -> &'static str {
        match self {
            Self::Tagged => "arguments",
            Self::Json => "parameters",
        }
    }
}

impl Tags {
    /// A model whose chat template names a tag, or writes a call, was taught to write it so.
    pub fn of(template: &str) -> Self {
        let json = ["{\"name\": ", "\"parameters\": "];
        let calls = if template.contains(TOOL_CALL) {
            Some(CallStyle::Tagged)
        } else {
            json.iter().all(|part| template.contains(part)).then_some(CallStyle::Json)
        };
        Self { thoughts: template.contains(THINK), calls }
    }

    /// Whether calls stand in tags.
    pub fn in_tags(self) -> bool {
        self.calls == Some(CallStyle::Tagged)
    }

    /// The tags themselves.
    fn texts(self) -> impl Iterator<Item = &'static str> {
        let thoughts = self.thoughts.then_some([THINK, THINK_END]);
        let calls = self.in_tags().then_some([TOOL_CALL, TOOL_CALL_END]);
        thoughts.into_iter().chain(calls).flatten()
    }
}
