//! Answers in which tags tell thoughts and calls from what the person reads, as Qwen's models and
//! their relatives write them: `<think>…</think>` and
//! `<tool_call>{"name": …, "arguments": {…}}</tool_call>`.

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

/// Which of the tags a model writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tags {
    /// `<think>`.
    pub thoughts: bool,
    /// `<tool_call>`.
    pub calls: bool,
}

impl Tags {
    /// A model whose chat template names a tag was taught to write it.
    pub fn of(template: &str) -> Self {
        Self { thoughts: template.contains(THINK), calls: template.contains(TOOL_CALL) }
    }

    /// The tags themselves.
    fn texts(self) -> impl Iterator<Item = &'static str> {
        let thoughts = self.thoughts.then_some([THINK, THINK_END]);
        let calls = self.calls.then_some([TOOL_CALL, TOOL_CALL_END]);
        thoughts.into_iter().chain(calls).flatten()
    }
}
