//! The developer message: the application's instructions, its functions, the form of answers.

use super::typescript;
use crate::conversation::{Conversation, ResponseFormat, Tool};

/// Text of the developer message; `None` if there is nothing to say. Sections, in this order:
/// `# Instructions`, `# Tools`, `# Response Formats`.
pub(super) fn text(instructions: &str, conversation: &Conversation) -> Option<String> {
    let mut sections = Vec::new();
    if !instructions.is_empty() {
        sections.push(self::instructions(instructions));
    }
    if !conversation.tools.is_empty() {
        sections.push(tools(&conversation.tools));
    }
    if let Some(format) = &conversation.response_format {
        sections.push(response_format(format));
    }
    (!sections.is_empty()).then(|| sections.join("\n\n"))
}

/// The section of instructions.
pub(super) fn instructions(text: &str) -> String {
    format!("# Instructions\n\n{text}")
}

/// The functions as a TypeScript namespace, the notation that gpt-oss was trained on.
fn tools(tools: &[Tool]) -> String {
    let mut text = String::from("# Tools\n\n## functions\n\nnamespace functions {\n");
    for tool in tools {
        text.push('\n');
        for line in tool.description.iter().flat_map(|description| description.lines()) {
            text.push_str(&format!("// {line}\n"));
        }
        let name = &tool.name;
        match &tool.parameters {
            Some(schema) => {
                let parameters = typescript::render(schema);
                text.push_str(&format!("type {name} = (_: {parameters}) => any;\n"));
            }
            None => text.push_str(&format!("type {name} = () => any;\n")),
        }
    }
    text.push_str("\n} // namespace functions");
    text
}

/// The form that answers must have.
pub(crate) fn response_format(format: &ResponseFormat) -> String {
    let mut text = format!("# Response Formats\n\n## {}\n\n", format.name);
    if let Some(description) = &format.description {
        for line in description.lines() {
            text.push_str(&format!("// {line}\n"));
        }
    }
    text.push_str(&format.schema.to_string());
    text
}
