//! A conversation as templates see it: the values that transformers gives them.

use std::collections::HashMap;

use jiff::civil;
use minijinja::{Error, ErrorKind, Value};
use serde_json::Value as Json;

use super::Template;
use super::guard::Guard;
use crate::chat::ChatError;
use crate::conversation::{Conversation, Effort, Message, Tool, ToolCall};
use crate::harmony;

/// The switch of Qwen3 and others that can do without thinking.
pub(super) const THINKING: &str = "enable_thinking";

/// What a conversation consists of, by the names that templates have for it. No
/// [`Conversation::template_variables`] take their place.
pub const OWN_VARIABLES: [&str; 7] = [
    "messages",
    "tools",
    "documents",
    "add_generation_prompt",
    "bos_token",
    "eos_token",
    "strftime_now",
];

/// Everything that a template can look up; `asks` for the model's next turn, or not.
pub(super) fn context(
    conversation: &Conversation,
    template: &Template,
    guard: &Guard,
    asks: bool,
) -> Result<Value, ChatError> {
    let builder = Builder { guard };
    let mut members = vec![
        ("messages", builder.messages(conversation)),
        ("tools", builder.tools(&conversation.tools)),
        ("documents", Value::from(())),
        ("add_generation_prompt", Value::from(asks)),
        ("bos_token", Value::from(template.bos_token.as_deref().unwrap_or_default())),
        ("eos_token", Value::from(template.eos_token.as_deref().unwrap_or_default())),
    ];
    if conversation.effort == Effort::Low {
        members.push((THINKING, Value::from(false)));
    }
    // What a client says itself goes before that, and after what a conversation consists of.
    let said = conversation.template_variables.iter();
    let said: Vec<(&str, Value)> = said
        .filter(|(name, _)| !OWN_VARIABLES.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), builder.json(value)))
        .collect();
    members.retain(|(name, _)| said.iter().all(|(other, _)| name != other));
    members.extend(said);
    if let Some(text) = &conversation.date {
        let date: civil::Date = text.parse().map_err(|_| ChatError::InvalidDate(text.clone()))?;
        let now = move |format: &str| strftime(date, format);
        members.push(("strftime_now", Value::from_function(now)));
    }
    Ok(Value::from_pairs(members))
}

/// Python's `strftime` for the beginning of a day.
fn strftime(date: civil::Date, format: &str) -> Result<String, Error> {
    jiff::fmt::strtime::format(format, date.at(0, 0, 0, 0))
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("strftime_now: {error}")))
}

/// Makes values of which every text that users chose is guarded.
struct Builder<'a> {
    guard: &'a Guard,
}

impl Builder<'_> {
    fn text(&self, text: &str) -> Value {
        Value::from(self.guard.text(text))
    }

    /// Instructions at the beginning are one message, and the form of the answer is part of it:
    /// many templates refuse a second one.
    fn messages(&self, conversation: &Conversation) -> Value {
        let messages = &conversation.messages;
        let mut system: Vec<String> = Vec::new();
        let mut rest = messages.as_slice();
        while let [Message::Instructions(text), after @ ..] = rest {
            system.push(text.clone());
            rest = after;
        }
        system.retain(|text| !text.is_empty());
        system.extend(conversation.response_format.as_ref().map(harmony::response_format));
        let mut values = Vec::with_capacity(rest.len() + 1);
        if !system.is_empty() {
            values.push(self.said("system", &system.join("\n\n")));
        }
        let mut names: HashMap<&str, &str> = HashMap::new();
        for message in rest {
            values.push(match message {
                Message::Instructions(text) => self.said("system", text),
                Message::User(text) => self.said("user", text),
                Message::Assistant { reasoning, content, tool_calls } => {
                    names.extend(tool_calls.iter().map(|call| (&*call.id, &*call.name)));
                    self.turn(reasoning.as_deref(), content, tool_calls)
                }
                Message::ToolResult { call_id, content } => {
                    let name = names.get(call_id.as_str()).map(|name| ("name", self.text(name)));
                    let id = ("tool_call_id", self.text(call_id));
                    let said = [("role", Value::from("tool")), ("content", self.text(content))];
                    Value::from_pairs(said.into_iter().chain([id]).chain(name))
                }
            });
        }
        Value::from(values)
    }

    fn said(&self, role: &str, content: &str) -> Value {
        Value::from_pairs([("role", Value::from(role)), ("content", self.text(content))])
    }

    fn turn(&self, reasoning: Option<&str>, content: &str, calls: &[ToolCall]) -> Value {
        let mut members = vec![("role", Value::from("assistant")), ("content", self.text(content))];
        if let Some(reasoning) = reasoning {
            // Templates know it by either name.
            members.push(("reasoning_content", self.text(reasoning)));
            members.push(("thinking", self.text(reasoning)));
        }
        if !calls.is_empty() {
            let calls: Vec<Value> = calls.iter().map(|call| self.call(call)).collect();
            members.push(("tool_calls", Value::from(calls)));
        }
        Value::from_pairs(members)
    }

    fn call(&self, call: &ToolCall) -> Value {
        let function = Value::from_pairs([
            ("name", self.text(&call.name)),
            ("arguments", self.arguments(&call.arguments)),
        ]);
        Value::from_pairs([
            ("id", self.text(&call.id)),
            ("type", Value::from("function")),
            ("function", function),
        ])
    }

    /// Arguments as a value, so that templates can take them apart; as text where they are none.
    fn arguments(&self, text: &str) -> Value {
        match serde_json::from_str(text) {
            Ok(Json::String(_)) | Err(_) => self.text(text),
            Ok(value) => self.json(&value),
        }
    }

    /// Functions in the form of OpenAI's API; none at all is Python's `None`.
    fn tools(&self, tools: &[Tool]) -> Value {
        if tools.is_empty() {
            return Value::from(());
        }
        let tool = |tool: &Tool| {
            let mut function = vec![("name", self.text(&tool.name))];
            let description = tool.description.as_deref();
            function.extend(description.map(|text| ("description", self.text(text))));
            let parameters = tool.parameters.as_ref();
            function.extend(parameters.map(|schema| ("parameters", self.json(schema))));
            let function = Value::from_pairs(function);
            Value::from_pairs([("type", Value::from("function")), ("function", function)])
        };
        Value::from(tools.iter().map(tool).collect::<Vec<_>>())
    }

    fn json(&self, value: &Json) -> Value {
        match value {
            Json::Null => Value::from(()),
            Json::Bool(value) => Value::from(*value),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Value::from(number),
                (None, Some(number)) => Value::from(number),
                (None, None) => Value::from(number.as_f64().unwrap_or(f64::NAN)),
            },
            Json::String(text) => self.text(text),
            Json::Array(items) => {
                Value::from(items.iter().map(|item| self.json(item)).collect::<Vec<_>>())
            }
            Json::Object(members) => Value::from_pairs(
                members.iter().map(|(key, value)| (self.guard.text(key), self.json(value))),
            ),
        }
    }
}
