//! Grammars made ready for a model's vocabulary.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llguidance::api::TopLevelGrammar;
use llguidance::{JsonCompileOptions, Matcher as Parser, ParserFactory};
use serde_json::Value;

use super::arguments::lark;
use super::cache::Cache;
use super::matcher::{Matcher, summary};
use super::numbers::Reader;
use super::vocabulary::Vocabulary;
use super::{Grammar, formats};
use crate::tokenizer::Tokenizer;

/// Bytes of a grammar's text at most.
const MAX_BYTES: usize = 1 << 17;
/// Texts of a choice at most.
const MAX_CHOICES: usize = 1024;
/// White space between two parts of a JSON text: enough to indent, and no endless run of it, into
/// which models fall when they may.
const WHITE_SPACE: &str = r"[\x20\x0A\x0D\x09]{1,40}";
/// States of an answer's lexer at most, of a kilobyte or two.
const MAX_LEXER_STATES: usize = 10_000;
/// Symbols of a grammar's productions at most.
const MAX_SYMBOLS: usize = 100_000;

/// Compiles grammars for a tokenizer's vocabulary and keeps those that were wanted last. What it
/// needs of the vocabulary is made when the first grammar is compiled.
pub struct Grammars {
    tokenizer: Tokenizer,
    ready: OnceLock<Option<Ready>>,
    cache: Cache,
}

/// What all grammars share.
struct Ready {
    vocabulary: Arc<Vocabulary>,
    factory: ParserFactory,
}

/// A compiled grammar.
#[derive(Debug)]
pub struct Compiled {
    /// Before any text.
    start: Mutex<Matcher>,
    vocabulary: Arc<Vocabulary>,
}

/// Why there is no form of that kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrammarError {
    /// More text than grammars may have.
    #[error("has {bytes} bytes; {MAX_BYTES} are the most")]
    TooLong {
        /// Bytes of it.
        bytes: usize,
    },
    /// No choice at all, too many, or an empty one.
    #[error("needs 1 to {MAX_CHOICES} texts that are not empty")]
    Choices,
    /// More functions than one answer may have.
    #[error("has too many functions")]
    TooMany,
    /// A schema of arguments, which are an object.
    #[error("describes no object")]
    NotObject,
    /// It is malformed, uses what is not supported, or is too complex, in llguidance's words.
    #[error("cannot be enforced: {0}")]
    Refused(String),
    /// The model's vocabulary is no vocabulary of text.
    #[error("cannot be enforced with this model's vocabulary")]
    Vocabulary,
}

impl Grammars {
    /// Bytes of a grammar's text at most.
    pub const MAX_BYTES: usize = MAX_BYTES;
    /// Texts of a choice at most.
    pub const MAX_CHOICES: usize = MAX_CHOICES;

    /// Of the model with this tokenizer.
    pub fn new(tokenizer: Tokenizer) -> Self {
        Self { tokenizer, ready: OnceLock::new(), cache: Cache::default() }
    }

    /// Makes ready what all grammars need, for which the first would otherwise wait.
    pub fn prepare(&self) {
        // A vocabulary that is none of text is an error when a grammar is wanted.
        let _ = self.ready();
    }

    /// Compiles a grammar, which takes from under a millisecond to some hundred, unless it is one
    /// of those that were wanted last.
    ///
    /// # Errors
    /// See [`GrammarError`].
    pub fn compile(&self, grammar: &Grammar) -> Result<Arc<Compiled>, GrammarError> {
        let text = text_of(grammar)?;
        if text.len() > MAX_BYTES {
            return Err(GrammarError::TooLong { bytes: text.len() });
        }
        if let Some(compiled) = self.cache.find(&text) {
            return Ok(compiled);
        }
        let ready = self.ready()?;
        let refused = |error| GrammarError::Refused(summary(&error));
        let parser = ready.factory.create_parser(source(grammar)).map_err(refused)?;
        let vocabulary = ready.vocabulary.clone();
        let start = Matcher::new(Parser::new(Ok(parser)), vocabulary.clone(), reader(grammar));
        let compiled = Compiled { start: Mutex::new(start), vocabulary };
        Ok(self.cache.keep(text, Arc::new(compiled)))
    }

    /// The vocabulary that grammars are compiled for.
    pub(super) fn vocabulary(&self) -> Result<Arc<Vocabulary>, GrammarError> {
        self.ready().map(|ready| ready.vocabulary.clone())
    }

    fn ready(&self) -> Result<&Ready, GrammarError> {
        let ready = self.ready.get_or_init(|| Ready::new(&self.tokenizer));
        ready.as_ref().ok_or(GrammarError::Vocabulary)
    }
}

impl Ready {
    fn new(tokenizer: &Tokenizer) -> Option<Self> {
        let vocabulary = Vocabulary::new(tokenizer)?;
        let mut factory = ParserFactory::new_simple(vocabulary.env()).ok()?;
        factory.quiet();
        let limits = factory.limits_mut();
        limits.max_lexer_states = MAX_LEXER_STATES;
        limits.max_grammar_size = MAX_SYMBOLS;
        limits.verbose_errors = false;
        Some(Self { vocabulary, factory })
    }
}

impl Compiled {
    /// A text that is to have this form, before it begins.
    pub(super) fn begin(&self) -> Matcher {
        self.start.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The vocabulary that it was made for.
    pub(super) fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }
}

impl fmt::Debug for Grammars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grammars").field("cache", &self.cache).finish_non_exhaustive()
    }
}

/// What tells a grammar from all others.
fn text_of(grammar: &Grammar) -> Result<String, GrammarError> {
    Ok(match grammar {
        Grammar::Json(schema) => format!("json {schema}"),
        Grammar::Regex(regex) => format!("regex {regex}"),
        Grammar::Lark(lark) => format!("lark {lark}"),
        Grammar::Choice(texts) => {
            if !(1..=MAX_CHOICES).contains(&texts.len()) || texts.iter().any(String::is_empty) {
                return Err(GrammarError::Choices);
            }
            format!("lark {}", choice(texts))
        }
        Grammar::Call { functions, arguments, begun } => {
            format!("lark {}", lark(functions, arguments, *begun))
        }
    })
}

/// What reads a text of this form, if it is JSON.
fn reader(grammar: &Grammar) -> Option<Reader> {
    match grammar {
        Grammar::Json(_) => Some(Reader::Outside),
        Grammar::Call { begun, .. } => Some(if *begun { Reader::String } else { Reader::Outside }),
        Grammar::Regex(_) | Grammar::Choice(_) | Grammar::Lark(_) => None,
    }
}

/// The grammar as llguidance takes it.
fn source(grammar: &Grammar) -> TopLevelGrammar {
    match grammar {
        Grammar::Json(schema) => TopLevelGrammar::from_json_schema(with_options(schema)),
        Grammar::Regex(regex) => TopLevelGrammar::from_regex(regex),
        Grammar::Choice(texts) => TopLevelGrammar::from_lark(choice(texts)),
        Grammar::Lark(lark) => TopLevelGrammar::from_lark(lark.clone()),
        Grammar::Call { functions, arguments, begun } => {
            TopLevelGrammar::from_lark(lark(functions, arguments, *begun))
        }
    }
}

/// The schema with formats that are narrower, and with our options of how to write JSON in the place
/// of any that it came with.
pub(super) fn with_options(schema: &Value) -> Value {
    let options = JsonCompileOptions {
        whitespace_pattern: Some(WHITE_SPACE.to_owned()),
        ..JsonCompileOptions::default()
    };
    let mut schema = schema.clone();
    formats::narrow(&mut schema);
    if schema.is_object() {
        options.apply_to(&mut schema);
    }
    schema
}

/// A grammar in Lark's notation, whose strings are JSON's.
fn choice(texts: &[String]) -> String {
    let quoted: Vec<String> =
        texts.iter().map(|text| Value::from(text.as_str()).to_string()).collect();
    format!("start: {}", quoted.join(" | "))
}
