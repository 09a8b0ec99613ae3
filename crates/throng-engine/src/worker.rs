//! The engine's thread: takes arrivals, runs steps, ends when nobody can ask any more.

use std::panic::{AssertUnwindSafe, catch_unwind};

use async_channel::{Receiver, TryRecvError};
use throng_model::{RunError, Runner};

use crate::event::FinishReason;
use crate::scheduler::{Scheduler, Step};
use crate::sequence::Sequence;

/// All that the engine's thread owns.
pub(crate) struct Worker {
    runner: Box<dyn Runner>,
    scheduler: Scheduler,
    arrivals: Receiver<Sequence>,
    /// The oldest arrival, if the KV cache had no room for it: those behind it wait too.
    next: Option<Sequence>,
}

impl Worker {
    pub(crate) fn new(
        runner: Box<dyn Runner>,
        scheduler: Scheduler,
        arrivals: Receiver<Sequence>,
    ) -> Self {
        Self { runner, scheduler, arrivals, next: None }
    }

    /// Runs until every handle on the engine is gone.
    pub(crate) fn run(mut self) {
        while self.take_arrivals() {
            let step = self.scheduler.next_step();
            if !step.batch.rows.is_empty() {
                self.run_step(&step);
            }
        }
        self.scheduler.finish_all(&FinishReason::Cancelled);
        let waiting = std::iter::from_fn(|| self.arrivals.try_recv().ok());
        for sequence in self.next.into_iter().chain(waiting) {
            sequence.finish(FinishReason::Cancelled);
        }
    }

    /// Drops who has gone and admits who has come; sleeps while there is nothing to do. False when
    /// every handle on the engine is gone.
    fn take_arrivals(&mut self) -> bool {
        self.scheduler.drop_abandoned();
        self.next.take_if(|sequence| sequence.is_abandoned());
        while self.scheduler.has_seat() {
            let arrival = match self.next.take() {
                Some(sequence) => sequence,
                None if self.scheduler.is_idle() => match self.arrivals.recv_blocking() {
                    Ok(sequence) => sequence,
                    Err(_) => return false,
                },
                None => match self.arrivals.try_recv() {
                    Ok(sequence) => sequence,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Closed) => return false,
                },
            };
            if arrival.is_abandoned() {
                continue;
            }
            self.next = self.scheduler.admit(arrival);
            if self.next.is_some() {
                break;
            }
        }
        !self.arrivals.is_closed()
    }

    /// Runs one step. A model that fails, even by a panic, costs the requests that run, never the
    /// engine.
    fn run_step(&mut self, step: &Step) {
        let vocab = self.runner.spec().vocab;
        let result = catch_unwind(AssertUnwindSafe(|| {
            self.runner
                .run(&step.batch)
                .map(|logits| self.scheduler.on_step_done(step, logits, vocab))
        }))
        .unwrap_or_else(|_| Err(RunError("it panicked; the log has the message".into())));
        if let Err(error) = result {
            self.scheduler.finish_all(&FinishReason::Failed(error.to_string()));
        }
    }
}
