//! From a template's source to a program, and what it may use.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::rewrite::{Rewritten, rewrite};
use super::{bounds, json};
use crate::chat::ChatError;

/// The program's name, as errors call it.
pub(super) const NAME: &str = "chat template";
/// Bytes of source at most.
const MAX_SOURCE_BYTES: usize = 1 << 20;
/// Instructions that one rendering may take: some thousand messages and some tenths of a second.
const FUEL: u64 = 5_000_000;
/// Bytes of the template's own text that one rendering may write.
const MAX_TEXT_BYTES: u64 = 2 << 30;
/// Nesting of loops, macros and inclusions at run time. A macro counts five.
const MAX_RECURSION: usize = 250;

/// A template's own refusal of a conversation: `raise_exception`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Raised(pub(super) String);

/// Compiles a template with the settings and functions that transformers gives it.
pub(super) fn compile(source: &str) -> Result<Environment<'static>, ChatError> {
    if source.len() > MAX_SOURCE_BYTES {
        return Err(ChatError::Template(format!("it has more than {MAX_SOURCE_BYTES} bytes")));
    }
    let Rewritten { source: rewritten, longest_text } = rewrite(source)?;
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    let syntax = syntax.map_err(|error| ChatError::Template(error.to_string()))?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_debug(true);
    // A text between tags costs one instruction, however long it is.
    let fuel = FUEL.min(MAX_TEXT_BYTES / (longest_text as u64 + 1));
    environment.set_fuel(Some(fuel));
    environment.set_recursion_limit(MAX_RECURSION);
    bounds::install(&mut environment);
    environment.add_filter("tojson", |value: Value, options: Kwargs| json::tojson(&value, options));
    // To Python, nothing is no list; to the engine, it is an empty one.
    environment.add_test("iterable", |value: &Value| !value.is_none() && value.try_iter().is_ok());
    environment.add_function("raise_exception", |message: String| {
        let refusal = Error::new(ErrorKind::InvalidOperation, "raise_exception");
        Err::<String, _>(refusal.with_source(Raised(message)))
    });
    environment
        .add_template_owned(NAME, rewritten)
        .map_err(|error| ChatError::Template(error.to_string()))?;
    Ok(environment)
}
