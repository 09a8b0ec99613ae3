//! The grammars that were wanted last, compiled.

use std::sync::{Arc, Mutex, PoisonError};

use super::compile::Compiled;

/// Grammars that are kept at most. One takes from some hundred kilobytes to a few megabytes.
const KEPT: usize = 32;

/// Compiled grammars by what they were made of; the one that nobody has wanted for longest goes
/// first.
#[derive(Debug, Default)]
pub(super) struct Cache(Mutex<Vec<(String, Arc<Compiled>)>>);

impl Cache {
    /// The grammar that was made of this text.
    pub(super) fn find(&self, text: &str) -> Option<Arc<Compiled>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let index = kept.iter().position(|(other, _)| other == text)?;
        // The last is the one that was wanted last.
        kept[index..].rotate_left(1);
        kept.last().map(|(_, compiled)| compiled.clone())
    }

    /// Keeps a grammar. Of several made of the same text at the same time the first stays.
    pub(super) fn keep(&self, text: String, compiled: Arc<Compiled>) -> Arc<Compiled> {
        if let Some(earlier) = self.find(&text) {
            return earlier;
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((text, compiled.clone()));
        compiled
    }
}
