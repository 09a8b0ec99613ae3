//! Which prefixes have been computed, by brute force: what the prefix cache may know at most, and
//! must know if nothing ever made way.

use std::collections::HashSet;

use throng_model::BLOCK_TOKENS;

/// Every whole-block prefix that was computed under a salt.
#[derive(Debug, Default)]
pub struct Tree(HashSet<(usize, Vec<u32>)>);

impl Tree {
    /// Takes note that all of `tokens` are computed, those from `first` on just now.
    pub fn grow(&mut self, salt: usize, tokens: &[u32], first: usize) {
        for end in first / BLOCK_TOKENS..tokens.len() / BLOCK_TOKENS {
            self.0.insert((salt, tokens[..(end + 1) * BLOCK_TOKENS].to_vec()));
        }
    }

    /// Tokens of a prompt that need not be computed. The last one must be: its logits are wanted.
    pub fn known(&self, salt: usize, prompt: &[u32]) -> usize {
        let whole = (prompt.len() - 1) / BLOCK_TOKENS;
        let known = (1..=whole)
            .take_while(|blocks| self.0.contains(&(salt, prompt[..blocks * BLOCK_TOKENS].to_vec())))
            .count();
        known * BLOCK_TOKENS
    }
}
