//! What an answer is held to, made ready for a model.

use std::sync::Arc;

use super::compile::{Compiled, GrammarError, Grammars};
use super::demand::{Demand, DemandError};
use super::formed::Formed;
use super::frame::Frame;
use super::plan::{Plan, schemas};
use super::vocabulary::Vocabulary;
use super::{Grammar, arguments, harmony, tagged};
use crate::chat::{Chat, Format};
use crate::prompt::Opening;
use crate::tagged::{CallStyle, Tags};
use crate::tokenizer::Tokenizer;

/// Functions of a demand at most.
const MAX_FUNCTIONS: usize = 1024;

/// Grammars, and where in an answer each applies. Clones share them.
#[derive(Clone, Debug)]
pub struct Form {
    pub(super) grammars: Arc<[Arc<Compiled>]>,
    pub(super) frame: Arc<Frame>,
    pub(super) vocabulary: Arc<Vocabulary>,
    /// Tokens that end an answer.
    pub(super) ends: Arc<[u32]>,
}

/// Why an answer cannot be held to a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// None of the tokens that are to end an answer is one of the model's.
    #[error("no token of the model ends an answer")]
    NoEnd,
    /// The grammar is too complex, or allows no token of the model's; in llguidance's words.
    #[error("{0}")]
    Grammar(String),
    /// A token that was not allowed.
    #[error("token {0} may not come here")]
    NotAllowed(u32),
}

impl Form {
    /// For the answers to a prompt that `chat` has rendered, with the opening that it came with;
    /// `ends`: tokens that end an answer. `None` if any answer will do. The model may think before,
    /// whatever is demanded.
    ///
    /// # Errors
    /// See [`DemandError`].
    pub fn of_answer(
        grammars: &Grammars,
        chat: &Chat,
        opening: Opening,
        demand: &Demand,
        ends: &[u32],
    ) -> Result<Option<Self>, DemandError> {
        if demand.calls.functions.len() > MAX_FUNCTIONS {
            return Err(DemandError::Calls(GrammarError::TooMany));
        }
        match chat.format() {
            Format::Harmony(_) if !demand.holds_harmony() => Ok(None),
            Format::Harmony(tokens) => {
                let mut plan = Plan::new(grammars, demand)?;
                let schemas = schemas(grammars, demand)?;
                for (function, schema) in demand.calls.functions.iter().zip(schemas) {
                    let schema = schema.or_else(|| demand.headers.then(arguments::any));
                    let arguments = schema.map(|schema| grammars.compile(&Grammar::Json(schema)));
                    let arguments = arguments.transpose().map_err(DemandError::Calls)?;
                    let arguments = arguments.map(|compiled| plan.add(compiled));
                    plan.calls.push((function.name.clone(), arguments));
                }
                let frame = harmony::frame(tokens, &plan);
                // What ends a call ends nothing else.
                let ends = ends.iter().copied().filter(|&id| id != tokens.call);
                Ok(Some(Self::new(grammars, plan.grammars, frame, ends)?))
            }
            Format::Template(renderer) => {
                Self::tagged(grammars, renderer.tags(), opening, demand, ends, chat.tokenizer())
            }
        }
    }

    fn tagged(
        grammars: &Grammars,
        tags: Tags,
        opening: Opening,
        demand: &Demand,
        ends: &[u32],
        tokenizer: &Tokenizer,
    ) -> Result<Option<Self>, DemandError> {
        let formed = demand.content.is_some();
        let style = match tags.calls {
            None if demand.calls.required => return Err(DemandError::NoCalls),
            _ if demand.calls.functions.is_empty() => None,
            // Nothing would tell a call from a text that is JSON.
            Some(CallStyle::Json) if formed && !demand.calls.required => None,
            style => style,
        };
        let held = formed || demand.holds_calls() || demand.calls.single;
        let Some(style) = style.filter(|_| held) else {
            if !formed {
                return Ok(None);
            }
            let plan = Plan::new(grammars, demand)?;
            let frame = tagged::frame(tags, opening, &plan, None, tokenizer);
            return Ok(Some(Self::new(grammars, plan.grammars, frame, ends.iter().copied())?));
        };
        let mut plan = Plan::new(grammars, demand)?;
        let schemas = schemas(grammars, demand)?.into_iter();
        let names = demand.calls.functions.iter().map(|function| function.name.clone());
        let call = Grammar::Call {
            functions: names.zip(schemas.map(|it| it.unwrap_or_else(arguments::any))).collect(),
            arguments: style.arguments(),
            begun: style == CallStyle::Json && !demand.calls.required,
        };
        let call = plan.add(grammars.compile(&call).map_err(DemandError::Calls)?);
        let frame = tagged::frame(tags, opening, &plan, Some(call), tokenizer);
        Ok(Some(Self::new(grammars, plan.grammars, frame, ends.iter().copied())?))
    }

    /// For continuations of a raw text, all of which has the form.
    ///
    /// # Errors
    /// [`FormError::NoEnd`].
    pub fn of_text(grammar: Arc<Compiled>, ends: &[u32]) -> Result<Self, FormError> {
        let vocabulary = grammar.vocabulary().clone();
        Self::with(vocabulary, vec![grammar], Frame::plain(), ends.iter().copied())
    }

    fn new(
        grammars: &Grammars,
        compiled: Vec<Arc<Compiled>>,
        frame: Frame,
        ends: impl Iterator<Item = u32>,
    ) -> Result<Self, DemandError> {
        let vocabulary = grammars.vocabulary().map_err(DemandError::Calls)?;
        Ok(Self::with(vocabulary, compiled, frame, ends)?)
    }

    fn with(
        vocabulary: Arc<Vocabulary>,
        grammars: Vec<Arc<Compiled>>,
        frame: Frame,
        ends: impl Iterator<Item = u32>,
    ) -> Result<Self, FormError> {
        let ends: Arc<[u32]> = ends.filter(|&id| id < vocabulary.end()).collect();
        if ends.is_empty() {
            return Err(FormError::NoEnd);
        }
        Ok(Self { grammars: grammars.into(), frame: Arc::new(frame), vocabulary, ends })
    }

    /// An answer before its first token.
    pub fn begin(&self) -> Formed {
        Formed::new(self.clone())
    }
}
