//! A tokenizer's vocabulary as a grammar sees it: the bytes of the tokens that are text.
//!
//! Control tokens are no text, whatever they are called, so no grammar reaches them. One more id than
//! the tokenizer has stands for the end of the text: a grammar allows it where the text may end.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llguidance::toktrie::{ApproximateTokEnv, TokEnv, TokRxInfo, TokTrie, TrieNode};

use crate::tokenizer::Tokenizer;

/// A byte that is in no UTF-8, with which the trie marks control tokens of its own.
const MARKER: u8 = TokTrie::SPECIAL_TOKEN_MARKER;
/// How the trie knows the end of the text.
const END: &[u8] = b"\xff<end>";
/// Bytes of a token at most; the trie has no room for longer ones.
const MAX_TOKEN_BYTES: usize = 1000;
/// Tokens at most, for the same reason.
const MAX_TOKENS: usize = 1 << 20;
/// Bytes of all tokens at most.
const MAX_BYTES: usize = 1 << 22;

/// A set of token ids: bit `id % 32` of word `id / 32`.
pub(super) type Ids = Vec<u32>;

/// A tag, and tokens that have to do with it.
type Sealed = (&'static str, Arc<[u32]>);

/// The tokens that stand for text.
pub(super) struct Vocabulary {
    env: TokEnv,
    tokens: usize,
    text: Ids,
    /// By tag, the tokens that have it within them and go on with something else.
    sealed: Mutex<Vec<Sealed>>,
    /// Tokens with a digit in them.
    with_digits: OnceLock<Vec<u32>>,
}

impl Vocabulary {
    /// Of a tokenizer; `None` if it is larger than any.
    pub(super) fn new(tokenizer: &Tokenizer) -> Option<Arc<Self>> {
        let tokens = tokenizer.vocab_size();
        let end = u32::try_from(tokens).ok()?;
        let mut words: Vec<Vec<u8>> = (0..end).map(|id| text_of(tokenizer, id)).collect();
        if tokens > MAX_TOKENS || words.iter().map(Vec::len).sum::<usize>() > MAX_BYTES {
            return None;
        }
        let mut text = vec![0; (tokens + 1).div_ceil(32)];
        for (id, word) in words.iter().enumerate() {
            text[id / 32] |= u32::from(!word.is_empty()) << (id % 32);
        }
        words.push(END.to_vec());
        let trie = TokTrie::from(&TokRxInfo::new(end + 1, end), &words);
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        Some(Arc::new(Self {
            env,
            tokens,
            text,
            sealed: Mutex::default(),
            with_digits: OnceLock::new(),
        }))
    }

    /// For llguidance.
    pub(super) fn env(&self) -> &TokEnv {
        &self.env
    }

    /// The id that stands for the end.
    pub(super) fn end(&self) -> u32 {
        self.tokens as u32
    }

    /// All tokens that are text. As long as every set is.
    pub(super) fn text(&self) -> &[u32] {
        &self.text
    }

    /// Whether a token is text.
    pub(super) fn is_text(&self, id: u32) -> bool {
        contains(&self.text, id)
    }

    /// The bytes of a token that is text; none for others.
    pub(super) fn bytes(&self, id: u32) -> &[u8] {
        if self.is_text(id) { self.trie().token(id) } else { &[] }
    }

    /// Tokens with which these bytes begin.
    pub(super) fn prefixes(&self, bytes: &[u8]) -> Vec<u32> {
        self.trie().all_prefixes(bytes)
    }

    /// Tokens that begin with these bytes.
    pub(super) fn extensions(&self, bytes: &[u8]) -> Vec<u32> {
        let trie = self.trie();
        let mut found = Vec::new();
        let mut nodes: Vec<&TrieNode> =
            trie.child_at_bytes(trie.root(), bytes).into_iter().collect();
        while let Some(node) = nodes.pop() {
            found.extend(node.token_id());
            nodes.extend(trie.node_children(node));
        }
        found
    }

    /// Tokens that have `tag` within them, and behind it anything but newlines.
    pub(super) fn sealed(&self, tag: &'static str) -> Arc<[u32]> {
        let mut sealed = self.sealed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ids)) = sealed.iter().find(|(other, _)| *other == tag) {
            return ids.clone();
        }
        let has = |&id: &u32| {
            let bytes = self.bytes(id);
            let at = bytes.windows(tag.len()).position(|window| window == tag.as_bytes());
            at.is_some_and(|at| !is_newlines(&bytes[at + tag.len()..]))
        };
        let ids: Arc<[u32]> = (0..self.end()).filter(has).collect();
        sealed.push((tag, ids.clone()));
        ids
    }

    /// Tokens with a digit in them.
    pub(super) fn with_digits(&self) -> &[u32] {
        let has = |id: &u32| self.bytes(*id).iter().any(u8::is_ascii_digit);
        self.with_digits.get_or_init(|| (0..self.end()).filter(has).collect())
    }

    fn trie(&self) -> &TokTrie {
        self.env.tok_trie()
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

/// The bytes of a token that may be part of a text; none for any other.
fn text_of(tokenizer: &Tokenizer, id: u32) -> Vec<u8> {
    let bytes = tokenizer.token_bytes(id);
    if tokenizer.is_special(id) || bytes.first() == Some(&MARKER) || bytes.len() > MAX_TOKEN_BYTES {
        return Vec::new();
    }
    bytes.to_vec()
}

/// Whether there are newlines and nothing else, or nothing at all.
pub(super) fn is_newlines(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\n' | b'\r'))
}

/// Whether a set has an id.
pub(super) fn contains(ids: &[u32], id: u32) -> bool {
    ids.get(id as usize / 32).is_some_and(|word| word >> (id % 32) & 1 == 1)
}

/// Adds an id to a set; one beyond its last word is not added.
pub(super) fn insert(ids: &mut [u32], id: u32) {
    if let Some(word) = ids.get_mut(id as usize / 32) {
        *word |= 1 << (id % 32);
    }
}

/// Takes an id out of a set.
pub(super) fn remove(ids: &mut [u32], id: u32) {
    if let Some(word) = ids.get_mut(id as usize / 32) {
        *word &= !(1 << (id % 32));
    }
}
