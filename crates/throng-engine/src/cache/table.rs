//! The blocks of one running sequence. They go back to their pools when this is dropped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throng_model::{BLOCK_TOKENS, BlockId, BlockTables};

use super::kept::Worth;
use super::prefix::{BlockTokens, Parent, Prefix, Salt};
use super::prefix_cache::{Places, PrefixCache};
use super::reuse::PrefixHash;

/// The KV cache's bookkeeping, which the scheduler and all its sequences have in common.
#[derive(Clone, Debug)]
pub(crate) struct SharedCache(Arc<Mutex<PrefixCache>>);

impl SharedCache {
    pub(crate) fn new(cache: PrefixCache) -> Self {
        Self(Arc::new(Mutex::new(cache)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, PrefixCache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a sequence's keys and values live.
#[derive(Debug)]
pub(crate) struct BlockTable {
    pub(super) cache: SharedCache,
    pub(super) full: Vec<BlockId>,
    /// Tokens that a draft model has, as far as it is known: drafts may be among them.
    pub(super) drafted: usize,
    /// Blocks of the window pool, from block `behind` of the sequence on.
    window: VecDeque<BlockId>,
    behind: usize,
    /// How many blocks, from the beginning, are full and have names.
    named: usize,
    /// What comes before the next block to be named.
    parent: Parent,
    /// Ends of blocks at which the prefix is likely to be taken up again.
    marks: Vec<usize>,
    /// On what terms its blocks are kept.
    gap: u64,
    /// Name of the prefix that the named blocks are.
    prefix: PrefixHash,
    /// The same at the end of the prompt, once that has a name.
    prompt: Option<PrefixHash>,
}

/// What may be found of a sequence: its last token's logits are wanted, so that one is computed.
fn all_but_last(tokens: &[u32]) -> &[u32] {
    &tokens[..tokens.len().saturating_sub(1)]
}

/// The prefixes of a sequence of tokens that end with a block, shorter ones first.
fn path(salt: &Salt, tokens: &[u32]) -> impl Iterator<Item = PrefixHash> {
    whole_blocks(tokens).scan(PrefixHash::root(salt), |prefix, block| {
        *prefix = prefix.then(&block);
        Some(*prefix)
    })
}

/// The whole blocks of a sequence of tokens.
fn whole_blocks(tokens: &[u32]) -> impl Iterator<Item = BlockTokens> + '_ {
    tokens.as_chunks().0.iter().copied()
}

impl BlockTable {
    /// How many blocks of the full pool [`BlockTable::find`] would find, and how many of them
    /// nobody holds now.
    pub(crate) fn look(cache: &SharedCache, salt: &Salt, tokens: &[u32]) -> (usize, usize) {
        cache.lock().look(salt, whole_blocks(all_but_last(tokens)))
    }

    /// A table that holds what is in the cache of `tokens`, of which `prompt` are the prompt.
    pub(crate) fn find(cache: &SharedCache, salt: &Salt, tokens: &[u32], prompt: usize) -> Self {
        let tokens = all_but_last(tokens);
        let mut locked = cache.lock();
        let found = locked.find(salt, whole_blocks(tokens));
        drop(locked);
        let named = found.full.len();
        let prefix = path(salt, &tokens[..named * BLOCK_TOKENS]).last();
        let prefix = prefix.unwrap_or_else(|| PrefixHash::root(salt));
        let prompt = prompt.saturating_sub(1) / BLOCK_TOKENS;
        let mut marks = vec![prompt];
        if found.beyond > 0 {
            // Others have come this way and then turned off: more may.
            marks.push(named + found.beyond);
        }
        Self {
            cache: cache.clone(),
            full: found.full,
            drafted: 0,
            window: found.window.into(),
            behind: found.behind,
            named,
            parent: found.parent,
            marks,
            gap: 0,
            prefix,
            prompt: (named == prompt).then_some(prefix),
        }
    }

    /// A table that holds nothing yet.
    pub(crate) fn empty(cache: &SharedCache, salt: &Salt, prompt: usize) -> Self {
        Self {
            cache: cache.clone(),
            full: Vec::new(),
            drafted: 0,
            window: VecDeque::new(),
            behind: 0,
            named: 0,
            parent: Parent::Root(salt.clone()),
            marks: vec![prompt.saturating_sub(1) / BLOCK_TOKENS],
            gap: 0,
            prefix: PrefixHash::root(salt),
            prompt: None,
        }
    }

    /// Notes that a sequence begins with these tokens. Returns on what terms its blocks are to be
    /// kept.
    pub(crate) fn begin(&self, salt: &Salt, tokens: &[u32]) -> u64 {
        self.cache.lock().note_begin(path(salt, all_but_last(tokens)))
    }

    /// Says on what terms its blocks are to be kept.
    pub(crate) fn keep_for(&mut self, gap: u64) {
        self.gap = gap;
    }

    /// Notes that the sequence has ended, so that others may go on from there.
    pub(crate) fn end(&self) {
        let mut cache = self.cache.lock();
        self.prompt.into_iter().chain([self.prefix]).for_each(|end| cache.note_end(end));
    }

    /// Tokens whose keys and values were found.
    pub(crate) fn found_tokens(&self) -> usize {
        self.named * BLOCK_TOKENS
    }

    /// Blocks held in the full pool.
    pub(crate) fn full_blocks(&self) -> usize {
        self.full.len()
    }

    /// Blocks held in the window pool.
    pub(crate) fn window_blocks(&self) -> usize {
        self.window.len()
    }

    /// The block after the last one held in the window pool.
    pub(crate) fn window_end(&self) -> usize {
        self.behind + self.window.len()
    }

    /// What is held, of the full pool and of the window pool.
    pub(crate) fn held(&self) -> (&[BlockId], Vec<BlockId>) {
        (&self.full, self.window.iter().copied().collect())
    }

    /// Takes what is missing of the first `blocks` blocks of the full pool. False if it has not
    /// enough; what it had is held then.
    #[must_use]
    pub(crate) fn grow_full(&mut self, blocks: usize) -> bool {
        let mut cache = self.cache.lock();
        while self.full.len() < blocks {
            let Some(id) = cache.take_full() else { return false };
            self.full.push(id);
        }
        true
    }

    /// Takes what is missing up to block `end` of the window pool, if the model has windows. False
    /// if it has not enough; what it had is held then.
    #[must_use]
    pub(crate) fn grow_window(&mut self, end: usize) -> bool {
        let mut cache = self.cache.lock();
        while cache.has_window() && self.window_end() < end {
            let Some(id) = cache.take_window() else { return false };
            self.window.push_back(id);
        }
        true
    }

    /// Gives back what is held from block `end` on, where only drafts were.
    pub(crate) fn shrink(&mut self, end: usize) {
        let mut cache = self.cache.lock();
        while self.window_end() > end.max(self.behind) {
            let Some(id) = self.window.pop_back() else { break };
            cache.release_window(id, Worth::Little, self.gap);
        }
        while self.full.len() > end.max(self.named) {
            let Some(id) = self.full.pop() else { break };
            cache.release_full(id, self.gap);
        }
    }

    /// Takes note that the first `computed` of `tokens` are in the cache: blocks that are full get
    /// names, and those that the window has passed are given back.
    pub(crate) fn fill(&mut self, tokens: &[u32], computed: usize) {
        let mut cache = self.cache.lock();
        for block in whole_blocks(&tokens[..computed]).skip(self.named) {
            let in_window = self.named.checked_sub(self.behind);
            let in_window = in_window.filter(|&index| index < self.window.len());
            let own = Places {
                full: self.full[self.named],
                window: in_window.map(|index| self.window[index]),
            };
            let prefix = Prefix { parent: self.parent.clone(), tokens: block };
            let before = self.named.checked_sub(1).map(|index| self.full[index]);
            let (places, parent) = cache.name(prefix, before, own);
            self.parent = parent;
            self.full[self.named] = places.full;
            if places.full != own.full && !cache.is_drafted(places.full) {
                self.drafted = self.drafted.min(self.named * BLOCK_TOKENS);
            }
            if let (Some(index), Some(id)) = (in_window, places.window) {
                self.window[index] = id;
            }
            self.named += 1;
            self.prefix = self.prefix.then(&block);
            if self.marks.first() == Some(&self.named) {
                self.prompt = Some(self.prefix);
            }
        }
        // From the beginning of the last token's block, so that the prefix can be taken up there.
        let end = computed.saturating_sub(1) / BLOCK_TOKENS;
        let first = cache.window_before(end).start;
        while self.behind < first {
            let Some(id) = self.window.pop_front() else { break };
            let reaches = |&mark: &usize| cache.window_before(mark).contains(&self.behind);
            let marked = self.marks.iter().any(reaches);
            let worth = if marked { Worth::Much } else { Worth::Little };
            cache.release_window(id, worth, self.gap);
            self.behind += 1;
        }
    }

    /// The tables of a row that ends at position `end`. What lies behind the window is block 0.
    pub(crate) fn tables(&self, end: usize) -> BlockTables {
        let blocks = end.div_ceil(BLOCK_TOKENS);
        let behind = std::iter::repeat_n(0, self.behind);
        BlockTables {
            full: self.full[..blocks].to_vec(),
            window: behind.chain(self.window.iter().copied()).take(blocks).collect(),
        }
    }
}

impl Drop for BlockTable {
    fn drop(&mut self) {
        let mut cache = self.cache.lock();
        // What the sequence ended with is where a conversation goes on.
        while let Some(id) = self.window.pop_back() {
            cache.release_window(id, Worth::Much, self.gap);
        }
        while let Some(id) = self.full.pop() {
            cache.release_full(id, self.gap);
        }
    }
}
