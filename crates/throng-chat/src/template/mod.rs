//! Chat templates: the Jinja programs with which models' makers write a conversation as text, in
//! the dialect of HF transformers (`apply_chat_template`).
//!
//! The text that a template writes is split at the added tokens that it names, and what is between
//! them is encoded as ordinary text. What users said cannot name a token: see [`guard`].

mod bounds;
mod compile;
mod context;
mod float;
mod guard;
mod json;
mod lexer;
mod padding;
mod rendered;
mod renderer;
mod rewrite;

pub use context::OWN_VARIABLES;
pub use rendered::encode_rendered;
pub(crate) use renderer::Renderer;

/// A chat template as it comes with a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Jinja source.
    pub source: String,
    /// What `bos_token` stands for in it.
    pub bos_token: Option<String>,
    /// What `eos_token` stands for in it; it ends an answer too.
    pub eos_token: Option<String>,
}
