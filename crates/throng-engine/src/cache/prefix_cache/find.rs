//! Following the tree from a root, block by block.

use throng_model::BlockId;

use super::PrefixCache;
use crate::cache::prefix::{BlockTokens, Parent, Prefix, Salt};

/// A prefix that was found: blocks of the full pool from the beginning, and of the window pool from
/// block `behind` on. The finder holds them now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) full: Vec<BlockId>,
    pub(crate) window: Vec<BlockId>,
    pub(crate) behind: usize,
    pub(crate) parent: Parent,
    /// Blocks of the full pool that go on where the window's are gone.
    pub(crate) beyond: usize,
}

impl PrefixCache {
    /// The longest prefix of `blocks` that can be taken up; its blocks get a holder.
    pub(crate) fn find(&mut self, salt: &Salt, blocks: impl Iterator<Item = BlockTokens>) -> Found {
        let (path, end, parent) = self.walk(salt, blocks);
        let reach = if self.has_window() { self.window_before(end) } else { 0..0 };
        let window: Vec<BlockId> = path[reach.clone()].iter().filter_map(|&(_, id)| id).collect();
        let full: Vec<BlockId> = path[..end].iter().map(|&(id, _)| id).collect();
        full.iter().for_each(|&id| self.full.share(id));
        for &id in &window {
            self.window.share(id);
            self.marked[id as usize] = true;
        }
        Found { full, window, behind: reach.start, parent, beyond: path.len() - end }
    }

    /// How many blocks [`PrefixCache::find`] would find in the full pool, and how many of them
    /// nobody holds now.
    pub(crate) fn look(
        &self,
        salt: &Salt,
        blocks: impl Iterator<Item = BlockTokens>,
    ) -> (usize, usize) {
        let (path, end, _) = self.walk(salt, blocks);
        let idle = path[..end].iter().filter(|&&(id, _)| self.full.holders(id) == 0);
        (end, idle.count())
    }

    /// Follows the tree. Returns the blocks on the way, of both pools; how many of them can be
    /// taken up; and what comes before the next one then.
    fn walk(
        &self,
        salt: &Salt,
        blocks: impl Iterator<Item = BlockTokens>,
    ) -> (Vec<(BlockId, Option<BlockId>)>, usize, Parent) {
        let mut parent = Parent::Root(salt.clone());
        let mut path = Vec::new();
        // How many blocks of the window pool are there without a gap, up to the path's end.
        let mut run = 0;
        let (mut end, mut end_parent) = (0, parent.clone());
        for tokens in blocks {
            let Some(&id) = self.found_by.get(&Prefix { parent, tokens }) else { break };
            let node = self.nodes[id as usize].as_ref().expect("what is found by name has a node");
            parent = Parent::Node(node.number);
            path.push((id, node.window));
            run = if node.window.is_some() { run + 1 } else { 0 };
            if self.window_before(path.len()).len() <= run {
                (end, end_parent) = (path.len(), parent.clone());
            }
        }
        (path, end, end_parent)
    }
}
