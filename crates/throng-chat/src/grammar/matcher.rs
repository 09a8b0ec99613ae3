//! A text on its way through a grammar.

use std::fmt;
use std::sync::Arc;

use llguidance::Matcher as Parser;

use super::form::FormError;
use super::numbers::Reader;
use super::vocabulary::{Ids, Vocabulary, contains, remove};

/// A grammar and the text so far. It shares nothing that changes with any other text, so that what it
/// allows does not depend on what others have asked.
pub(super) struct Matcher {
    parser: Parser,
    vocabulary: Arc<Vocabulary>,
    /// Of a text that is JSON, what has read it so far.
    reader: Option<Reader>,
}

/// What may come next.
pub(super) struct Next {
    /// Tokens that are text.
    pub(super) tokens: Ids,
    /// Whether the text may end.
    pub(super) end: bool,
}

impl Matcher {
    /// `reader`: what reads the text, if it is JSON.
    pub(super) fn new(parser: Parser, vocabulary: Arc<Vocabulary>, reader: Option<Reader>) -> Self {
        Self { parser, vocabulary, reader }
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
        if let Some(reader) = self.reader.as_ref().filter(|reader| reader.is_in_number()) {
            let too_great = |id: &u32| reader.read(vocabulary.bytes(*id)).is_none();
            let digits = vocabulary.with_digits().iter().copied();
            digits.filter(too_great).for_each(|id| remove(&mut tokens, id));
        }
        Ok(Next { tokens, end })
    }

    /// Whether a token may come next.
    pub(super) fn allows(&mut self, id: u32) -> Result<bool, FormError> {
        if !contains(self.vocabulary.text(), id) || self.parser.is_stopped() {
            return Ok(false);
        }
        Ok(self.parser.validate_tokens(&[id]).map_err(failed)? == 1)
    }

    /// Takes the next token; false, and nothing has happened, if it may not come.
    pub(super) fn push(&mut self, id: u32) -> Result<bool, FormError> {
        if !contains(self.vocabulary.text(), id) || self.parser.is_stopped() {
            return Ok(false);
        }
        let reader = match &self.reader {
            None => None,
            Some(reader) => match reader.read(self.vocabulary.bytes(id)) {
                None if reader.is_in_number() => return Ok(false),
                next => Some(next.unwrap_or_default()),
            },
        };
        let taken = self.parser.try_consume_tokens(&[id]).map_err(failed)? == 1;
        if taken {
            self.reader = reader;
        }
        Ok(taken)
    }

    /// Whether the text may end.
    pub(super) fn may_end(&mut self) -> Result<bool, FormError> {
        self.parser.is_accepting().map_err(failed)
    }
}

impl Clone for Matcher {
    fn clone(&self) -> Self {
        let (vocabulary, reader) = (self.vocabulary.clone(), self.reader);
        Self { parser: self.parser.deep_clone(), vocabulary, reader }
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
