//! What must hold between any two steps.

use std::collections::HashSet;

use throng_model::BlockId;

use super::PrefixCache;
use crate::cache::prefix::Parent;

impl PrefixCache {
    /// Panics, saying what is broken, unless blocks are conserved and the tree is one. `held` has
    /// the blocks of every sequence, of the full pool and of the window pool.
    pub(crate) fn check_integrity<'a>(
        &self,
        held: impl Iterator<Item = (&'a [BlockId], Vec<BlockId>)>,
    ) {
        let mut full = vec![0; self.nodes.len()];
        let mut window = vec![0; self.node_of.len()];
        for (of_full, of_window) in held {
            of_full.iter().for_each(|&id| full[id as usize] += 1);
            of_window.iter().for_each(|&id| window[id as usize] += 1);
        }
        let is_leaf = |id: BlockId| self.nodes[id as usize].as_ref().is_some_and(|n| n.next == 0);
        self.full.check_integrity(&full, is_leaf);
        self.window.check_integrity(&window, |_| true);
        for (id, holders) in full.iter().enumerate() {
            assert!(*holders < 2 || self.nodes[id].is_some(), "block {id} is shared but not named");
        }
        for (id, holders) in window.iter().enumerate() {
            assert!(*holders < 2 || self.node_of[id].is_some(), "window block {id} is shared");
        }
        self.check_tree();
    }

    fn check_tree(&self) {
        let numbers: HashSet<u64> = self.nodes.iter().flatten().map(|node| node.number).collect();
        let mut next = vec![0; self.nodes.len()];
        for before in self.nodes.iter().flatten().filter_map(|node| node.before) {
            next[before as usize] += 1;
        }
        let mut named = 0;
        for (id, node) in self.nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            named += 1;
            assert_eq!(self.found_by.get(&node.prefix), Some(&(id as BlockId)), "block {id}");
            assert_eq!(node.next, next[id], "what follows block {id}");
            let before = node.before.and_then(|before| self.nodes[before as usize].as_ref());
            match (&node.prefix.parent, before) {
                (Parent::Root(_), None) => {}
                (Parent::Node(parent), Some(before)) => assert_eq!(*parent, before.number),
                _ => panic!("block {id} outlives what comes before it"),
            }
            if let Some(window) = node.window {
                assert_eq!(self.node_of[window as usize], Some(id as BlockId), "of block {id}");
            }
        }
        assert_eq!((named, numbers.len()), (self.found_by.len(), named), "one name a block");
        for (id, full) in self.node_of.iter().enumerate() {
            if let Some(full) = full {
                let node = self.nodes[*full as usize].as_ref();
                let window = node.and_then(|node| node.window);
                assert_eq!(window, Some(id as BlockId), "window block {id} has a node");
            }
        }
    }
}
