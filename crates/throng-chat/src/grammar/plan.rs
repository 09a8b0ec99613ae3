//! A demand with its grammars compiled.

use std::sync::Arc;

use serde_json::Value;

use super::compile::{Compiled, Grammars};
use super::demand::{Demand, DemandError, Function};
use super::{Grammar, arguments};

/// What an answer consists of; grammars by their numbers among `grammars`.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) grammars: Vec<Arc<Compiled>>,
    /// The form of the content; `None`: any.
    pub(super) content: Option<usize>,
    /// Whether that is JSON.
    pub(super) json: bool,
    /// Names of functions, each with the form of its arguments; `None`: any.
    pub(super) calls: Vec<(String, Option<usize>)>,
    /// Whether there must be a call.
    pub(super) required: bool,
    /// Whether there may be only one.
    pub(super) single: bool,
}

impl Plan {
    /// Compiles the form of the content.
    pub(super) fn new(grammars: &Grammars, demand: &Demand) -> Result<Self, DemandError> {
        let calls = &demand.calls;
        let mut plan = Self { required: calls.required, single: calls.single, ..Self::default() };
        if let Some(content) = &demand.content {
            let compiled = grammars.compile(content).map_err(DemandError::Content)?;
            plan.json = matches!(content, Grammar::Json(_));
            plan.content = Some(plan.add(compiled));
        }
        Ok(plan)
    }

    /// Adds a grammar and gives its number.
    pub(super) fn add(&mut self, grammar: Arc<Compiled>) -> usize {
        self.grammars.push(grammar);
        self.grammars.len() - 1
    }
}

/// The schemas that the arguments of calls are held to; `None`: to none. A strict function's must be
/// one that can be enforced; where a call is forced, the others' are if they can be.
pub(super) fn schemas(
    grammars: &Grammars,
    demand: &Demand,
) -> Result<Vec<Option<Value>>, DemandError> {
    let schema = |function: &Function| {
        if !function.strict && !demand.calls.required {
            return Ok(None);
        }
        let schema = arguments::schema(function.parameters.as_ref())
            .and_then(|schema| grammars.compile(&Grammar::Json(schema.clone())).map(|_| schema));
        match schema {
            Ok(schema) => Ok(Some(schema)),
            Err(error) if function.strict => {
                Err(DemandError::Arguments { function: function.name.clone(), error })
            }
            Err(_) => Ok(Some(arguments::any())),
        }
    };
    demand.calls.functions.iter().map(schema).collect()
}
