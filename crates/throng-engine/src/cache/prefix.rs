//! What a prefix is called: its last block's tokens, and what comes before them.

use std::sync::Arc;

use throng_model::BLOCK_TOKENS;

/// The tokens of one block.
pub(crate) type BlockTokens = [u32; BLOCK_TOKENS];

/// Who may share a prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Salt {
    /// Every request with this salt.
    Shared(Arc<str>),
    /// The choices of one request.
    Private(u64),
}

/// What comes before a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Parent {
    Root(Salt),
    /// The node of the block before. Numbers are never used again.
    Node(u64),
}

/// A block's name: what it holds, and after what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Prefix {
    pub(crate) parent: Parent,
    pub(crate) tokens: BlockTokens,
}
