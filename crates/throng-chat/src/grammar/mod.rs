//! Answers that are held to a form: a JSON schema, a regular expression, one of several texts, a
//! context-free grammar, a call of a function.
//!
//! A [`Grammar`] is what a text may have to be. [`Grammars`] compiles it for a model's vocabulary, and
//! keeps what it compiled. A [`Demand`] says what someone wants of an answer, and a [`Form`] is that
//! made ready: compiled grammars, and where each applies (`frame.rs`). A [`Formed`] is one answer on
//! its way: it says which tokens may come next. The parsing is llguidance's: Earley's algorithm over a
//! lexer of regular expressions' derivatives, run down a trie of the vocabulary.

mod arguments;
mod bounds;
mod cache;
mod compile;
mod demand;
mod form;
mod formats;
mod formed;
mod frame;
mod harmony;
mod matcher;
mod numbers;
mod phase;
mod place;
mod plan;
mod tagged;
mod vocabulary;
mod ways;

pub use compile::{Compiled, GrammarError, Grammars};
pub use demand::{Calls, Demand, DemandError, Function};
pub use form::{Form, FormError};
pub use formed::Formed;

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
    /// A JSON object that names a function and gives its arguments.
    Call {
        /// The functions, at least one: their names, and schemas of their arguments.
        functions: Vec<(String, Value)>,
        /// What the arguments are called.
        arguments: &'static str,
        /// The text begins behind the quotation mark before the function's name.
        begun: bool,
    },
}

impl Grammar {
    /// Any JSON object.
    pub fn json_object() -> Self {
        Self::Json(serde_json::json!({ "type": "object" }))
    }
}
