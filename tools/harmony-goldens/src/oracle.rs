//! openai-harmony, asked to render and to parse.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{bail, Context, Result};
use openai_harmony::chat::{
    Author, Content, DeveloperContent, Message as Rendered, ReasoningEffort, Role, SystemContent,
    TextContent, ToolDescription,
};
use openai_harmony::{load_harmony_encoding, HarmonyEncoding, HarmonyEncodingName};
use serde_json::{json, Value};

use crate::conversation::{Conversation, Message};
use crate::ORDINARY_TOKENS;

pub struct Oracle(HarmonyEncoding);

impl Oracle {
    pub fn load(vocabulary: &Path) -> Result<Self> {
        std::env::set_var("TIKTOKEN_ENCODINGS_BASE", vocabulary);
        Ok(Self(load_harmony_encoding(HarmonyEncodingName::HarmonyGptOss)?))
    }

    /// The prompt for the next turn.
    ///
    /// Which reasoning is replayed is decided here. The crate leaves that to its caller, or, when
    /// asked to, drops only what comes before the first answer; the format's description, and the
    /// model's own chat template, drop all that an answer has followed.
    pub fn render(&self, conversation: &Conversation) -> Result<Vec<u32>> {
        let mut messages = self.messages(conversation)?;
        let is = |message: &Rendered, channel| message.channel.as_deref() == Some(channel);
        let last_final = messages.iter().rposition(|message| is(message, "final"));
        let mut index = 0;
        messages.retain(|message| {
            index += 1;
            !(is(message, "analysis") && last_final.is_some_and(|last| index <= last))
        });
        self.0.render_conversation_for_completion(&messages, Role::Assistant, None)
    }

    fn messages(&self, conversation: &Conversation) -> Result<Vec<Rendered>> {
        let effort = match conversation.effort.as_deref() {
            Some("low") => ReasoningEffort::Low,
            None | Some("medium") => ReasoningEffort::Medium,
            Some("high") => ReasoningEffort::High,
            Some(other) => bail!("effort {other:?}"),
        };
        let mut system = SystemContent::new().with_reasoning_effort(effort);
        if let Some(date) = &conversation.date {
            system = system.with_conversation_start_date(date);
        }
        let mut rendered = vec![Rendered::from_role_and_content(Role::System, system)];
        let leading = conversation
            .messages
            .iter()
            .take_while(|message| matches!(message, Message::Instructions { .. }))
            .count();
        rendered.extend(self.developer(conversation, leading)?);
        let mut names = HashMap::new();
        for message in &conversation.messages[leading..] {
            push_message(message, &mut names, &mut rendered)?;
        }
        Ok(rendered)
    }

    /// The developer message, if there is something to say.
    fn developer(&self, conversation: &Conversation, leading: usize) -> Result<Option<Rendered>> {
        let mut content = DeveloperContent::new();
        let instructions: Vec<&str> = conversation.messages[..leading]
            .iter()
            .filter_map(|message| match message {
                Message::Instructions { content } => Some(content.as_str()),
                _ => None,
            })
            .collect();
        if !instructions.is_empty() {
            content = content.with_instructions(instructions.join("\n\n"));
        }
        let tools = conversation.tools.iter();
        let tools: Vec<ToolDescription> = tools
            .map(|tool| {
                ToolDescription::new(&tool.name, &tool.description, tool.parameters.clone())
            })
            .collect();
        if !tools.is_empty() {
            content = content.with_function_tools(tools);
        }
        let empty = instructions.is_empty() && conversation.tools.is_empty();
        let message = Rendered::from_role_and_content(Role::Developer, content);
        let Some(format) = &conversation.response_format else {
            return Ok((!empty).then_some(message));
        };
        // The crate has no response formats: they are text that the caller appends, of the form
        // that the format's description gives.
        let description = format.description.as_ref().map(|text| format!("// {text}\n"));
        let section = format!(
            "# Response Formats\n\n## {}\n\n{}{}",
            format.name,
            description.unwrap_or_default(),
            format.schema
        );
        if !conversation.tools.is_empty() {
            // The tools must stay what they are, or the system message would not mention them.
            // They end in a word, so the blank line after them is encoded alike in either way.
            return Ok(Some(message.adding_content(format!("\n\n{section}"))));
        }
        let text = if empty { section } else { format!("{}\n\n{section}", self.text(&message)?) };
        Ok(Some(Rendered::from_role_and_content(Role::Developer, text)))
    }

    /// The text that the crate renders a message's content to.
    fn text(&self, message: &Rendered) -> Result<String> {
        let spans = self.spans(&self.0.render(message, None)?)?;
        let text = spans.get(3).and_then(|span| span["text"].as_str());
        Ok(text.context("a message without text")?.to_owned())
    }

    /// Ids of a text in which special tokens are written out.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        self.0.tokenizer().encode_with_special_tokens(text)
    }

    /// A sequence as special tokens and the text between them.
    pub fn spans(&self, ids: &[u32]) -> Result<Vec<Value>> {
        let mut spans = Vec::new();
        for run in ids.chunk_by(|&a, &b| a.max(b) < ORDINARY_TOKENS) {
            let text = self.0.tokenizer().decode_utf8(run)?;
            let key = if run[0] < ORDINARY_TOKENS { "text" } else { "special" };
            spans.push(json!({key: text}));
        }
        Ok(spans)
    }

    /// The messages of a completion.
    pub fn parse(&self, ids: &[u32]) -> Result<Vec<Value>> {
        let ids = ids.iter().copied();
        let messages = self.0.parse_messages_from_completion_tokens(ids, Some(Role::Assistant))?;
        let entry = |message: Rendered| {
            let text: Vec<&str> = message
                .content
                .iter()
                .filter_map(|content| match content {
                    Content::Text(TextContent { text }) => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            json!({
                "author": message.author.name.as_deref().unwrap_or(message.author.role.as_str()),
                "recipient": message.recipient,
                "channel": message.channel,
                "text": text.concat(),
            })
        };
        Ok(messages.into_iter().map(entry).collect())
    }
}

/// Appends the messages of one turn; `names` has the names of the calls so far by id.
fn push_message(
    message: &Message,
    names: &mut HashMap<String, String>,
    rendered: &mut Vec<Rendered>,
) -> Result<()> {
    let said = |channel: &str, text: &str| {
        Rendered::from_role_and_content(Role::Assistant, text).with_channel(channel)
    };
    match message {
        Message::Instructions { content } => {
            let content = DeveloperContent::new().with_instructions(content);
            rendered.push(Rendered::from_role_and_content(Role::Developer, content));
        }
        Message::User { content } => {
            rendered.push(Rendered::from_role_and_content(Role::User, content.as_str()));
        }
        Message::Assistant { reasoning, content, tool_calls } => {
            rendered.extend(reasoning.as_deref().map(|text| said("analysis", text)));
            if !content.is_empty() {
                let channel = if tool_calls.is_empty() { "final" } else { "commentary" };
                rendered.push(said(channel, content));
            }
            for call in tool_calls {
                names.insert(call.id.clone(), call.name.clone());
                rendered.push(
                    said("commentary", &call.arguments)
                        .with_recipient(format!("functions.{}", call.name))
                        .with_content_type("<|constrain|>json"),
                );
            }
        }
        Message::Tool { call_id, content } => {
            let name = names.get(call_id).context("a result of no call")?;
            let author = Author::new(Role::Tool, format!("functions.{name}"));
            rendered.push(
                Rendered::from_author_and_content(author, content.as_str())
                    .with_recipient("assistant")
                    .with_channel("commentary"),
            );
        }
    }
    Ok(())
}
