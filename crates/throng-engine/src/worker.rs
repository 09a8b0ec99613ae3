//! The engine's thread: takes arrivals, runs steps, ends when nobody can ask any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use async_channel::{Receiver, TryRecvError};
use throng_model::{Batch, RunError, Runner};

use crate::engine::SharedScheduler;
use crate::event::FinishReason;
use crate::scheduler::Step;
use crate::sequence::Sequence;

/// How often to look whether a client reads again, while nobody else has anything to do.
const NAP: Duration = Duration::from_millis(5);

/// All that the engine's thread owns.
pub(crate) struct Worker {
    runner: Box<dyn Runner>,
    /// What drafts for it, if a model does.
    draft: Option<Box<dyn Runner>>,
    scheduler: SharedScheduler,
    arrivals: Receiver<Vec<Sequence>>,
    started: Instant,
}

impl Worker {
    pub(crate) fn new(
        (runner, draft): (Box<dyn Runner>, Option<Box<dyn Runner>>),
        scheduler: SharedScheduler,
        arrivals: Receiver<Vec<Sequence>>,
        started: Instant,
    ) -> Self {
        Self { runner, draft, scheduler, arrivals, started }
    }

    /// Runs until every handle on the engine is gone.
    pub(crate) fn run(mut self) {
        while self.take_arrivals() {
            let begun = Instant::now();
            let mut step = {
                let mut scheduler = self.scheduler.lock();
                let step = scheduler.next_step(begun - self.started);
                if !step.batch.rows.is_empty() {
                    let seconds = begun.elapsed().as_secs_f64();
                    scheduler.stats_mut().scheduling_seconds.observe(seconds);
                }
                step
            };
            if !step.batch.rows.is_empty() {
                self.write_drafts(&mut step);
                self.run_step(&step);
            } else if !self.scheduler.lock().is_idle() {
                std::thread::sleep(NAP);
            }
        }
    }

    /// Hands over who has come; sleeps while there is nothing to do. False when every handle on the
    /// engine is gone.
    fn take_arrivals(&mut self) -> bool {
        if self.scheduler.lock().is_idle() {
            match self.arrivals.recv_blocking() {
                Ok(sequences) => self.enqueue(sequences),
                Err(_) => return false,
            }
        }
        loop {
            match self.arrivals.try_recv() {
                Ok(sequences) => self.enqueue(sequences),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Closed) => return false,
            }
        }
    }

    fn enqueue(&self, sequences: Vec<Sequence>) {
        let mut scheduler = self.scheduler.lock();
        sequences.into_iter().for_each(|sequence| scheduler.enqueue(sequence));
    }

    /// Lets the draft model write its drafts, if there is one. If it fails nothing is drafted any
    /// more: no answer needs it.
    fn write_drafts(&mut self, step: &mut Step) {
        let Some(draft) = &mut self.draft else { return };
        let begun = Instant::now();
        let mut has_failed = false;
        while !has_failed {
            let Some(small) = self.scheduler.lock().next_draft(step) else { break };
            let begun = Instant::now();
            match run(draft.as_mut(), &small.batch) {
                Ok(logits) => {
                    let mut scheduler = self.scheduler.lock();
                    scheduler.on_draft_done(step, &small, logits);
                    scheduler.note_draft_seconds(&small, begun.elapsed().as_secs_f64());
                }
                Err(_) => has_failed = true,
            }
        }
        let mut scheduler = self.scheduler.lock();
        let stats = &mut scheduler.stats_mut().speculation;
        stats.draft_seconds += begun.elapsed().as_secs_f64();
        if has_failed {
            stats.failures += 1;
            self.draft = None;
        }
    }

    /// Runs one step. A model that fails costs the requests that run, never the engine. A panic of
    /// the bookkeeping ends the thread: books that are broken stay closed.
    fn run_step(&mut self, step: &Step) {
        let begun = Instant::now();
        let result = run(self.runner.as_mut(), &step.batch);
        let computed = Instant::now();
        let mut scheduler = self.scheduler.lock();
        match result {
            Ok(logits) => {
                scheduler.on_step_done(step, logits);
                scheduler.note_step_seconds(step, begun.elapsed().as_secs_f64());
                let stats = scheduler.stats_mut();
                let seconds = (computed - begun).as_secs_f64();
                stats.model_seconds.observe(seconds);
                if step.drafts().iter().any(|&drafts| drafts > 0) {
                    stats.speculation.verify_seconds += seconds;
                }
                stats.sampling_seconds.observe(computed.elapsed().as_secs_f64());
                let draft = self.draft.as_ref().and_then(|draft| draft.bytes_read());
                let bytes_read = self.runner.bytes_read();
                stats.bytes_read = bytes_read.map(|bytes| bytes + draft.unwrap_or(0));
            }
            Err(error) => scheduler.finish_all(&FinishReason::Failed(error.to_string())),
        }
    }
}

/// Runs a batch. A model that panics has failed like any other.
fn run<'a>(runner: &'a mut dyn Runner, batch: &Batch) -> Result<&'a [f32], RunError> {
    let run = AssertUnwindSafe(move || {
        // Moved in, so that what it gives may outlive the closure.
        let runner = runner;
        runner.run(batch)
    });
    let panicked = |_| Err(RunError("it panicked; the log has the message".into()));
    catch_unwind(run).unwrap_or_else(panicked)
}

impl Drop for Worker {
    /// However the thread ends, and be it by a bug, nobody waits for an event that never comes: the
    /// handles that are left keep the scheduler, and the sequences in it, alive.
    fn drop(&mut self) {
        let reason = if std::thread::panicking() {
            FinishReason::Failed("the engine met a bug in itself; the log has the message".into())
        } else {
            FinishReason::Cancelled
        };
        // Nobody comes after this.
        self.arrivals.close();
        // A scheduler that broke off in the middle may do so again; one panic is enough.
        let _ = catch_unwind(AssertUnwindSafe(|| {
            while let Ok(sequences) = self.arrivals.try_recv() {
                self.enqueue(sequences);
            }
            let mut scheduler = self.scheduler.lock();
            scheduler.finish_all(&reason);
            scheduler.finish_waiting(&reason);
        }));
    }
}
