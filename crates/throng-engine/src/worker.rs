//! The engine's thread: takes arrivals, runs steps, ends when nobody can ask any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use async_channel::{Receiver, TryRecvError};
use throng_model::{RunError, Runner};

use crate::engine::SharedScheduler;
use crate::event::FinishReason;
use crate::scheduler::Step;
use crate::sequence::Sequence;

/// How often to look whether a client reads again, while nobody else has anything to do.
const NAP: Duration = Duration::from_millis(5);

/// All that the engine's thread owns.
pub(crate) struct Worker {
    runner: Box<dyn Runner>,
    scheduler: SharedScheduler,
    arrivals: Receiver<Vec<Sequence>>,
    started: Instant,
}

impl Worker {
    pub(crate) fn new(
        runner: Box<dyn Runner>,
        scheduler: SharedScheduler,
        arrivals: Receiver<Vec<Sequence>>,
        started: Instant,
    ) -> Self {
        Self { runner, scheduler, arrivals, started }
    }

    /// Runs until every handle on the engine is gone.
    pub(crate) fn run(mut self) {
        while self.take_arrivals() {
            let begun = Instant::now();
            let step = {
                let mut scheduler = self.scheduler.lock();
                let step = scheduler.next_step(begun - self.started);
                if !step.batch.rows.is_empty() {
                    let seconds = begun.elapsed().as_secs_f64();
                    scheduler.stats_mut().scheduling_seconds.observe(seconds);
                }
                step
            };
            if !step.batch.rows.is_empty() {
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

    /// Runs one step. A model that fails, even by a panic, costs the requests that run, never the
    /// engine. A panic of the bookkeeping ends the thread: books that are broken stay closed.
    fn run_step(&mut self, step: &Step) {
        let begun = Instant::now();
        let runner = &mut self.runner;
        let run = AssertUnwindSafe(move || {
            // Moved in, so that what it gives may outlive the closure.
            let runner = runner;
            runner.run(&step.batch)
        });
        let result = catch_unwind(run)
            .unwrap_or_else(|_| Err(RunError("it panicked; the log has the message".into())));
        let computed = Instant::now();
        let mut scheduler = self.scheduler.lock();
        match result {
            Ok(logits) => {
                scheduler.on_step_done(step, logits);
                let stats = scheduler.stats_mut();
                stats.bytes_read = self.runner.bytes_read();
                stats.model_seconds.observe((computed - begun).as_secs_f64());
                stats.sampling_seconds.observe(computed.elapsed().as_secs_f64());
            }
            Err(error) => scheduler.finish_all(&FinishReason::Failed(error.to_string())),
        }
    }
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
