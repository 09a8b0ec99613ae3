//! A conversation as every API writes it, before any format turns it into tokens.

use serde_json::{Map, Value};

/// What a model is asked to continue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conversation {
    /// The turns, oldest first.
    pub messages: Vec<Message>,
    /// Functions that the model may call.
    pub tools: Vec<Tool>,
    /// The form that the answer must have.
    pub response_format: Option<ResponseFormat>,
    /// How long to think.
    pub effort: Effort,
    /// The day that the model believes it is, `YYYY-MM-DD`; `None` leaves it out.
    pub date: Option<String>,
    /// What the model's chat template may look up beside all that. Harmony has none.
    pub template_variables: Map<String, Value>,
}

/// One turn.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Instructions of the application (APIs call this role `system` or `developer`).
    Instructions(String),
    /// The person.
    User(String),
    /// The model's earlier turn.
    Assistant {
        /// What it thought.
        reasoning: Option<String>,
        /// What it answered; may be empty beside tool calls.
        content: String,
        /// What it called.
        tool_calls: Vec<ToolCall>,
    },
    /// What a called function returned.
    ToolResult {
        /// The id of the call that it answers.
        call_id: String,
        /// The result, as text.
        content: String,
    },
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Letters, digits, `_`, `-` and `.`.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON schema of its arguments.
    pub parameters: Option<Value>,
}

/// A call that the model made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    /// Unique within the conversation.
    pub id: String,
    /// The function's name.
    pub name: String,
    /// Its arguments: JSON text as the model wrote it, valid or not.
    pub arguments: String,
}

/// The form that an answer must have.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseFormat {
    /// The schema's name.
    pub name: String,
    /// What it describes.
    pub description: Option<String>,
    /// The JSON schema.
    pub schema: Value,
}

/// How long a model thinks before it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// Little or not at all.
    Low,
    /// The default.
    #[default]
    Medium,
    /// As long as it takes.
    High,
}

impl Effort {
    /// All, from the least.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];

    /// OpenAI's words for efforts, which are more than models have: those below `low` are the least
    /// that there is, and those above `high` the most.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("none", Self::Low),
        ("minimal", Self::Low),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("xhigh", Self::High),
    ];

    /// The word for it in prompts, flags and APIs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl std::str::FromStr for Effort {
    type Err = UnknownEffort;

    /// By any of [`Effort::WORDS`].
    fn from_str(text: &str) -> Result<Self, UnknownEffort> {
        let known = Self::WORDS.into_iter().find(|(word, _)| *word == text);
        known.map(|(_, effort)| effort).ok_or_else(|| UnknownEffort(text.to_owned()))
    }
}

/// An effort with another name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown reasoning effort {0:?}: it is none, minimal, low, medium, high or xhigh")]
pub struct UnknownEffort(pub String);
