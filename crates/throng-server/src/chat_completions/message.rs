//! A whole message, put together from its pieces.

use serde_json::{Value, json};
use throng_chat::{Delta, ToolCall};

/// A message that is put together.
#[derive(Debug, Default)]
pub(super) struct Message {
    reasoning: String,
    content: String,
    tool_calls: Vec<ToolCall>,
}

impl Message {
    /// What it goes on with.
    pub(super) fn add(&mut self, delta: Delta) {
        match delta {
            Delta::Reasoning(text) => self.reasoning.push_str(&text),
            Delta::Content(text) => self.content.push_str(&text),
            Delta::ToolCallStart { id, name, .. } => {
                self.tool_calls.push(ToolCall { id, name, arguments: String::new() });
            }
            Delta::ToolCallArguments { index, text } => {
                if let Some(call) = self.tool_calls.get_mut(index) {
                    call.arguments.push_str(&text);
                }
            }
        }
    }

    /// As the API writes it.
    pub(super) fn json(self) -> Value {
        let reasoning = Some(self.reasoning).filter(|text| !text.is_empty());
        let only_calls = self.content.is_empty() && !self.tool_calls.is_empty();
        let mut message = json!({
            "role": "assistant",
            "content": (!only_calls).then_some(self.content),
            "refusal": null,
            "reasoning": reasoning,
            "reasoning_content": reasoning,
        });
        if !self.tool_calls.is_empty() {
            message["tool_calls"] = self.tool_calls.into_iter().map(tool_call).collect();
        }
        message
    }
}

fn tool_call(call: ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    })
}
