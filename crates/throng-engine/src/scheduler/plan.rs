//! How many tokens each running sequence computes in the next step.

use throng_model::BLOCK_TOKENS;

use super::Scheduler;
use super::running::Running;

/// Tokens of the next step, and what is left.
#[derive(Debug)]
pub(super) struct Plan {
    /// Of each running sequence.
    pub(super) counts: Vec<usize>,
    /// Tokens that the step may have beside these.
    pub(super) budget: usize,
    /// Blocks of the window pool that nobody has a claim to.
    pub(super) spare: usize,
}

impl Scheduler {
    /// Tokens of the next step for each running sequence, with blocks for all of them. Sequences
    /// with one pending token have it; what is left of the budget goes to the others in turn.
    pub(super) fn plan(&mut self) -> Plan {
        self.make_answers_fit();
        let mut counts: Vec<usize> = self.running.iter().map(|_| 0).collect();
        let mut budget = self.config.max_batched_tokens;
        let turn = |running: &Running| {
            let sequence = &running.sequence;
            (sequence.pending() > 1, self.tenants.turn(sequence.tenant(), sequence.arrival))
        };
        let mut order: Vec<_> =
            self.running.iter().map(turn).enumerate().map(|(index, turn)| (turn, index)).collect();
        order.sort_unstable();
        let mut spare = self.window_unclaimed();
        for (_, index) in order {
            let count = self.running[index].sequence.pending().min(budget);
            counts[index] = self.grow(index, count, &mut spare);
            budget -= counts[index];
        }
        Plan { counts, budget, spare }
    }

    /// Takes places away until every sequence with one pending token has a block for it.
    fn make_answers_fit(&mut self) {
        let grows = |running: &&Running| {
            let end = running.sequence.computed() + running.sequence.pending();
            running.table.full_blocks() * BLOCK_TOKENS < end
        };
        while self.running.iter().filter(grows).count() > self.cache.lock().full.available() {
            let all = self.running.iter().enumerate();
            let Some(index) = self.newest_of_heaviest(all) else { break };
            self.preempt(index);
        }
    }

    /// Takes the blocks for up to `count` more tokens of a sequence. Returns for how many there
    /// are some: where the model has windows, a long chunk may need more blocks than are spare.
    pub(super) fn grow(&mut self, index: usize, count: usize, spare: &mut usize) -> usize {
        let least = self.window_least;
        let Running { sequence, table } = &mut self.running[index];
        let computed = sequence.computed();
        let own = least.saturating_sub(table.window_blocks());
        let count = if self.cache.lock().has_window() {
            let reach = (table.window_end() + own + *spare) * BLOCK_TOKENS;
            count.min(reach.saturating_sub(computed))
        } else {
            count
        };
        if count == 0 {
            return 0;
        }
        let blocks = (computed + count).div_ceil(BLOCK_TOKENS);
        *spare -= blocks.saturating_sub(table.window_end() + own).min(*spare);
        let placed = table.grow_full(blocks) && table.grow_window(blocks);
        assert!(placed, "blocks were counted before they were taken");
        count
    }
}
