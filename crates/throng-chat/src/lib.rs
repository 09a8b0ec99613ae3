//! Conversations to token ids and back: tokenizer, Harmony, tool calls, stop strings.
//! Nothing here knows about HTTP or batches.

mod conversation;
mod delta;

pub use conversation::{
    Conversation, Effort, Message, ResponseFormat, Tool, ToolCall, UnknownEffort,
};
pub use delta::Delta;
