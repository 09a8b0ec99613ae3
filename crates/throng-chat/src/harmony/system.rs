//! The system message: who the model is, when it is, how long to think, where to write what.

use crate::conversation::Conversation;

/// Text of the system message.
pub(super) fn text(conversation: &Conversation) -> String {
    let mut text = String::from(
        "You are ChatGPT, a large language model trained by OpenAI.\nKnowledge cutoff: 2024-06",
    );
    if let Some(date) = &conversation.date {
        text.push_str("\nCurrent date: ");
        text.push_str(date);
    }
    text.push_str("\n\nReasoning: ");
    text.push_str(conversation.effort.name());
    text.push_str(
        "\n\n# Valid channels: analysis, commentary, final. \
         Channel must be included for every message.",
    );
    if !conversation.tools.is_empty() {
        text.push_str("\nCalls to these tools must go to the commentary channel: 'functions'.");
    }
    text
}
