//! Drafts behind the tokens that are due. They take what is left when everyone else has theirs: tokens
//! of the step, and blocks that nobody holds.

use throng_model::BLOCK_TOKENS;

use super::plan::Plan;
use super::running::Running;
use super::{DraftStep, Scheduler, Step};
use crate::speculation::{Candidate, Drafter, Method, PREDICTED_TOKENS, Speculation};

/// What came of the drafts of a step, and what they took to write.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drafted {
    /// Where all of them come from, if it is one place.
    method: Option<Method>,
    pub(super) accepted: usize,
    seconds: f64,
}

/// What stands behind the tokens that are due to a sequence.
#[derive(Clone, Debug, Default)]
pub(super) struct Drafts {
    pub(super) tokens: Vec<u32>,
    /// How many there may be; there are blocks for so many.
    pub(super) room: usize,
}

impl Scheduler {
    /// Drafts, or room for those that a model will draft, for the sequences of a plan, each with
    /// blocks for its own.
    pub(super) fn draft(&mut self, plan: &mut Plan) -> Vec<Drafts> {
        let mut drafts = vec![Drafts::default(); self.running.len()];
        self.drafted = Drafted::default();
        if plan.budget == 0 {
            return drafts;
        }
        for (index, drafts) in drafts.iter_mut().enumerate() {
            if plan.counts[index] > 0 {
                *drafts = self.proposed(index);
            }
        }
        if drafts.iter().all(|drafts| drafts.room == 0) {
            return drafts;
        }
        if self.config.speculation.is_none_or(|speculation| speculation.adaptive) {
            self.adapt(plan, &mut drafts);
        }
        for (index, drafts) in drafts.iter_mut().enumerate() {
            drafts.room = self.reserve(index, drafts.room.min(plan.budget), &mut plan.spare);
            drafts.tokens.truncate(drafts.room);
            plan.budget -= drafts.room;
        }
        drafts
    }

    /// What may be drafted for a sequence at most: what its request predicts, or else what the
    /// operator's drafter has.
    fn proposed(&mut self, index: usize) -> Drafts {
        let sequence = &mut self.running[index].sequence;
        let room = sequence.draft_room();
        if room == 0 {
            return Drafts::default();
        }
        let tokens = sequence.predict(room.min(PREDICTED_TOKENS));
        if !tokens.is_empty() {
            sequence.set_method(Method::Prediction);
            return Drafts { room: tokens.len(), tokens };
        }
        let Some(Speculation { drafter, tokens: most, .. }) = self.config.speculation else {
            return Drafts::default();
        };
        sequence.set_method(drafter.method());
        let room = room.min(most);
        match drafter {
            Drafter::Ngram(ngram) => {
                let tokens = sequence.look_up(ngram, room);
                Drafts { room: tokens.len(), tokens }
            }
            Drafter::Model if self.stats.speculation.failures > 0 => Drafts::default(),
            Drafter::Model => Drafts { tokens: Vec::new(), room },
        }
    }

    /// Leaves as much of that as is worth it.
    fn adapt(&mut self, plan: &Plan, drafts: &mut [Drafts]) {
        let running = self.running.iter_mut().zip(&plan.counts).zip(drafts.iter());
        // Those that get a token of this step anyway.
        let decoding = running
            .filter(|((running, count), _)| **count > 0 && **count == running.sequence.pending());
        let candidates = decoding.map(|((Running { sequence, table }, _), drafts)| {
            let method = sequence.method();
            let is_read = method == Method::DraftModel;
            Candidate {
                method,
                room: drafts.room,
                rate: sequence.acceptance(self.depths.rate(method)),
                answered: sequence.answer_tokens(),
                behind: if is_read { sequence.tokens().len() - table.drafted() } else { 0 },
            }
        });
        let mut candidates: Vec<Candidate> = candidates.collect();
        let (sequences, tokens) = (candidates.len(), plan.counts.iter().sum());
        for method in Method::ALL {
            let of = |one: &Candidate| one.method == method && one.room > 0;
            let gains = &mut self.depths.gains;
            if candidates.iter().any(of) && !gains.may_draft(method, sequences, tokens == sequences)
            {
                let of = candidates.iter_mut().filter(|one| one.method == method);
                of.for_each(|one| one.room = 0);
            }
        }
        let mut depths = self.depths.choose(&candidates, tokens);
        self.depths.try_again(&candidates, &mut depths);
        let drafted = candidates.iter().zip(&depths).filter(|(_, depth)| **depth > 0);
        let mut methods = drafted.map(|(one, _)| one.method);
        let first = methods.next();
        self.drafted.method = first.filter(|first| methods.all(|method| method == *first));
        let mut depths = depths.into_iter();
        for ((running, count), drafts) in self.running.iter_mut().zip(&plan.counts).zip(drafts) {
            if *count == 0 || *count != running.sequence.pending() {
                continue;
            }
            drafts.room = depths.next().unwrap_or(0);
            let foreseen = drafts.tokens.first().filter(|_| drafts.room == 0);
            running.sequence.foresee(foreseen.copied());
        }
    }

    /// Notes what a step took, drawing included: the next drafts are as many as that makes worth
    /// it. A scheduler has no clock; what it is told here changes no answer.
    pub fn note_step_seconds(&mut self, step: &Step, seconds: f64) {
        // Of what a prompt costs a draft's cost cannot be told.
        let mut rows = step.batch.rows.iter().zip(&step.drafts);
        if rows.all(|(row, drafts)| row.tokens.len() == 1 + drafts) {
            let (sequences, tokens) = (step.batch.rows.len(), step.batch.tokens());
            self.depths.step.observe(tokens, seconds);
            let Drafted { method, accepted, seconds: before } = self.drafted;
            let given = sequences + accepted;
            match method {
                _ if tokens == sequences => self.depths.gains.observe_plain(sequences, seconds),
                Some(method) => {
                    self.depths.gains.observe(method, sequences, given, before + seconds);
                }
                None => {}
            }
        }
    }

    /// Notes what a draft model's small step took.
    pub fn note_draft_seconds(&mut self, draft: &DraftStep, seconds: f64) {
        self.depths.draft.observe(draft.batch.tokens(), seconds);
        // What is read first is for the whole answer.
        let read = draft.batch.tokens() - draft.batch.rows.len();
        self.drafted.seconds += (seconds - read as f64 * self.depths.draft.slope()).max(0.0);
    }

    /// Takes blocks for up to `count` drafts of a sequence that has one for the token that is due.
    /// Returns for how many there are some without taking anyone's place.
    fn reserve(&mut self, index: usize, count: usize, spare: &mut usize) -> usize {
        let running = &self.running[index];
        let available = self.cache.lock().full.available();
        let end = (running.table.full_blocks() + available) * BLOCK_TOKENS;
        let due = running.sequence.computed() + 1;
        let count = count.min(end.saturating_sub(due));
        if count == 0 {
            return 0;
        }
        self.grow(index, 1 + count, spare).saturating_sub(1)
    }
}
