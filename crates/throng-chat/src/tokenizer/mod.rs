//! Text to token ids and back, from a `tokenizer.json`.

mod detokenizer;
mod file;
mod post_processor;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use throng_spec::byte_level;

pub use detokenizer::Detokenizer;
pub(crate) use file::AddedToken;
use file::{Encoder, File};
use post_processor::Affixes;

/// A byte-level BPE tokenizer. Clones share it.
///
/// Encoding never yields an added token (`<|end|>` and its kin): the encoder is built from the
/// model's vocabulary alone, and an id belongs to either the model or an added token. Special
/// tokens enter a prompt only through [`Tokenizer::special`].
#[derive(Clone)]
pub struct Tokenizer(Arc<Inner>);

struct Inner {
    encoder: Encoder,
    /// Ids of the added tokens by their text.
    added: HashMap<String, u32>,
    /// The same in the order of the file.
    added_tokens: Vec<AddedToken>,
    /// What stands around a text of its own.
    affixes: Affixes,
    /// What each id stands for.
    tokens: Vec<Token>,
    /// Bytes of text that a token stands for at most; `None` if text may be shortened first.
    longest: Option<usize>,
    /// Bytes that may be left out of a text because no token stands for them alone.
    lost: Vec<u8>,
}

/// What an id stands for.
#[derive(Clone, Default, PartialEq, Eq)]
struct Token {
    /// Bytes of text; for an added token the UTF-8 of its name.
    bytes: Box<[u8]>,
    /// A control token rather than text.
    special: bool,
}

/// Why a `tokenizer.json` cannot be used, or a text not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// Not JSON, or not of the shape of a tokenizer.
    #[error("malformed tokenizer: {0}")]
    Json(#[from] serde_json::Error),
    /// A component of a kind that this program does not know.
    #[error("unsupported tokenizer: its {0} is {1}; only byte-level BPE is supported")]
    Unsupported(&'static str, String),
    /// No byte-level step before the model.
    #[error("unsupported tokenizer: it has no ByteLevel pre-tokenizer; only byte-level BPE is")]
    NotByteLevel,
    /// A byte of ordinary text that could not be encoded.
    #[error("malformed tokenizer: its vocabulary has no token for byte {0:#04x}")]
    MissingByte(u8),
    /// An id beyond any real vocabulary.
    #[error("malformed tokenizer: token {token:?} has the id {id}, beyond any vocabulary")]
    IdTooLarge {
        /// The token's text.
        token: String,
        /// Its id.
        id: u32,
    },
    /// Two tokens with one id.
    #[error("malformed tokenizer: tokens {a:?} and {b:?} share the id {id}")]
    SharedId {
        /// The id.
        id: u32,
        /// One token's text.
        a: String,
        /// The other's.
        b: String,
    },
    /// A merge that does not name two tokens.
    #[error("malformed tokenizer: merge {0:?} is not a pair of tokens")]
    Merge(String),
    /// The model refused its vocabulary or merges.
    #[error("malformed tokenizer: {0}")]
    Model(String),
    /// The tokenizer failed on a text.
    #[error("the text cannot be encoded: {0}")]
    Encode(String),
}

impl Tokenizer {
    /// Reads a `tokenizer.json` with a byte-level BPE model.
    ///
    /// # Errors
    /// If it is malformed or of another kind; see [`TokenizerError`].
    pub fn from_json(json: &[u8]) -> Result<Self, TokenizerError> {
        let file = File::parse(json)?;
        let added_ids = file.added_tokens.iter().map(|token| token.id);
        let length =
            file.model.vocab.values().copied().chain(added_ids).max().map_or(0, |id| id + 1);
        let mut tokens = vec![Token::default(); length as usize];
        let mut bytes = Vec::new();
        let mut longest = 1;
        for (text, &id) in &file.model.vocab {
            bytes.clear();
            decode(text, &mut bytes);
            longest = longest.max(bytes.len());
            tokens[id as usize].bytes = bytes.as_slice().into();
        }
        let mut added = HashMap::new();
        for token in &file.added_tokens {
            tokens[token.id as usize] =
                Token { bytes: token.content.as_bytes().into(), special: token.special };
            added.insert(token.content.clone(), token.id);
        }
        let holds = |id: u32| tokens.get(id as usize).is_some_and(|token| !token.bytes.is_empty());
        let affixes = Affixes::parse(file.post_processor.as_ref(), holds)?;
        let added_tokens = file.added_tokens.clone();
        let longest = (!file.may_shorten()).then_some(longest);
        let lost = (0..=u8::MAX).filter(|&byte| !file.has_byte(byte)).collect();
        let encoder = file.into_encoder()?;
        let inner = Inner { encoder, added, added_tokens, affixes, tokens, longest, lost };
        Ok(Self(Arc::new(inner)))
    }

    /// Token ids of a text. Whatever the text says, none of them is an added token's.
    ///
    /// # Errors
    /// [`TokenizerError::Encode`], which no text is known to cause.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.0.encoder.encode_fast(text, false);
        let encoding = encoding.map_err(|error| TokenizerError::Encode(error.to_string()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Token ids of a text that stands alone, as raw completions and scores want it: with the
    /// tokens that the tokenizer's file puts before and after it, such as Llama 3's
    /// `<|begin_of_text|>` (transformers calls that `add_special_tokens`). Within a conversation
    /// its format decides.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_alone(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let Affixes { before, after } = &self.0.affixes;
        Ok([before.as_slice(), &self.encode(text)?, after].concat())
    }

    /// The tokens that [`Tokenizer::encode_alone`] puts before a text.
    pub fn opening(&self) -> &[u32] {
        &self.0.affixes.before
    }

    /// How many tokens [`Tokenizer::encode`] makes of the text at least. It costs nothing, where
    /// encoding takes some microseconds and hundreds of bytes of memory a token.
    pub fn least_tokens(&self, text: &str) -> usize {
        let lost = match &self.0.lost[..] {
            [] => 0,
            lost => text.bytes().filter(|byte| lost.contains(byte)).count(),
        };
        self.0.longest.map_or(0, |longest| (text.len() - lost).div_ceil(longest))
    }

    /// The id of an added token such as `<|end|>`.
    pub fn special(&self, name: &str) -> Option<u32> {
        self.0.added.get(name).copied()
    }

    /// Tokens beside the model's vocabulary.
    pub(crate) fn added_tokens(&self) -> &[AddedToken] {
        &self.0.added_tokens
    }

    /// One more than the greatest id. A model's logits may have more entries than that.
    pub fn vocab_size(&self) -> usize {
        self.0.tokens.len()
    }

    /// The first id that does not stand for the same in another tokenizer.
    pub fn first_difference(&self, other: &Self) -> Option<u32> {
        let (ours, theirs) = (&self.0.tokens, &other.0.tokens);
        let differ = |&id: &usize| ours.get(id) != theirs.get(id);
        (0..ours.len().max(theirs.len())).find(differ).map(|id| id as u32)
    }

    /// Whether the id is a control token, which stands for no text.
    pub fn is_special(&self, id: u32) -> bool {
        self.0.tokens.get(id as usize).is_some_and(|token| token.special)
    }

    /// The bytes that a token stands for, which may be part of a character; for an added token
    /// its name, and nothing for an id without a token.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.0.tokens.get(id as usize).map_or(&[], |token| &token.bytes)
    }

    /// [`Tokenizer::token_bytes`] as text, U+FFFD in the place of what is not valid UTF-8.
    pub fn token_text(&self, id: u32) -> String {
        String::from_utf8_lossy(self.token_bytes(id)).into_owned()
    }

    /// The text of an answer: control tokens left out, U+FFFD in the place of invalid UTF-8.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut detokenizer = Detokenizer::new(self.clone());
        let mut text = String::new();
        for &id in ids {
            detokenizer.push(id, &mut text);
        }
        detokenizer.finish(&mut text);
        text
    }
}

/// Appends the bytes that a token's text stands for. A character outside the alphabet stands for
/// its own UTF-8, so that no vocabulary entry can be undecodable.
fn decode(token: &str, into: &mut Vec<u8>) {
    for character in token.chars() {
        match byte_level::byte(character) {
            Some(byte) => into.push(byte),
            None => into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish_non_exhaustive()
    }
}
