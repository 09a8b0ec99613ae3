//! Which tokens a prefix's hash stands for: what a model whose layers all have windows remembers of
//! tokens that it cannot see any more.

use std::collections::HashMap;

/// Every prefix met so far, by its hash: the hash of all but its last token, and that token.
#[derive(Debug, Default)]
pub(crate) struct Lineage(HashMap<u64, (u64, u32)>);

impl Lineage {
    /// Learns that `prefix` is `before` and then `token`.
    pub(crate) fn learn(&mut self, prefix: u64, before: u64, token: u32) {
        self.0.insert(prefix, (before, token));
    }

    /// Hashes and last tokens of all prefixes that end in `prefix`, shortest first.
    pub(crate) fn of(&self, prefix: u64) -> Vec<(u64, u32)> {
        let mut chain = Vec::new();
        let mut at = prefix;
        while let Some(&(before, token)) = self.0.get(&at) {
            chain.push((at, token));
            at = before;
        }
        chain.reverse();
        chain
    }
}
