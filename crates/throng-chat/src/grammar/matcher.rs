//! A text on its way through a grammar.

use std::fmt;
use std::sync::Arc;

use llguidance::Matcher as Parser;

use super::formed::FormError;
use super::vocabulary::{Ids, Vocabulary, contains, remove};

/// A grammar and the text so far. It shares nothing that changes with any other text, so that what it
/// allows does not depend on what others have asked.
pub(super) struct Matcher {
    parser: Parser,
    vocabulary: Arc<Vocabulary>,
}

/// What may come next.
pub(super) struct Next {
    /// Tokens that are text.
    pub(super) tokens: Ids,
    /// Whether the text may end.
    pub(super) end: bool,
}

impl Matcher {
    pub(super) fn new(parser: Parser, vocabulary: Arc<Vocabulary>) -> Self {
        Self { parser, vocabulary }
    }

    /// The vocabulary that it was made for.
    pub(super) fn vocabulary(&self) -> &Arc<Vocabulary> {
        &self.vocabulary
    }

    /// What may come next.
    pub(super) fn next(&mut self) -> Result<Next, FormError> {
        let mask = self.parser.compute_mask_or_eos().map_err(failed)?;
        let vocabulary = &self.vocabulary;
        let end = mask.is_allowed(vocabulary.end());
        // A grammar may name tokens by their ids, and so tokens that are no text.
        let both = mask.as_slice().iter().zip(vocabulary.text());
        let mut tokens: Ids = both.map(|(allowed, text)| allowed & text).collect();
        tokens.resize(vocabulary.text().len(), 0);
        remove(&mut tokens, vocabulary.end());
        Ok(Next { tokens, end })
    }

    /// Takes the next token; false, and nothing has happened, if it may not come.
    pub(super) fn push(&mut self, id: u32) -> Result<bool, FormError> {
        if !contains(self.vocabulary.text(), id) || self.parser.is_stopped() {
            return Ok(false);
        }
        Ok(self.parser.try_consume_tokens(&[id]).map_err(failed)? == 1)
    }

    /// Whether the text may end.
    pub(super) fn may_end(&mut self) -> Result<bool, FormError> {
        self.parser.is_accepting().map_err(failed)
    }

    /// Takes the last `tokens` tokens back.
    pub(super) fn rollback(&mut self, tokens: usize) -> Result<(), FormError> {
        self.parser.rollback(tokens).map_err(failed)
    }
}

impl Clone for Matcher {
    fn clone(&self) -> Self {
        Self { parser: self.parser.deep_clone(), vocabulary: self.vocabulary.clone() }
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher").field("stopped", &self.parser.is_stopped()).finish()
    }
}

fn failed(error: impl fmt::Display) -> FormError {
    FormError::Grammar(summary(&error))
}

/// The first line of what llguidance says: what follows is a dump of its state.
pub(super) fn summary(error: &dyn fmt::Display) -> String {
    /// Characters that are enough to say what is wrong.
    const MAX_CHARS: usize = 300;
    let text = error.to_string();
    text.lines().next().unwrap_or_default().chars().take(MAX_CHARS).collect()
}
