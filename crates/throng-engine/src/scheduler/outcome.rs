//! What a step gave, handed to those whose rows it had.

use throng_model::Row;

use super::running::Running;
use super::{Scheduler, Step};
use crate::event::FinishReason;
use crate::sampler::Chosen;

impl Scheduler {
    /// Takes in the logits of a step, `[wanted, vocab]` in the order of its rows, and finishes what
    /// is over.
    pub fn on_step_done(&mut self, step: &Step, logits: &[f32]) {
        let rows = self.rows_of(step);
        for &(index, row) in &rows {
            self.advance(index, row);
            self.running[index].sequence.prepare(self.vocab);
        }
        let mut rest = logits;
        let mut wanted = Vec::new();
        for &(index, row) in &rows {
            let (own, others) = rest.split_at(row.wanted_logits * self.vocab);
            rest = others;
            wanted.push((index, own));
        }
        let mut chosen = self.choose(&wanted);
        self.choose_again(&wanted, &mut chosen);
        let mut over = vec![None; self.running.len()];
        for ((index, _), own) in rows.into_iter().zip(chosen) {
            over[index] = self.take(index, own);
        }
        for (running, over) in std::mem::take(&mut self.running).into_iter().zip(over) {
            match over {
                Some(reason) => self.finish(running, reason),
                None => self.running.push(running),
            }
        }
    }

    /// What the sequences of these indices want of these logits.
    fn choose(&mut self, wanted: &[(usize, &[f32])]) -> Vec<Vec<Option<Chosen>>> {
        let mut jobs = Vec::new();
        let mut counts = Vec::new();
        for &(index, logits) in wanted {
            let before = jobs.len();
            jobs.extend(self.running[index].sequence.jobs(logits, self.vocab));
            counts.push(jobs.len() - before);
        }
        let mut chosen = self.sampler.choose_all(&jobs).into_iter();
        counts.into_iter().map(|count| chosen.by_ref().take(count).collect()).collect()
    }

    /// Puts another token in the place of each that was drawn and may not come.
    fn choose_again(&mut self, wanted: &[(usize, &[f32])], chosen: &mut [Vec<Option<Chosen>>]) {
        let vocab = self.vocab;
        let (mut refused, mut last) = (Vec::new(), Vec::new());
        for (&(index, logits), own) in wanted.iter().zip(chosen) {
            if self.running[index].sequence.refuses(own, vocab) {
                last.push((index, &logits[logits.len() - vocab..]));
                refused.push(own);
            }
        }
        for (own, second) in refused.into_iter().zip(self.choose(&last)) {
            own.pop();
            own.extend(second);
        }
    }

    /// The rows of a step, each with the index of its sequence among those that run.
    fn rows_of<'a>(&self, step: &'a Step) -> Vec<(usize, &'a Row)> {
        let mut running = self.running.iter().enumerate();
        let rows = step.batch.rows.iter().zip(&step.sequences).map(|(row, arrival)| {
            let of = running.find(|(_, running)| running.sequence.arrival == *arrival);
            (of.expect("a step's sequences run until it is done").0, row)
        });
        rows.collect()
    }

    /// Notes that a row is computed.
    fn advance(&mut self, index: usize, row: &Row) {
        let Running { sequence, table } = &mut self.running[index];
        let new = sequence.advance(row.tokens.len());
        table.fill(sequence.tokens(), sequence.computed());
        self.tenants.charge(sequence.tenant(), new, 0);
        let of_prompt = sequence.prompt_tokens().saturating_sub(row.position);
        let of_prompt = of_prompt.min(row.tokens.len()) as u64;
        self.stats.prompt_tokens += of_prompt;
        if let Some(stats) = self.tenants.stats_of(sequence.tenant()) {
            stats.prompt_tokens += of_prompt;
        }
    }

    /// Hands a sequence what its row gave. Returns why it is over, if it is.
    fn take(&mut self, index: usize, chosen: Vec<Option<Chosen>>) -> Option<FinishReason> {
        let sequence = &mut self.running[index].sequence;
        let before = sequence.answer_tokens();
        let over = sequence.take(chosen);
        let generated = sequence.answer_tokens() - before;
        self.tenants.charge(sequence.tenant(), 0, generated);
        self.stats.generated_tokens += generated as u64;
        over
    }
}
