//! A conversation to the prompt for its next turn.

use std::collections::HashMap;

use super::tokens::Tokens;
use super::{developer, system};
use crate::chat::ChatError;
use crate::conversation::{Conversation, Message, ToolCall};
use crate::tokenizer::Tokenizer;

/// Writes messages as tokens. Every span of text between two special tokens is encoded by itself,
/// so a text's tokens do not depend on what is around it.
struct Writer<'a> {
    tokens: &'a Tokens,
    tokenizer: &'a Tokenizer,
    ids: Vec<u32>,
    /// Text that would make more ids than this is not encoded.
    limit: usize,
}

/// Renders a conversation, `<|start|>assistant` at its end.
pub(crate) fn render(
    conversation: &Conversation,
    tokenizer: &Tokenizer,
    tokens: &Tokens,
    limit: usize,
) -> Result<Vec<u32>, ChatError> {
    let ids = render_history(conversation, tokenizer, tokens, limit)?;
    let mut writer = Writer { tokens, tokenizer, ids, limit };
    writer.ids.push(tokens.start);
    writer.text("assistant")?;
    Ok(writer.ids)
}

/// Renders a conversation that nothing follows.
pub(crate) fn render_history(
    conversation: &Conversation,
    tokenizer: &Tokenizer,
    tokens: &Tokens,
    limit: usize,
) -> Result<Vec<u32>, ChatError> {
    let mut writer = Writer { tokens, tokenizer, ids: Vec::new(), limit };
    writer.conversation(conversation)?;
    Ok(writer.ids)
}

/// What comes before the text of an answer to the person: its header from the channel on, without
/// the text's form and with it, as the models write both.
pub(crate) fn answer_headers(
    tokenizer: &Tokenizer,
    tokens: &Tokens,
) -> Result<Vec<Vec<u32>>, ChatError> {
    let mut writer = Writer { tokens, tokenizer, ids: vec![tokens.channel], limit: usize::MAX };
    writer.text("final")?;
    let plain = [&writer.ids[..], &[tokens.message]].concat();
    writer.text(" ")?;
    writer.ids.push(tokens.constrain);
    writer.text("json")?;
    writer.ids.push(tokens.message);
    Ok(vec![plain, writer.ids])
}

/// The text of instructions that say something.
fn instructions(message: &Message) -> Option<&str> {
    match message {
        Message::Instructions(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Whether the message answers the person, so that the reasoning before it has served.
fn is_answer(message: &Message) -> bool {
    matches!(message, Message::Assistant { content, tool_calls, .. }
        if tool_calls.is_empty() && !content.is_empty())
}

impl Writer<'_> {
    /// All messages.
    ///
    /// - Instructions before all other messages are one developer message, together with the tools
    ///   and the response format; later ones are developer messages of their own.
    /// - Reasoning is left out if an answer to the person follows it, as the model was trained;
    ///   calls of functions keep theirs until then.
    /// - A turn's text beside calls is a preamble: commentary to nobody.
    fn conversation(&mut self, conversation: &Conversation) -> Result<(), ChatError> {
        for tool in &conversation.tools {
            check_name(&tool.name)?;
        }
        if let Some(date) = &conversation.date {
            check_date(date)?;
        }
        self.message(&["system"], None, &system::text(conversation))?;
        let messages = &conversation.messages;
        let leading =
            messages.iter().take_while(|message| matches!(message, Message::Instructions(_)));
        let leading = leading.count();
        let instructions: Vec<&str> = messages[..leading].iter().filter_map(instructions).collect();
        if let Some(text) = developer::text(&instructions.join("\n\n"), conversation) {
            self.message(&["developer"], None, &text)?;
        }
        let last_answer = messages.iter().rposition(is_answer);
        let mut calls: HashMap<&str, &str> = HashMap::new();
        for (index, message) in messages.iter().enumerate().skip(leading) {
            match message {
                Message::Instructions(text) if text.is_empty() => {}
                Message::Instructions(text) => {
                    self.message(&["developer"], None, &developer::instructions(text))?;
                }
                Message::User(text) => self.message(&["user"], None, text)?,
                Message::Assistant { reasoning, content, tool_calls } => {
                    let kept = last_answer.is_none_or(|last| last < index);
                    let reasoning = reasoning.as_deref().filter(|text| kept && !text.is_empty());
                    self.turn(reasoning, content, tool_calls)?;
                    calls.extend(tool_calls.iter().map(|call| (&*call.id, &*call.name)));
                }
                Message::ToolResult { call_id, content } => {
                    let name = calls
                        .get(call_id.as_str())
                        .ok_or_else(|| ChatError::UnknownCall(call_id.clone()))?;
                    let author = format!("functions.{name}");
                    self.message(&[&author, " to=assistant"], Some("commentary"), content)?;
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), ChatError> {
        let least = self.ids.len() + self.tokenizer.least_tokens(text);
        if least > self.limit {
            return Err(ChatError::TooLong(least));
        }
        self.ids.extend(self.tokenizer.encode(text)?);
        Ok(())
    }

    /// A message that is not a call. The author's parts are encoded one by one.
    fn message(
        &mut self,
        author: &[&str],
        channel: Option<&str>,
        text: &str,
    ) -> Result<(), ChatError> {
        self.ids.push(self.tokens.start);
        for part in author {
            self.text(part)?;
        }
        if let Some(channel) = channel {
            self.ids.push(self.tokens.channel);
            self.text(channel)?;
        }
        self.ids.push(self.tokens.message);
        self.text(text)?;
        self.ids.push(self.tokens.end);
        Ok(())
    }

    /// A turn of the model: what it thought, said and called.
    fn turn(
        &mut self,
        reasoning: Option<&str>,
        content: &str,
        calls: &[ToolCall],
    ) -> Result<(), ChatError> {
        if let Some(reasoning) = reasoning {
            self.message(&["assistant"], Some("analysis"), reasoning)?;
        }
        if !content.is_empty() {
            let channel = if calls.is_empty() { "final" } else { "commentary" };
            self.message(&["assistant"], Some(channel), content)?;
        }
        for call in calls {
            check_recipient(&call.name)?;
            self.ids.push(self.tokens.start);
            self.text("assistant")?;
            self.text(&format!(" to=functions.{}", call.name))?;
            self.ids.push(self.tokens.channel);
            self.text("commentary")?;
            self.text(" ")?;
            self.ids.push(self.tokens.constrain);
            self.text("json")?;
            self.ids.push(self.tokens.message);
            self.text(&call.arguments)?;
            self.ids.push(self.tokens.call);
        }
        Ok(())
    }
}

/// A called name stands in a header, whose words are divided by spaces. Models call functions that
/// nobody offered; a client that replays such a call must not be refused for it.
fn check_recipient(name: &str) -> Result<(), ChatError> {
    let divided = |c: char| c.is_whitespace() || c.is_control();
    if (1..=256).contains(&name.len()) && !name.contains(divided) {
        Ok(())
    } else {
        Err(ChatError::InvalidName(name.to_owned()))
    }
}

/// An offered name stands in the declaration of its function too.
fn check_name(name: &str) -> Result<(), ChatError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    if (1..=256).contains(&name.len()) && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(ChatError::InvalidName(name.to_owned()))
    }
}

/// A date is `YYYY-MM-DD`: it stands in the system message, where text could instruct.
fn check_date(date: &str) -> Result<(), ChatError> {
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = date.split('-').collect();
    let valid = matches!(parts[..], [y, m, d]
        if [y, m, d].map(str::len) == [4, 2, 2]
            && [y, m, d].into_iter().all(digits)
            && ("01"..="12").contains(&m)
            && ("01"..="31").contains(&d));
    if valid { Ok(()) } else { Err(ChatError::InvalidDate(date.to_owned())) }
}
