//! Drafts that a model writes: small steps of its own before the step that looks at them. In each
//! it reads what is new to it of a text, and gives one more draft. Whoever has more that is new
//! than a step holds gets no drafts this time; the rest is read before the next steps.

use std::collections::HashSet;

use throng_model::{Batch, BlockId, BlockTables, Row};

use super::{Scheduler, Step};

/// A small step of a draft model, and whose its rows are.
#[derive(Debug)]
pub struct DraftStep {
    /// What the draft model is to run.
    pub batch: Batch,
    /// Of each row, the row of the step that its draft is for, and the index of its sequence among
    /// those that run.
    of: Vec<(usize, usize)>,
}

impl Scheduler {
    /// What a draft model is to run next before a step; `None` when the step has all its drafts. In
    /// the draft model's cache both kinds of layers have as many blocks as there are for layers that
    /// see the whole context, and all its tables are these.
    pub fn next_draft(&mut self, step: &mut Step) -> Option<DraftStep> {
        let mut draft = DraftStep { batch: Batch::default(), of: Vec::new() };
        let mut waiting = self.waiting_for_drafts(step);
        // Whoever is behind has what the others leave.
        waiting.sort_by_key(|&(_, _, from, end)| end - from);
        let mut budget = self.config.max_batched_tokens;
        let mut written: HashSet<BlockId> = HashSet::new();
        for (row, index, from, end) in waiting {
            let running = &self.running[index];
            let stop = end.min(from + budget);
            let blocks = running.table.blocks_of(from, stop);
            // Of those who share a block one computes it.
            let is_free = blocks.iter().all(|id| !written.contains(id));
            if stop < end || !is_free {
                step.rooms[row] = step.drafts[row];
            }
            if stop == from || !is_free {
                continue;
            }
            written.extend(blocks);
            budget -= stop - from;
            let known = running.sequence.tokens();
            let drafts = &step.batch.rows[row].tokens[1..];
            let text = known[from.min(known.len())..].iter().chain(drafts);
            let text = text.skip(from.saturating_sub(known.len()));
            let table = running.table.tables(stop).full;
            draft.batch.rows.push(Row {
                tokens: text.take(stop - from).copied().collect(),
                position: from,
                blocks: BlockTables { full: table.clone(), window: table },
                wanted_logits: usize::from(stop == end),
            });
            draft.of.push((row, index));
        }
        (!draft.batch.rows.is_empty()).then_some(draft)
    }

    /// Rows of a step that want one more draft: their number, the index of the sequence, and which
    /// positions the draft model has to read for it.
    fn waiting_for_drafts(&mut self, step: &Step) -> Vec<(usize, usize, usize, usize)> {
        let mut running = self.running.iter_mut().enumerate();
        let mut waiting = Vec::new();
        for (row, arrival) in step.sequences.iter().enumerate() {
            let of = running.find(|(_, running)| running.sequence.arrival == *arrival);
            let (index, running) = of.expect("a step's sequences run until it is done");
            if step.drafts[row] < step.rooms[row] {
                let end = running.sequence.tokens().len() + step.drafts[row];
                // The last one's logits are wanted.
                let from = running.table.drafted().min(end - 1);
                waiting.push((row, index, from, end));
            }
        }
        waiting
    }

    /// Takes in the logits of a small step, `[wanted, vocab]`: drafts for the rows of the step.
    pub fn on_draft_done(&mut self, step: &mut Step, draft: &DraftStep, logits: &[f32]) {
        let mut wanted = Vec::new();
        for (read, &(row, index)) in draft.batch.rows.iter().zip(&draft.of) {
            self.running[index].table.set_drafted(read.position + read.tokens.len());
            if read.wanted_logits > 0 {
                wanted.push((row, index));
            }
        }
        let jobs =
            wanted.iter().zip(logits.chunks_exact(self.vocab)).map(|(&(row, index), own)| {
                self.running[index].sequence.draft_job(own, step.drafts[row])
            });
        let jobs: Vec<_> = jobs.collect();
        for ((row, index), chosen) in wanted.into_iter().zip(self.sampler.choose_all(&jobs)) {
            let Some(chosen) = chosen else {
                step.rooms[row] = step.drafts[row];
                continue;
            };
            let target = &mut step.batch.rows[row];
            target.tokens.push(chosen.id);
            target.wanted_logits += 1;
            step.drafts[row] += 1;
            if self.running[index].sequence.stops_at(chosen.id) {
                step.rooms[row] = step.drafts[row];
            }
        }
    }
}
