//! Conversations to token ids and back: tokenizer, Harmony, chat templates, tool calls, stop strings.
//! Nothing here knows about HTTP or batches.
//!
//! The way of a request: [`Chat::render`] makes the prompt of a [`Conversation`], the engine
//! continues it until one of [`Chat::stop_tokens`], and a [`Reply`] turns the tokens of the answer
//! into [`Delta`]s as they come. Raw completions need a [`Tokenizer`] and [`Reply::plain`] only.

mod chat;
mod conversation;
mod delta;
mod grammar;
mod harmony;
mod predicted;
mod prompt;
mod reply;
mod stop;
mod tagged;
mod template;
mod tokenizer;

pub use chat::{Chat, ChatError};
pub use conversation::{
    Conversation, Effort, Message, ResponseFormat, Tool, ToolCall, UnknownEffort,
};
pub use delta::Delta;
pub use grammar::{
    Calls, Compiled, Demand, DemandError, Form, FormError, Formed, Function, Grammar, GrammarError,
    Grammars,
};
pub use predicted::Predicted;
pub use prompt::{Opening, Prompt};
pub use reply::Reply;
pub use stop::Stops;
pub use template::{OWN_VARIABLES, Template, encode_rendered};
pub use tokenizer::{Detokenizer, Tokenizer, TokenizerError};
