//! Conversations as the golden files write them.

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub struct Conversation {
    pub messages: Vec<Message>,
    #[serde(default)]
    pub tools: Vec<Tool>,
    pub response_format: Option<ResponseFormat>,
    pub effort: Option<String>,
    pub date: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "role")]
pub enum Message {
    Instructions {
        content: String,
    },
    User {
        content: String,
    },
    Assistant {
        reasoning: Option<String>,
        #[serde(default)]
        content: String,
        #[serde(default)]
        tool_calls: Vec<ToolCall>,
    },
    Tool {
        call_id: String,
        content: String,
    },
}

#[derive(Deserialize)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    pub arguments: String,
}

#[derive(Deserialize)]
pub struct Tool {
    pub name: String,
    #[serde(default)]
    pub description: String,
    pub parameters: Option<Value>,
}

#[derive(Deserialize)]
pub struct ResponseFormat {
    pub name: String,
    pub description: Option<String>,
    pub schema: Value,
}
