//! Items to the turns of a conversation.

use std::sync::Arc;

use throng_chat::{Message, ToolCall};

use super::item::{Item, Kind, Role};

/// What the items say, turn by turn. Neighbouring items of the model's own are one turn: what it
/// thought, then what it said and what it called. So a chat format sees thoughts beside the calls
/// that they led to, and keeps or drops them by its own rules.
pub(super) fn messages<'a>(items: impl IntoIterator<Item = &'a Arc<Item>>) -> Vec<Message> {
    let mut turns = Turns::default();
    for item in items {
        turns.add(&item.kind);
    }
    turns.end_turn();
    turns.messages
}

#[derive(Default)]
struct Turns {
    messages: Vec<Message>,
    /// The model's turn so far.
    reasoning: Vec<String>,
    content: String,
    calls: Vec<ToolCall>,
}

impl Turns {
    fn add(&mut self, kind: &Kind) {
        match kind {
            Kind::Reasoning(text) => {
                // A thought after a call whose result is not there belongs to what comes next.
                if !self.calls.is_empty() {
                    self.end_turn();
                }
                if !text.is_empty() {
                    self.reasoning.push(text.clone());
                }
            }
            Kind::Message { role: Role::Assistant, text, .. } => {
                if !self.content.is_empty() || !self.calls.is_empty() {
                    self.end_turn();
                }
                self.content.clone_from(text);
            }
            Kind::Call(call) => self.calls.push(call.clone()),
            Kind::Message { role, text, .. } => {
                self.end_turn();
                self.messages.push(match role {
                    Role::System | Role::Developer => Message::Instructions(text.clone()),
                    Role::User | Role::Assistant => Message::User(text.clone()),
                });
            }
            Kind::CallOutput { call_id, output } => {
                self.end_turn();
                let (call_id, content) = (call_id.clone(), output.clone());
                self.messages.push(Message::ToolResult { call_id, content });
            }
        }
    }

    fn end_turn(&mut self) {
        let reasoning = std::mem::take(&mut self.reasoning).join("\n");
        let content = std::mem::take(&mut self.content);
        let tool_calls = std::mem::take(&mut self.calls);
        if reasoning.is_empty() && content.is_empty() && tool_calls.is_empty() {
            return;
        }
        let reasoning = Some(reasoning).filter(|text| !text.is_empty());
        self.messages.push(Message::Assistant { reasoning, content, tool_calls });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use throng_chat::{Message, ToolCall};

    use super::messages;
    use crate::responses::item::{Item, Kind, Role};

    fn said(role: Role, text: &str) -> Kind {
        Kind::Message { role, text: text.to_owned(), logprobs: Vec::new() }
    }

    fn thought(text: &str) -> Kind {
        Kind::Reasoning(text.to_owned())
    }

    fn call(id: &str) -> ToolCall {
        ToolCall { id: id.to_owned(), name: "f".to_owned(), arguments: "{}".to_owned() }
    }

    fn result(id: &str) -> Kind {
        Kind::CallOutput { call_id: id.to_owned(), output: "5".to_owned() }
    }

    fn turn(reasoning: Option<&str>, content: &str, tool_calls: Vec<ToolCall>) -> Message {
        let reasoning = reasoning.map(str::to_owned);
        Message::Assistant { reasoning, content: content.to_owned(), tool_calls }
    }

    fn check(kinds: Vec<Kind>, wanted: &[Message]) {
        let items: Vec<Arc<Item>> =
            kinds.into_iter().map(|kind| Arc::new(Item::whole(None, kind))).collect();
        assert_eq!(messages(&items), wanted);
    }

    #[test]
    fn a_thought_stays_beside_the_calls_that_it_led_to() {
        let returned =
            |id: &str| Message::ToolResult { call_id: id.to_owned(), content: "5".to_owned() };
        check(
            vec![
                said(Role::Developer, "Be brief."),
                said(Role::User, "x"),
                thought("a"),
                said(Role::Assistant, "One moment."),
                Kind::Call(call("1")),
                Kind::Call(call("2")),
                result("1"),
                result("2"),
                thought("b"),
                said(Role::Assistant, "Done."),
                said(Role::User, "y"),
            ],
            &[
                Message::Instructions("Be brief.".to_owned()),
                Message::User("x".to_owned()),
                turn(Some("a"), "One moment.", vec![call("1"), call("2")]),
                returned("1"),
                returned("2"),
                turn(Some("b"), "Done.", Vec::new()),
                Message::User("y".to_owned()),
            ],
        );
    }

    #[test]
    fn what_comes_in_no_usual_order_loses_nothing() {
        check(
            vec![
                said(Role::Assistant, "One."),
                said(Role::Assistant, "Two."),
                thought("a"),
                thought("b"),
                Kind::Call(call("1")),
                thought("c"),
                said(Role::Assistant, ""),
                thought("d"),
            ],
            &[
                turn(None, "One.", Vec::new()),
                turn(Some("a\nb"), "Two.", vec![call("1")]),
                turn(Some("c\nd"), "", Vec::new()),
            ],
        );
    }
}
