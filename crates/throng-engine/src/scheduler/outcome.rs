//! What a step gave, handed to those whose rows it had.

use super::Scheduler;
use super::running::Running;
use super::verify::Computed;
use crate::event::FinishReason;
use crate::sampler::Chosen;

impl Scheduler {
    /// What the sequences of these indices want of these logits.
    pub(super) fn choose(&mut self, wanted: &[(usize, &[f32])]) -> Vec<Vec<Option<Chosen>>> {
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
    pub(super) fn choose_again(
        &mut self,
        wanted: &[(usize, &[f32])],
        chosen: &mut [Vec<Option<Chosen>>],
    ) {
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

    /// Notes that tokens of a row are computed.
    pub(super) fn advance(&mut self, row: &Computed<'_>) {
        let Running { sequence, table } = &mut self.running[row.index];
        let new = sequence.advance(row.count);
        table.fill(sequence.tokens(), sequence.computed());
        self.tenants.charge(sequence.tenant(), new, 0);
        let of_prompt = sequence.prompt_tokens().saturating_sub(row.position);
        let of_prompt = of_prompt.min(row.count) as u64;
        self.stats.prompt_tokens += of_prompt;
        if let Some(stats) = self.tenants.stats_of(sequence.tenant()) {
            stats.prompt_tokens += of_prompt;
        }
    }

    /// Hands a sequence what its row gave. Returns the token that it draws from it, if any, and why
    /// it is over, if it is.
    pub(super) fn take(
        &mut self,
        index: usize,
        chosen: Vec<Option<Chosen>>,
    ) -> (Option<u32>, Option<FinishReason>) {
        let sequence = &mut self.running[index].sequence;
        let before = sequence.answer_tokens();
        let over = sequence.take(chosen);
        let generated = sequence.answer_tokens() - before;
        let came = if generated > 0 { sequence.tokens().last().copied() } else { None };
        self.tenants.charge(sequence.tenant(), 0, generated);
        self.stats.generated_tokens += generated as u64;
        (came, over)
    }
}
