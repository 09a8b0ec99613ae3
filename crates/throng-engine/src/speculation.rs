//! Speculative decoding: tokens are drafted cheaply, and the model looks at several of them in one
//! step. An answer takes a drafted token only where it is the very token that the request's own
//! random numbers draw from the model's logits, so the answer is the same, bit for bit, with and
//! without, at any temperature; only the time that it takes differs.

mod acceptance;
mod depth;
mod gain;
mod line;
mod lookup;
mod method;
mod mismatch;
mod prediction;

pub(crate) use acceptance::Acceptance;
pub(crate) use depth::{Candidate, Depths};
pub(crate) use lookup::Lookup;
pub use method::{ByMethod, Method};
pub use mismatch::DraftMismatch;
pub use prediction::Prediction;
pub(crate) use prediction::{PREDICTED_TOKENS, Predicted};

/// How tokens are drafted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speculation {
    /// Who drafts.
    pub drafter: Drafter,
    /// Tokens drafted in a row at most.
    pub tokens: usize,
    /// Draft fewer, down to none, where that is faster by what was measured so far.
    pub adaptive: bool,
}

/// Who drafts tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drafter {
    /// The text itself: what followed when it went on before as it does now.
    Ngram(Ngram),
    /// A smaller model with the same vocabulary, which draws by the random numbers of the request.
    Model,
}

impl Drafter {
    /// As metrics name it.
    pub fn method(self) -> Method {
        match self {
            Self::Ngram(_) => Method::Ngram,
            Self::Model => Method::DraftModel,
        }
    }
}

/// How much of a text's end must have occurred before, in tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ngram {
    /// At least so many; at least 1.
    pub min: usize,
    /// More than so many are not looked for; at least `min`.
    pub max: usize,
}
