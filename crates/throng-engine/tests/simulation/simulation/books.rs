//! What is checked after a step, and at the end.

use std::mem::ManuallyDrop;

use throng_engine::{FinishReason, Step};

use super::Simulation;
use crate::arrival::tenant_name;
use crate::crowd::Member;
use crate::drafts::Draft;
use crate::limits::budget;
use crate::summary::Summary;

impl Simulation<'_> {
    /// Books each row of a step that is done with whom it belongs to.
    pub(super) fn take_rows(&mut self, step: &Step) {
        let preemptions = self.scheduler.stats().preemptions;
        self.stale_tokens += step.batch.tokens();
        let rows = step.batch.rows.iter().zip(step.drafts()).zip(self.runner.histories());
        for (((row, &drafts), history), &sequence) in rows.zip(step.sequences()) {
            let member = &mut self.crowd.0[sequence as usize];
            let first = member.course.rows == 0;
            let news = member.course.take(row, drafts, history);
            self.summary.accepted += news.accepted as u64;
            self.summary.rejected += (drafts - news.accepted) as u64;
            let Member { life, course, tenant, .. } = member;
            let name = life.name();
            // Who computes the same and draws by the same numbers is right to the answer's end.
            let always = Draft::is_always_right(self.world) && !course.predicts;
            let right = !always || news.accepted == drafts;
            assert!(right || course.is_over, "{name}: {} of {drafts} drafts", news.accepted);
            member.was_unread |= course.said - life.said >= 1000;
            let lost = preemptions > member.preemptions || member.was_unread;
            if let Some(cached) = life.cached_tokens.filter(|_| first && !lost) {
                assert_eq!(row.position, cached, "{name}: the first row, and what was cached");
            }
            assert!(first || !news.restarted || lost, "{name}: it began again for no reason");
            member.preemptions = preemptions;
            self.tree.grow(member.salt, course.computed_tokens(), row.position);
            self.fairness.serve(*tenant, news.service);
            self.counts[*tenant].0 += news.prompt_tokens as u64;
            self.counts[*tenant].1 += news.said as u64;
            if news.any {
                self.stale_tokens = 0;
            }
        }
        let places = self.world.config.max_sequences * self.world.positions();
        let bound = places + budget(self.world);
        assert!(
            self.stale_tokens <= bound,
            "{} tokens were computed that had been before, and nothing else; all places have \
             {places}",
            self.stale_tokens
        );
    }

    /// Whoever reads has read what must have come.
    pub(super) fn compare_streams(&self) {
        for member in &self.crowd.0 {
            let Member { life, course, .. } = member;
            if life.finished.is_some() || member.let_go || !member.is_read(self.now) {
                continue;
            }
            assert_eq!(life.said, course.said, "{}: tokens sent and computed", life.name());
            assert!(!course.is_over, "{}: all is computed, but no finish came", life.name());
        }
    }

    /// The scheduler's own counts are right.
    pub(super) fn compare_stats(&self) {
        let stats = self.scheduler.stats();
        assert_eq!(stats.steps, self.summary.steps as u64, "steps");
        let sum = |which: fn(&(u64, u64)) -> u64| self.counts.iter().map(which).sum::<u64>();
        assert_eq!(stats.prompt_tokens, sum(|counts| counts.0), "tokens of prompts");
        assert_eq!(stats.generated_tokens, sum(|counts| counts.1), "tokens of answers");
        for (tenant, counts) in self.counts.iter().enumerate() {
            let name = tenant_name(tenant);
            let Some(own) = stats.tenants.iter().find(|own| *own.name == *name) else {
                assert_eq!(*counts, (0, 0), "{name} was served, but is not known");
                continue;
            };
            assert_eq!((own.prompt_tokens, own.generated_tokens), *counts, "tokens of {name}");
        }
        let each = |of: fn(&throng_engine::TenantStats) -> u64| stats.tenants.iter().map(of).sum();
        let sums: [u64; 2] = [each(|of| of.preemptions), each(|of| of.cached_tokens)];
        assert_eq!(sums, [stats.preemptions, stats.cached_tokens], "sums over tenants");
    }

    /// Everyone reads to the end and goes: nothing is left.
    pub(super) fn end(mut self) -> Summary {
        self.crowd.read(self.now, self.failed, true);
        let mut ended = [0; 4];
        for Member { life, .. } in &self.crowd.0 {
            match &life.finished {
                Some(FinishReason::Stop) => ended[0] += 1,
                Some(FinishReason::Length) => ended[1] += 1,
                Some(FinishReason::Expired) => ended[2] += 1,
                Some(FinishReason::Failed(_)) => ended[3] += 1,
                Some(FinishReason::Cancelled) => panic!("{} was cancelled", life.name()),
                None => assert!(life.has_left(), "{} has no finish", life.name()),
            }
        }
        let members = self.crowd.0.len() as u64;
        self.crowd.0.iter_mut().for_each(|member| member.life.leave());
        assert!(self.scheduler.next_step(self.now).batch.rows.is_empty(), "a step for nobody");
        self.scheduler.check_integrity();
        assert!(self.scheduler.is_idle(), "nobody is left");
        let stats = self.scheduler.stats();
        let used = (stats.full.used, stats.window.used);
        assert_eq!(used, (0, 0), "blocks in use when nobody is left");
        let kept = self.world.config.prefix_cache;
        let cached = stats.full.cached + stats.window.cached;
        assert!(kept || cached == 0, "{cached} blocks are kept without a prefix cache");
        let finished = stats.finished;
        assert_eq!(finished.total(), members, "{finished:?}: one finish each");
        let told = [finished.stop, finished.length, finished.expired, finished.failed];
        // Of those who left some had finished before.
        assert!(told.iter().zip(ended).all(|(told, read)| *told >= read), "{told:?}, {ended:?}");
        let most = stats.finished.cancelled;
        let left = self.crowd.0.iter().filter(|member| member.life.finished.is_none());
        assert!(most <= left.count() as u64, "{most} were cancelled");
        drop(ManuallyDrop::into_inner(self.scheduler));
        Summary {
            preemptions: stats.preemptions,
            left: most,
            expired: finished.expired,
            unread: self.crowd.0.iter().any(|member| member.was_unread).into(),
            ..self.summary
        }
    }
}
