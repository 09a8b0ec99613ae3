//! Which prefixes have their keys and values in the KV cache. A full block stands for its own
//! tokens and all before them, so blocks form a tree: a chain of blocks is found by its tokens,
//! block by block, from a root that is named by a salt. Keys are compared whole; no hash is trusted.
//!
//! Layers with a window keep theirs in a pool of their own. A prefix can be taken up at the end of
//! block k if all its k blocks are in the full pool, and those that the window reaches back to from
//! there are in the window pool. So of the window's blocks those just behind a place where a prefix
//! is likely to be taken up again are worth much, and those in between little.

mod find;
mod integrity;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use throng_model::{BLOCK_TOKENS, BlockId, KvBlocks};

use super::kept::{Terms, Worth};
use super::pool::BlockPool;
use super::prefix::{Parent, Prefix};
use super::reuse::{PrefixHash, Reuse};
use crate::stats::PoolStats;

/// A full block that can be found by its prefix.
#[derive(Debug)]
struct Node {
    prefix: Prefix,
    number: u64,
    /// The node before, if there is one: it is there for as long as this one.
    before: Option<BlockId>,
    /// Nodes that come next.
    next: usize,
    /// The same tokens in the window pool, while they are there.
    window: Option<BlockId>,
}

/// Both pools, and the tree over the full one.
#[derive(Debug)]
pub(crate) struct PrefixCache {
    pub(crate) full: BlockPool,
    pub(crate) window: BlockPool,
    /// Tokens that a query sees, itself included, in the layer with the widest window.
    window_tokens: Option<usize>,
    /// Whether blocks that nobody holds are kept.
    keeps: bool,
    found_by: HashMap<Prefix, BlockId>,
    /// Of each block of the full pool.
    nodes: Vec<Option<Node>>,
    /// The node's block of each block of the window pool, if it belongs to a node.
    node_of: Vec<Option<BlockId>>,
    /// Of each block of the window pool: it stood at the end of something, or was found again.
    marked: Vec<bool>,
    /// Of each block of the full pool: a draft model has all its keys and values too.
    drafted: Vec<bool>,
    last_number: u64,
    /// Blocks kept so far, of both pools: the time by which they are.
    clock: u64,
    reuse: Reuse,
}

/// A block's places in both pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) full: BlockId,
    pub(crate) window: Option<BlockId>,
}

impl PrefixCache {
    pub(crate) fn new(blocks: KvBlocks, window_tokens: Option<usize>, keeps: bool) -> Self {
        Self {
            full: BlockPool::new(blocks.full),
            window: BlockPool::new(blocks.window),
            window_tokens,
            keeps,
            found_by: HashMap::new(),
            nodes: (0..blocks.full).map(|_| None).collect(),
            node_of: vec![None; blocks.window],
            marked: vec![false; blocks.window],
            drafted: vec![false; blocks.full],
            last_number: 0,
            clock: 0,
            reuse: Reuse::default(),
        }
    }

    pub(crate) fn stats(&self) -> [PoolStats; 2] {
        [self.full.stats(), self.window.stats()]
    }

    /// The blocks of the window pool that a sequence needs to go on at the end of block `end`.
    pub(crate) fn window_before(&self, end: usize) -> Range<usize> {
        let first = self
            .window_tokens
            .map_or(end, |tokens| (end * BLOCK_TOKENS + 1).saturating_sub(tokens) / BLOCK_TOKENS);
        first..end
    }

    /// Whether the model has layers with a window.
    pub(crate) fn has_window(&self) -> bool {
        self.window_tokens.is_some()
    }

    /// Gives a block that is full a name. If another has it already, its bytes are the same: the
    /// holder gets that one in place of its own. `before` is the block before it, which has a name
    /// and is held. Returns where the block is now, and its node.
    pub(crate) fn name(
        &mut self,
        prefix: Prefix,
        before: Option<BlockId>,
        own: Places,
    ) -> (Places, Parent) {
        let full = match self.found_by.get(&prefix) {
            Some(&known) => {
                self.full.share(known);
                self.release_full(own.full, 0);
                known
            }
            None => {
                self.insert(prefix, before, own.full);
                own.full
            }
        };
        let node = self.nodes[full as usize].as_mut().expect("it was named above or before");
        let parent = Parent::Node(node.number);
        let window = match (own.window, node.window) {
            (Some(ours), Some(known)) => {
                self.window.share(known);
                self.release_window(ours, Worth::Little, 0);
                Some(known)
            }
            (Some(ours), None) => {
                node.window = Some(ours);
                self.node_of[ours as usize] = Some(full);
                Some(ours)
            }
            (None, _) => None,
        };
        (Places { full, window }, parent)
    }

    /// A block of the full pool for what is to be computed.
    pub(crate) fn take_full(&mut self) -> Option<BlockId> {
        let taken = self.full.take(self.clock)?;
        if taken.was_kept {
            self.forget(taken.id);
        }
        self.drafted[taken.id as usize] = false;
        Some(taken.id)
    }

    /// A block of the window pool for what is to be computed.
    pub(crate) fn take_window(&mut self) -> Option<BlockId> {
        let taken = self.window.take(self.clock)?;
        self.leave_node(taken.id);
        self.marked[taken.id as usize] = false;
        Some(taken.id)
    }

    /// Whether a draft model has the whole of a block of the full pool.
    pub(crate) fn is_drafted(&self, id: BlockId) -> bool {
        self.drafted[id as usize]
    }

    /// Notes that a draft model has the whole of a block of the full pool.
    pub(crate) fn set_drafted(&mut self, id: BlockId) {
        self.drafted[id as usize] = true;
    }

    /// A holder gives a block of the full pool back, whose like may come again after `gap`. Those
    /// at the end of a sequence must be given back first.
    pub(crate) fn release_full(&mut self, id: BlockId, gap: u64) {
        if !self.full.release(id) {
            return;
        }
        let Some(node) = self.nodes[id as usize].as_ref().filter(|_| self.keeps) else {
            self.forget(id);
            self.full.free(id);
            return;
        };
        let is_leaf = node.next == 0;
        let terms = self.terms(Worth::Much, gap);
        self.full.keep(id, terms);
        if is_leaf {
            self.full.offer(id);
        }
    }

    /// A holder gives a block of the window pool back.
    pub(crate) fn release_window(&mut self, id: BlockId, worth: Worth, gap: u64) {
        let index = id as usize;
        self.marked[index] |= worth == Worth::Much;
        if !self.window.release(id) {
            return;
        }
        if self.keeps && self.node_of[index].is_some() {
            let worth = if self.marked[index] { Worth::Much } else { Worth::Little };
            let terms = self.terms(worth, gap);
            self.window.keep(id, terms);
            self.window.offer(id);
        } else {
            self.leave_node(id);
            self.window.free(id);
        }
    }

    fn terms(&mut self, worth: Worth, gap: u64) -> Terms {
        self.clock += 1;
        Terms { worth, last: self.clock, gap }
    }

    /// Notes that a sequence begins that has these prefixes, shorter ones first. Returns the gap
    /// after which its own blocks are to be expected again.
    pub(crate) fn note_begin(&mut self, path: impl Iterator<Item = PrefixHash>) -> u64 {
        if !self.keeps {
            return 0;
        }
        let gap = self.reuse.begin(path, self.clock);
        let room = self.full.available() + self.window.available();
        self.reuse.expected_gap(gap, room as u64)
    }

    /// Notes that a sequence has come to the end of a prefix from which another may go on.
    pub(crate) fn note_end(&mut self, prefix: PrefixHash) {
        self.reuse.end(prefix, self.clock);
    }

    /// Puts a block of the full pool into the tree.
    fn insert(&mut self, prefix: Prefix, before: Option<BlockId>, id: BlockId) {
        if let Some(node) = before.and_then(|before| self.nodes[before as usize].as_mut()) {
            node.next += 1;
        }
        self.last_number += 1;
        self.found_by.insert(prefix.clone(), id);
        let number = self.last_number;
        self.nodes[id as usize] = Some(Node { prefix, number, before, next: 0, window: None });
    }

    /// Takes a block of the full pool out of the tree.
    fn forget(&mut self, id: BlockId) {
        let Some(node) = self.nodes[id as usize].take() else { return };
        self.found_by.remove(&node.prefix);
        if let Some(window) = node.window {
            self.node_of[window as usize] = None;
            if self.window.holders(window) == 0 {
                self.window.free(window);
            }
        }
        let Some(before) = node.before else { return };
        if let Some(node) = &mut self.nodes[before as usize] {
            node.next -= 1;
            if node.next == 0 {
                self.full.offer(before);
            }
        }
    }

    /// Takes a block of the window pool from its node.
    fn leave_node(&mut self, id: BlockId) {
        let Some(full) = self.node_of[id as usize].take() else { return };
        if let Some(node) = &mut self.nodes[full as usize] {
            node.window = None;
        }
    }
}
