//! Answers that are held to a form: a JSON schema, a regular expression, one of several texts, a
//! context-free grammar.
//!
//! A [`Grammar`] is what someone asks for. [`Grammars`] compiles it for a model's vocabulary, and
//! keeps what it compiled. A [`Form`] is a compiled grammar together with where it applies in an
//! answer: to what the person reads, not to headers, thoughts or calls (`frame.rs`). A [`Formed`] is
//! one answer on its way: it says which tokens may come next. The parsing is llguidance's: Earley's
//! algorithm over a lexer of regular expressions' derivatives, run down a trie of the vocabulary.

mod cache;
mod compile;
mod formed;
mod frame;
mod matcher;
mod phase;
mod vocabulary;
mod ways;

pub use compile::{Compiled, GrammarError, Grammars};
pub use formed::{Form, FormError, Formed};

use serde_json::Value;

/// A form that a text may have.
#[derive(Clone, Debug, PartialEq)]
pub enum Grammar {
    /// JSON that a schema, which is an object, accepts.
    Json(Value),
    /// All of the text matches, in the syntax of Rust's `regex`.
    Regex(String),
    /// One of these texts.
    Choice(Vec<String>),
    /// A context-free grammar in llguidance's dialect of Lark's notation.
    Lark(String),
}

impl Grammar {
    /// Any JSON object.
    pub fn json_object() -> Self {
        Self::Json(serde_json::json!({ "type": "object" }))
    }
}
