//! Conversations that somebody has rendered already, as data sets keep them.

use super::guard::{Guard, Span};
use crate::tokenizer::{Tokenizer, TokenizerError};

/// Token ids of a text in which special tokens are written by name, as `<|end|>`. It must come from
/// whoever may say anything: nothing in it is kept from being a token, as users' text is elsewhere.
///
/// # Errors
/// As [`Tokenizer::encode`].
pub fn encode_rendered(tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>, TokenizerError> {
    let guard = Guard::new(tokenizer, "", &[]);
    let mut ids = Vec::new();
    for span in guard.split(text) {
        match span {
            Span::Token(id) => ids.push(id),
            Span::Text(text) => ids.extend(tokenizer.encode(text)?),
        }
    }
    Ok(ids)
}
