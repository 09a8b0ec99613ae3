//! A runner without a model: its logits follow from the tokens that it reads back out of its own KV
//! cache, so wrong block tables, positions or reused blocks show as wrong logits.

use throng_model::{BLOCK_TOKENS, Batch, BlockId, KvBlocks, Row, RunError, Runner};
use throng_spec::ModelSpec;

use crate::lineage::Lineage;
use crate::random::{mix, unit};

/// Stands in a history for a token that cannot be read back: its slot was never written, or holds
/// another position, another prefix's token, or not the same in both pools.
pub const UNREADABLE: u32 = u32::MAX;

/// The logits after a history: a pure function, so that a test can tell what must come out.
pub type Script = Box<dyn Fn(&[u32]) -> Vec<f32> + Send>;

/// A [`Runner`] that stores tokens where a model stores keys and values, and asks its script for
/// logits. Breaches of [`Runner::run`]'s contract panic, because they are the engine's bugs.
pub struct ScriptedRunner {
    spec: ModelSpec,
    blocks: KvBlocks,
    script: Script,
    /// Slots of the pool for layers that see everything; empty if there is no such layer.
    full: Vec<Slot>,
    /// Slots of the pool for layers with a window; empty if there is no such layer.
    window: Vec<Slot>,
    window_tokens: Option<usize>,
    /// Whether some layer sees the whole context.
    has_full: bool,
    /// Only of use if none does.
    lineage: Lineage,
    strict: bool,
    steps_left: usize,
    histories: Vec<Vec<u32>>,
    logits: Vec<f32>,
}

/// What stands for the keys and values of one token in all layers of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slot {
    token: u32,
    position: usize,
    /// Hash of all tokens up to this one, as keys and values depend on them; 0: never written.
    prefix: u64,
}

impl ScriptedRunner {
    /// A runner with so many KV blocks whose answers are [`hashed_logits`].
    ///
    /// # Panics
    /// Windows differ between layers.
    pub fn new(spec: ModelSpec, blocks: KvBlocks) -> Self {
        let vocab = spec.vocab;
        Self::with_script(spec, blocks, Box::new(move |history| hashed_logits(vocab, history)))
    }

    /// The same with answers of one's own.
    ///
    /// # Panics
    /// As for [`ScriptedRunner::new`].
    pub fn with_script(spec: ModelSpec, blocks: KvBlocks, script: Script) -> Self {
        let mut windows: Vec<_> = spec.layers.iter().map(|layer| layer.attention.window).collect();
        windows.sort_unstable();
        windows.dedup();
        let has_full = windows.first() == Some(&None);
        let window_tokens = windows.last().copied().flatten();
        let kinds = usize::from(has_full) + usize::from(window_tokens.is_some());
        assert_eq!(windows.len(), kinds, "windows differ between layers: {windows:?}");
        let full_blocks = if has_full { blocks.full } else { 0 };
        let window_blocks = if window_tokens.is_some() { blocks.window } else { 0 };
        Self {
            spec,
            blocks,
            script,
            full: vec![Slot::default(); full_blocks * BLOCK_TOKENS],
            window: vec![Slot::default(); window_blocks * BLOCK_TOKENS],
            window_tokens,
            has_full,
            lineage: Lineage::default(),
            strict: false,
            steps_left: usize::MAX,
            histories: Vec::new(),
            logits: Vec::new(),
        }
    }

    /// Makes every step after the first `steps` fail.
    pub fn failing_after(mut self, steps: usize) -> Self {
        self.steps_left = steps;
        self
    }

    /// Makes every row panic that cannot read all that it should see, wanted logits or not, and
    /// keeps what it has read for [`ScriptedRunner::histories`].
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// All tokens of each row of a strict runner's last batch, from position 0 to the row's end.
    pub fn histories(&self) -> &[Vec<u32>] {
        &self.histories
    }

    /// Checks what [`Runner::run`] asks of its caller.
    fn check(&self, batch: &Batch) {
        let mut written = std::collections::HashSet::new();
        for row in &batch.rows {
            let end = row.position + row.tokens.len();
            assert!(!row.tokens.is_empty(), "a row without tokens");
            assert!(row.wanted_logits <= row.tokens.len(), "more logits wanted than tokens");
            assert!(end <= self.spec.context, "position {end} is past the context");
            for &token in &row.tokens {
                assert!(
                    (token as usize) < self.spec.vocab,
                    "token {token} is not in the vocabulary"
                );
            }
            for position in row.position..end {
                if self.has_full {
                    let slot = place(&row.blocks.full, position);
                    assert!(written.insert((0, slot)), "two tokens share full slot {slot}");
                }
                if self.window_tokens.is_some() {
                    let slot = place(&row.blocks.window, position);
                    assert!(written.insert((1, slot)), "two tokens share window slot {slot}");
                }
            }
        }
    }

    fn write(&mut self, row: &Row) {
        for (position, &token) in (row.position..).zip(&row.tokens) {
            let before = position.checked_sub(1).map_or(0, |last| self.slot(row, last).prefix);
            let slot = Slot { token, position, prefix: extend(before, token) };
            if self.has_full {
                self.full[place(&row.blocks.full, position)] = slot;
            } else {
                self.lineage.learn(slot.prefix, before, token);
            }
            if self.window_tokens.is_some() {
                self.window[place(&row.blocks.window, position)] = slot;
            }
        }
    }

    /// What the layers that see most hold of a position.
    fn slot(&self, row: &Row, position: usize) -> Slot {
        if self.has_full {
            self.full[place(&row.blocks.full, position)]
        } else {
            self.window[place(&row.blocks.window, position)]
        }
    }

    /// The first position that a token sees through the window, if there is one.
    fn behind(&self, position: usize) -> usize {
        self.window_tokens.map_or(usize::MAX, |tokens| (position + 1).saturating_sub(tokens))
    }

    /// The tokens up to `position`, as layers of both kinds read them, those with a window from
    /// position `behind` on.
    fn history(&self, row: &Row, position: usize, behind: usize) -> Vec<u32> {
        let same_in_window =
            |at, slot| at < behind || self.window[place(&row.blocks.window, at)] == slot;
        if !self.has_full {
            let chain = self.lineage.of(self.slot(row, position).prefix);
            if chain.len() != position + 1 {
                return vec![UNREADABLE; position + 1];
            }
            let slots = chain.into_iter().enumerate().map(|(position, (prefix, token))| Slot {
                token,
                position,
                prefix,
            });
            return slots
                .map(
                    |slot| {
                        if same_in_window(slot.position, slot) { slot.token } else { UNREADABLE }
                    },
                )
                .collect();
        }
        let mut prefix = 0;
        (0..=position)
            .map(|at| {
                let slot = self.slot(row, at);
                prefix = extend(prefix, slot.token);
                let sound =
                    slot.position == at && slot.prefix == prefix && same_in_window(at, slot);
                if sound { slot.token } else { UNREADABLE }
            })
            .collect()
    }

    /// The tokens up to a row's last one; its first one sees most of what is behind them.
    fn whole_history(&self, row: &Row) -> Vec<u32> {
        let last = row.position + row.tokens.len() - 1;
        let history = self.history(row, last, self.behind(row.position));
        if let Some(at) = history.iter().position(|&token| token == UNREADABLE) {
            panic!("position {at} cannot be read back by the row of {}..={last}", row.position);
        }
        history
    }
}

impl Runner for ScriptedRunner {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn kv_blocks(&self) -> KvBlocks {
        self.blocks
    }

    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError> {
        self.steps_left = match self.steps_left.checked_sub(1) {
            Some(left) => left,
            None => return Err(RunError("scripted to fail".to_owned())),
        };
        self.check(batch);
        // All of a batch is written before any of it is read, as in every layer of a model.
        for row in &batch.rows {
            self.write(row);
        }
        if self.strict {
            self.histories = batch.rows.iter().map(|row| self.whole_history(row)).collect();
        }
        self.logits.clear();
        for row in &batch.rows {
            let end = row.position + row.tokens.len();
            for position in end - row.wanted_logits..end {
                let logits = (self.script)(&self.history(row, position, self.behind(position)));
                assert_eq!(logits.len(), self.spec.vocab, "the script's logits");
                self.logits.extend(logits);
            }
        }
        Ok(&self.logits)
    }
}

/// Index of a position's slot within its pool.
fn place(table: &[BlockId], position: usize) -> usize {
    let block = table.get(position / BLOCK_TOKENS);
    let block = *block.unwrap_or_else(|| panic!("no block for position {position}"));
    block as usize * BLOCK_TOKENS + position % BLOCK_TOKENS
}

/// Hash of a prefix and one more token; never 0.
const fn extend(prefix: u64, token: u32) -> u64 {
    mix(prefix.wrapping_add(token as u64).wrapping_add(1)) | 1
}

/// Random-looking logits from -4 to 4 that depend on every token of the history and its place.
pub fn hashed_logits(vocab: usize, history: &[u32]) -> Vec<f32> {
    let hash = history.iter().fold(0, |prefix, &token| extend(prefix, token));
    (0..vocab as u64).map(|id| 8.0 * unit(mix(hash ^ mix(id))) - 4.0).collect()
}

/// A script that answers every prompt that ends with `marker` by `reply`, token for token and with
/// near certainty; anything else by [`hashed_logits`].
pub fn reply_after(vocab: usize, marker: Vec<u32>, reply: Vec<u32>) -> Script {
    let whole = [&marker[..], &reply[..]].concat();
    Box::new(move |history| {
        let mut logits = hashed_logits(vocab, history);
        let said =
            (marker.len()..whole.len()).rev().find(|&said| history.ends_with(&whole[..said]));
        if let Some(said) = said {
            logits[whole[said] as usize] = 100.0;
        }
        logits
    })
}

/// The `count` most probable tokens after a prompt one by one, ties to the lower id: what an engine
/// must answer at temperature 0.
pub fn greedy(script: &dyn Fn(&[u32]) -> Vec<f32>, prompt: &[u32], count: usize) -> Vec<u32> {
    let mut history = prompt.to_vec();
    for _ in 0..count {
        let logits = script(&history);
        let best = (0..logits.len()).rev().max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
        history.push(best.expect("a vocabulary is not empty") as u32);
    }
    history.split_off(prompt.len())
}
