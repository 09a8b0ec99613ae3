//! Who gets a place in the KV cache, and who has to give one up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use throng_model::BLOCK_TOKENS;

use super::Scheduler;
use super::running::Running;
use crate::cache::BlockTable;
use crate::event::FinishReason;
use crate::sequence::Sequence;

/// Why a sequence was not admitted: what there was for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    arrival: u64,
    available: usize,
    running: usize,
    unclaimed: usize,
}

impl Scheduler {
    /// Lets go of sequences whose clients have left, do not read or are out of time.
    pub(super) fn let_go(&mut self, now: Duration) {
        let over = |sequence: &Sequence| {
            if sequence.is_abandoned() {
                Some(FinishReason::Cancelled)
            } else {
                sequence.is_expired(now).then_some(FinishReason::Expired)
            }
        };
        for sequence in self.tenants.take_if(|sequence| over(sequence).is_some()) {
            let reason = over(&sequence).unwrap_or(FinishReason::Cancelled);
            self.stats.finished.count(&reason);
            sequence.finish(reason);
        }
        for running in std::mem::take(&mut self.running) {
            match over(&running.sequence) {
                Some(reason) => self.finish(running, reason),
                None if running.sequence.is_unread() => self.suspend(running),
                None => self.running.push(running),
            }
        }
    }

    /// Admits sequences while there are seats and blocks for them. Whoever has more seats than its
    /// tenant's share makes room for whoever has fewer.
    pub(super) fn admit(&mut self) {
        while let Some(name) = self.tenants.next() {
            if self.running.len() >= self.config.max_sequences && !self.preempt_for(&name) {
                break;
            }
            let Some(mut sequence) = self.tenants.pop(&name) else { break };
            let mut has_room = self.has_room(&sequence);
            while !has_room && self.preempt_for(&name) {
                has_room = self.has_room(&sequence);
            }
            if !has_room {
                self.tenants.put_back(sequence);
                break;
            }
            let mut table = self.table_for(&sequence);
            let grown = table.grow_full(sequence.tokens().len().div_ceil(BLOCK_TOKENS));
            assert!(grown, "blocks were counted before they were taken");
            self.begin(&mut sequence, &mut table);
            self.running.push(Running { sequence, table });
        }
    }

    /// The table of a sequence that is about to begin, with what the cache has of its tokens.
    fn table_for(&self, sequence: &Sequence) -> BlockTable {
        let (salt, prompt) = (sequence.salt(), sequence.prompt_tokens());
        if sequence.may_use_cache() {
            BlockTable::find(&self.cache, salt, sequence.tokens(), prompt)
        } else {
            BlockTable::empty(&self.cache, salt, prompt)
        }
    }

    /// Books the beginning of a sequence, its first or another one.
    fn begin(&mut self, sequence: &mut Sequence, table: &mut BlockTable) {
        let found = table.found_tokens();
        let is_first = sequence.start(found);
        if is_first && sequence.may_use_cache() {
            sequence.gap = table.begin(sequence.salt(), sequence.tokens());
        }
        table.keep_for(sequence.gap);
        let Some(stats) = self.tenants.stats_of(sequence.tenant()) else { return };
        stats.running += 1;
        if is_first {
            stats.cached_tokens += found as u64;
            self.stats.cached_tokens += found as u64;
            if sequence.may_use_cache() {
                self.stats.queried_tokens += sequence.prompt_tokens() as u64;
            }
        }
    }

    /// Whether there are blocks for a sequence's tokens so far, and, for those that run already,
    /// one more each: else it would soon be one of those that lose their seat.
    fn has_room(&mut self, sequence: &Sequence) -> bool {
        let available = self.cache.lock().full.available();
        let refusal = Refusal {
            arrival: sequence.arrival,
            available,
            running: self.running.len(),
            unclaimed: self.window_unclaimed(),
        };
        if self.refused == Some(refusal) {
            // Nothing that counts has changed, and a long prompt takes a while to look up.
            return false;
        }
        let (found, idle) = if sequence.may_use_cache() {
            BlockTable::look(&self.cache, sequence.salt(), sequence.tokens())
        } else {
            (0, 0)
        };
        let blocks = sequence.tokens().len().div_ceil(BLOCK_TOKENS);
        // Those that are found must not be given up for the others.
        let full = blocks - found + idle + refusal.running;
        let has_room = full <= available && self.window_least <= refusal.unclaimed;
        self.refused = (!has_room).then_some(refusal);
        has_room
    }

    /// Blocks of the window pool that no running sequence has a claim to. Each may have as many as
    /// it needs to go on, whatever it has now. Those that several share count for each of them:
    /// when one gives its claim up, and takes another block in its place, the others hold it still.
    pub(super) fn window_unclaimed(&self) -> usize {
        let claim = |running: &Running| self.window_least.max(running.table.window_blocks());
        let claimed: usize = self.running.iter().map(claim).sum();
        self.cache.lock().window.blocks().saturating_sub(claimed)
    }

    /// Takes a seat from a tenant that has more than its share beside `name`. False if none has.
    fn preempt_for(&mut self, name: &Arc<str>) -> bool {
        let debtors = self
            .running
            .iter()
            .enumerate()
            .filter(|(_, running)| self.tenants.owes(running.sequence.tenant(), name));
        let Some(index) = self.newest_of_heaviest(debtors) else { return false };
        self.preempt(index);
        true
    }

    /// Of some running sequences the newest of the tenant that holds most blocks for its weight.
    pub(super) fn newest_of_heaviest<'a>(
        &self,
        candidates: impl Iterator<Item = (usize, &'a Running)>,
    ) -> Option<usize> {
        let mut held: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for Running { sequence, table } in &self.running {
            *held.entry(sequence.tenant()).or_default() += table.full_blocks();
        }
        let rank = |running: &Running| {
            let tenant = running.sequence.tenant();
            (self.tenants.load(tenant, held[tenant]), running.sequence.arrival)
        };
        candidates.max_by_key(|(_, running)| rank(running)).map(|(index, _)| index)
    }

    /// Takes the place of a running sequence.
    pub(super) fn preempt(&mut self, index: usize) {
        let running = self.running.remove(index);
        self.stats.preemptions += 1;
        if let Some(stats) = self.tenants.stats_of(running.sequence.tenant()) {
            stats.preemptions += 1;
        }
        self.suspend(running);
    }

    /// Lets a sequence that ran wait again.
    fn suspend(&mut self, running: Running) {
        let Running { mut sequence, table } = running;
        drop(table);
        self.vacate(&sequence);
        sequence.stop();
        self.tenants.put_back(sequence);
    }
}
