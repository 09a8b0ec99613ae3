//! Answers that are held to a form: all that the engine knows of one is which tokens may come next.
//!
//! The state of a form lives with its sequence and follows the answer's tokens alone. Those are kept
//! when a sequence loses its place in the KV cache, so nothing of it is ever computed again.
//!
//! Where a form is loose, a token is drawn as if there were none, and is looked at then: one that may
//! come is the answer's. For any other a second one is drawn, among those that may come, with random
//! numbers of its own. So both together are a draw from these, and a model that keeps to the form by
//! itself says what it would say without.

use std::fmt;
use std::sync::Arc;

/// A form that an answer must have. Answers to the same request share it.
pub trait Constraint: fmt::Debug + Send + Sync {
    /// The state before an answer's first token.
    fn begin(&self) -> Box<dyn ConstraintState>;
}

/// A form and the answer so far. What it allows depends on the form and the answer's tokens, and on
/// nothing else.
pub trait ConstraintState: fmt::Debug + Send {
    /// Whether the next token is drawn without regard to the form, and looked at then.
    fn is_loose(&self) -> bool {
        false
    }

    /// Whether a token may come next.
    ///
    /// # Errors
    /// As [`ConstraintState::allowed`].
    fn allows(&mut self, id: u32) -> Result<bool, ConstraintError> {
        let allowed = self.allowed()?;
        Ok(allowed.get(id as usize / 32).is_some_and(|word| word >> (id % 32) & 1 == 1))
    }

    /// The tokens that may come next, stop tokens among them where the answer may end: id `i` may if
    /// bit `i % 32` of word `i / 32` is set. Ids beyond the last word may not.
    ///
    /// # Errors
    /// No token may follow, or the form turned out to be too costly to follow.
    fn allowed(&mut self) -> Result<&[u32], ConstraintError>;

    /// Takes note of the answer's next token, which was allowed.
    ///
    /// # Errors
    /// The token was not allowed, or the form is too costly.
    fn commit(&mut self, id: u32) -> Result<(), ConstraintError>;
}

/// Why an answer cannot be held to its form any longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be held to its form: {0}")]
pub struct ConstraintError(pub String);

/// What a sequence has of its constraint.
#[derive(Debug)]
pub(crate) struct Constrained {
    constraint: Arc<dyn Constraint>,
    /// Once a token is due: before, it would only take memory while others are served.
    state: Option<Box<dyn ConstraintState>>,
    /// What may come next, once it is known.
    allowed: Option<Vec<u32>>,
    /// Whether a token was drawn that may not come.
    refused: bool,
    failure: Option<ConstraintError>,
}

impl Constrained {
    pub(crate) fn new(constraint: Arc<dyn Constraint>) -> Self {
        Self { constraint, state: None, allowed: None, refused: false, failure: None }
    }

    /// Finds out what may come next, if that has to be known and is not yet.
    pub(crate) fn prepare(&mut self, vocab: usize) {
        if self.allowed.is_some() || self.failure.is_some() {
            return;
        }
        let state = self.state.get_or_insert_with(|| self.constraint.begin());
        if state.is_loose() && !self.refused {
            return;
        }
        match state.allowed() {
            Ok(allowed) if any_below(allowed, vocab) => self.allowed = Some(allowed.to_vec()),
            Ok(_) => self.failure = Some(ConstraintError("no token may follow".to_owned())),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Whether a token that was drawn may not come; then what may come is known.
    pub(crate) fn refuses(&mut self, id: u32, vocab: usize) -> bool {
        if self.allowed.is_some() || self.failure.is_some() {
            return false;
        }
        match self.state.as_mut().map(|state| state.allows(id)) {
            Some(Ok(false)) => {
                self.refused = true;
                self.prepare(vocab);
                self.failure.is_none()
            }
            Some(Err(error)) => {
                self.failure = Some(error);
                false
            }
            Some(Ok(true)) | None => false,
        }
    }

    /// Whether the next token is drawn a second time.
    pub(crate) fn has_refused(&self) -> bool {
        self.refused
    }

    /// What may come next, after [`Constrained::prepare`].
    pub(crate) fn allowed(&self) -> Option<&[u32]> {
        self.allowed.as_deref()
    }

    /// Takes note of a token.
    pub(crate) fn commit(&mut self, id: u32) {
        self.allowed = None;
        self.refused = false;
        if let Some(Err(error)) = self.state.as_mut().map(|state| state.commit(id)) {
            self.failure = Some(error);
        }
    }

    /// Why it cannot go on, if it cannot.
    pub(crate) fn failure(&self) -> Option<&ConstraintError> {
        self.failure.as_ref()
    }
}

/// Whether a set has an id below `vocab`.
fn any_below(set: &[u32], vocab: usize) -> bool {
    let (words, bits) = (vocab / 32, vocab % 32);
    let whole = set.iter().take(words).any(|&word| word != 0);
    whole || set.get(words).is_some_and(|word| word & ((1 << bits) - 1) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_looked_at_up_to_the_vocabulary() {
        assert!(!any_below(&[], 100));
        assert!(!any_below(&[0, 0b1000], 35));
        assert!(any_below(&[0, 0b1000], 36));
        assert!(any_below(&[1 << 31], 32));
        assert!(!any_below(&[1 << 31, 0], 31));
    }
}
