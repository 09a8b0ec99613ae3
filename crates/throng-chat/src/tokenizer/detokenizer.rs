//! Token ids to text, one by one, as an answer is generated.

use super::Tokenizer;

/// Turns token ids into text as soon as characters are complete: a token may end within one.
#[derive(Clone, Debug)]
pub struct Detokenizer {
    tokenizer: Tokenizer,
    /// The beginning of a character, at most 3 bytes between calls.
    pending: Vec<u8>,
}

impl Detokenizer {
    /// Starts at the beginning of a text.
    pub fn new(tokenizer: Tokenizer) -> Self {
        Self { tokenizer, pending: Vec::new() }
    }

    /// Appends the text that the token completes. Control tokens and unknown ids have none.
    pub fn push(&mut self, id: u32, text: &mut String) {
        if self.tokenizer.is_special(id) {
            return;
        }
        self.pending.extend_from_slice(self.tokenizer.token_bytes(id));
        let mut taken = 0;
        for chunk in self.pending.utf8_chunks() {
            text.push_str(chunk.valid());
            taken += chunk.valid().len();
            let invalid = chunk.invalid();
            // What may still become a character waits for its other bytes.
            if taken + invalid.len() == self.pending.len() && is_prefix(invalid) {
                break;
            }
            if !invalid.is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                taken += invalid.len();
            }
        }
        self.pending.drain(..taken);
    }

    /// Whether the last token ended within a character.
    pub fn is_within_character(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Ends the text: a character that lacks bytes becomes U+FFFD. The next token starts another.
    pub fn finish(&mut self, text: &mut String) {
        if !self.pending.is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
            self.pending.clear();
        }
    }
}

/// Whether the bytes are the proper beginning of a character's UTF-8.
fn is_prefix(bytes: &[u8]) -> bool {
    !bytes.is_empty()
        && std::str::from_utf8(bytes)
            .is_err_and(|e| e.valid_up_to() == 0 && e.error_len().is_none())
}
