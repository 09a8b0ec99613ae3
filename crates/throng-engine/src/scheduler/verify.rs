//! What the model says to drafts. A row with drafts has the logits of the token that was due and of
//! each draft. The first say what comes next, as in any row; where that is the first draft, the
//! second are the logits of the answer so far, and say what comes then. So every token is drawn
//! from the logits, and by the random numbers, that it would be drawn from without drafts, and what
//! follows it has happened to the sequence before the next one is looked at. What was computed
//! of drafts that do not come stays where the next tokens' keys and values will be written.

use throng_model::Row;

use super::{Scheduler, Step};
use crate::event::FinishReason;

/// A row of a step that is done, from the tokens on that are looked at next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Computed<'a> {
    /// Of its sequence among those that run.
    pub(super) index: usize,
    /// Where the tokens begin.
    pub(super) position: usize,
    /// How many are no drafts any more.
    pub(super) count: usize,
    /// What they want, `[wanted, vocab]`.
    pub(super) logits: &'a [f32],
    /// Drafts behind them.
    drafts: &'a [u32],
    /// Logits of these, `[drafts, vocab]`.
    rest: &'a [f32],
}

impl<'a> Computed<'a> {
    /// The same when the first draft has come.
    fn next(self, vocab: usize) -> Option<Self> {
        let (_, drafts) = self.drafts.split_first()?;
        let (logits, rest) = self.rest.split_at(vocab);
        Some(Self { position: self.position + self.count, count: 1, logits, drafts, rest, ..self })
    }

    fn new(index: usize, row: &'a Row, drafts: usize, logits: &'a [f32], vocab: usize) -> Self {
        let count = row.tokens.len() - drafts;
        let (logits, rest) = logits.split_at((row.wanted_logits - drafts) * vocab);
        let drafts = &row.tokens[count..];
        Self { index, position: row.position, count, logits, drafts, rest }
    }
}

impl Scheduler {
    /// Takes in the logits of a step, `[wanted, vocab]` in the order of its rows, and finishes what
    /// is over.
    pub fn on_step_done(&mut self, step: &Step, logits: &[f32]) {
        let mut over = vec![None; self.running.len()];
        let mut rows = self.computed(step, logits);
        let drafted: Vec<(usize, usize)> =
            rows.iter().map(|row| (row.index, row.drafts.len())).collect();
        let mut accepted = vec![0; self.running.len()];
        while !rows.is_empty() {
            rows = self.take_all(&rows, &mut over, &mut accepted);
        }
        for (index, drafted) in drafted {
            let (running, accepted) = (&mut self.running[index], accepted[index]);
            if drafted > 0 {
                let method = running.sequence.method();
                self.stats.speculation.note(method, drafted, accepted);
                self.depths.all[method].observe(drafted, accepted);
                self.drafted.accepted += accepted;
                running.sequence.note_drafts(drafted, accepted);
            }
            if drafted > 0 || self.config.speculation.is_some() {
                running.settle();
            }
        }
        for (running, over) in std::mem::take(&mut self.running).into_iter().zip(over) {
            match over {
                Some(reason) => self.finish(running, reason),
                None => self.running.push(running),
            }
        }
    }

    /// The rows of a step, and what was computed for each.
    fn computed<'a>(&self, step: &'a Step, logits: &'a [f32]) -> Vec<Computed<'a>> {
        let mut running = self.running.iter().enumerate();
        let mut rest = logits;
        let rows = step.batch.rows.iter().zip(&step.sequences).zip(&step.drafts);
        let computed = rows.map(|((row, arrival), &drafts)| {
            let of = running.find(|(_, running)| running.sequence.arrival == *arrival);
            let (index, _) = of.expect("a step's sequences run until it is done");
            let (own, others) = rest.split_at(row.wanted_logits * self.vocab);
            rest = others;
            Computed::new(index, row, drafts, own, self.vocab)
        });
        computed.collect()
    }

    /// Hands the sequences of some rows what these gave; `over` has why those that are over are, and
    /// `accepted` how many drafts of each have come. Returns the rows whose first draft has come.
    fn take_all<'a>(
        &mut self,
        rows: &[Computed<'a>],
        over: &mut [Option<FinishReason>],
        accepted: &mut [usize],
    ) -> Vec<Computed<'a>> {
        for row in rows {
            self.advance(row);
            self.running[row.index].sequence.prepare(self.vocab);
        }
        let wanted: Vec<_> = rows.iter().map(|row| (row.index, row.logits)).collect();
        let mut chosen = self.choose(&wanted);
        self.choose_again(&wanted, &mut chosen);
        let mut left = Vec::new();
        for (row, chosen) in rows.iter().zip(chosen) {
            let (came, reason) = self.take(row.index, chosen);
            let sequence = &mut self.running[row.index].sequence;
            if let Some(right) = came.and_then(|came| sequence.compare_foreseen(came)) {
                self.depths.all[sequence.method()].observe(1, right.into());
            }
            if came.is_some() && came.as_ref() == row.drafts.first() {
                accepted[row.index] += 1;
                left.extend(row.next(self.vocab).filter(|_| reason.is_none()));
            }
            over[row.index] = reason;
        }
        left
    }
}
