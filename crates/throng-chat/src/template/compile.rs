//! From a template's source to a program, and what it may use.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Kwargs;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::{float, json, padding};
use crate::chat::ChatError;

/// The program's name, as errors call it.
pub(super) const NAME: &str = "chat template";
/// Bytes of source at most.
const MAX_SOURCE_BYTES: usize = 1 << 20;
/// Instructions that one rendering may take: some thousand messages and some tenths of a second.
const FUEL: u64 = 5_000_000;
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
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    let syntax = syntax.map_err(|error| ChatError::Template(error.to_string()))?;
    let mut environment = Environment::new();
    environment.set_syntax(syntax);
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_RECURSION);
    environment.set_unknown_method_callback(padding::method);
    environment.set_formatter(|out, state, value| match f64::try_from(value.clone()) {
        Ok(number) if value.is_number() && !value.is_integer() => {
            out.write_str(&float::repr(number)).map_err(Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    });
    environment.remove_global("debug");
    environment.add_filter("tojson", |value: Value, options: Kwargs| json::tojson(&value, options));
    environment.add_filter("indent", padding::indent);
    environment.add_filter("format", padding::format);
    environment.add_function("raise_exception", |message: String| {
        let refusal = Error::new(ErrorKind::InvalidOperation, "raise_exception");
        Err::<String, _>(refusal.with_source(Raised(message)))
    });
    environment
        .add_template_owned(NAME, without_generation_tags(source))
        .map_err(|error| ChatError::Template(error.to_string()))?;
    Ok(environment)
}

/// `{% generation %}` marks what a model is trained on and means nothing here: it becomes a
/// condition that always holds, so that white space around it is treated alike.
fn without_generation_tags(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let (before, tag) = rest.split_at(start + 2);
        out.push_str(before);
        let Some(end) = tag.find("%}") else {
            rest = tag;
            continue;
        };
        let inner = &tag[..end];
        let word = inner.trim_matches(['-', '+']).trim();
        match word {
            "generation" => out.push_str(&inner.replace(word, "if true")),
            "endgeneration" => out.push_str(&inner.replace(word, "endif")),
            _ => {
                rest = tag;
                continue;
            }
        }
        rest = &tag[end..];
    }
    out.push_str(rest);
    out
}
