//! Harmony, the format of the gpt-oss models: a conversation is a sequence of messages
//! `<|start|>AUTHOR to=RECIPIENT<|channel|>CHANNEL <|constrain|>FORM<|message|>TEXT<|end|>`, all
//! but the author and the text optional. Specified in OpenAI's "Harmony response format"; how headers
//! are read that are not as specified is in `HARMONY.md`.

mod developer;
mod header;
mod parser;
mod render;
mod scan;
mod spelled;
mod system;
mod tokens;
mod typescript;
mod words;

pub(crate) use developer::response_format;
pub(crate) use parser::Parser;
pub(crate) use render::{answer_headers, render, render_history};
pub(crate) use tokens::Tokens;
