//! What is asked of an answer, before anything is compiled.

use serde_json::Value;

use super::Grammar;
use super::compile::GrammarError;
use super::form::FormError;

/// What an answer must be like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demand {
    /// The form of its content; `None`: any.
    pub content: Option<Grammar>,
    /// What it may call.
    pub calls: Calls,
    /// Whether Harmony's headers are held to their grammar, and arguments to JSON, where nothing
    /// else is asked.
    pub headers: bool,
}

/// Which functions an answer may call, and whether it must.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calls {
    /// The functions.
    pub functions: Vec<Function>,
    /// The answer is a call.
    pub required: bool,
    /// There is one call at most. In Harmony that is always so.
    pub single: bool,
    /// The model was told of other functions too.
    pub restricted: bool,
}

/// A function that an answer may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// JSON schema of its arguments; `None`: it has none.
    pub parameters: Option<Value>,
    /// Whether the arguments must be as the schema says. Where a call is forced, they are if the
    /// schema can be enforced.
    pub strict: bool,
}

impl Demand {
    /// Whether a grammar of calls has to be compiled.
    pub fn compiles_calls(&self) -> bool {
        let holds = self.headers || self.holds_calls() || self.calls.single;
        holds && !self.calls.functions.is_empty()
    }

    /// Whether an answer in Harmony may not be any.
    pub(super) fn holds_harmony(&self) -> bool {
        self.headers || self.content.is_some() || self.holds_calls()
    }

    /// Whether calls may not be any.
    pub(super) fn holds_calls(&self) -> bool {
        let calls = &self.calls;
        let strict = calls.functions.iter().any(|function| function.strict);
        calls.required || strict || calls.restricted
    }
}

/// Why an answer cannot be held to a demand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DemandError {
    /// The form of the content.
    #[error("{0}")]
    Content(GrammarError),
    /// A strict function's arguments.
    #[error("the arguments of {function:?}: {error}")]
    Arguments {
        /// The function's name.
        function: String,
        /// What is wrong with them.
        error: GrammarError,
    },
    /// The functions together.
    #[error("the functions together: {0}")]
    Calls(GrammarError),
    /// A call is required, and the model's chat format has none.
    #[error("the model's chat format has no calls")]
    NoCalls,
    /// Answers of this model.
    #[error(transparent)]
    Form(#[from] FormError),
}
