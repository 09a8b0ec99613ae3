//! Predicted content to tokens: what an answer would be that says it.

use crate::chat::{Chat, ChatError, Format};
use crate::harmony;
use crate::tagged::THINK_END;

/// An answer whose content is known, as the model would write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// Token ids of the content, and the one that ends the answer.
    pub ids: Vec<u32>,
    /// Token ids behind which the content begins, each one of several ways; no ids are the
    /// answer's own beginning.
    pub openings: Vec<Vec<u32>>,
}

impl Chat {
    /// What an answer would be that says this. Text that cannot fit into `limit` tokens is not
    /// encoded.
    ///
    /// # Errors
    /// [`ChatError::TooLong`], or [`ChatError::Tokenizer`].
    pub fn predict(&self, content: &str, limit: usize) -> Result<Predicted, ChatError> {
        let tokenizer = self.tokenizer();
        let least = tokenizer.least_tokens(content);
        if least > limit {
            return Err(ChatError::TooLong(least));
        }
        let mut ids = tokenizer.encode(content)?;
        if ids.len() > limit {
            return Err(ChatError::TooLong(ids.len()));
        }
        ids.extend(self.stop_tokens().first());
        let openings = match self.format() {
            Format::Harmony(tokens) => harmony::answer_headers(tokenizer, tokens)?,
            Format::Template(renderer) => {
                let thinks = renderer.tags().thoughts;
                let end = tokenizer.special(THINK_END).filter(|_| thinks);
                let gap = tokenizer.encode("\n\n")?;
                // Models set an answer off from a thought by an empty line.
                let behind_thought = end.map(|end| [&[end], &gap[..]].concat());
                [Vec::new()].into_iter().chain(behind_thought).collect()
            }
        };
        Ok(Predicted { ids, openings })
    }
}
