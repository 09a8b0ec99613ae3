//! A small thread pool for many short parallel regions.
//!
//! A region is a number of items and a closure. Threads claim runs of items from a counter until
//! none are left, so a region never waits for a thread that the system has not scheduled: it ends
//! when the claimed items are done, by whoever came. Which thread does an item changes nothing in
//! its result (see the crate's promise), so claiming costs no reproducibility.
//!
//! Workers spin for some microseconds after a region, since the next one is usually near, and
//! then sleep: an idle pool uses no CPU.

use std::any::Any;
use std::hint::spin_loop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{from_ref, null_mut};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How often a waiting thread looks before it sleeps: roughly 20 µs.
const SPINS: usize = 500;

/// Set in `Shared::gate` while no region is open.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// Threads that compute together.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// What the caller and the workers see.
struct Shared {
    /// The open region.
    job: AtomicPtr<Job<'static>>,
    /// How many workers are at the gate or inside the region, and `CLOSED`. Who adds himself while
    /// it is open may use `job` until he has taken himself off.
    gate: AtomicUsize,
    /// Counts regions; workers wait for it to change.
    epoch: AtomicUsize,
    stop: AtomicBool,
    /// Threads asleep, or about to be, on `wake`.
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
}

/// One region.
struct Job<'a> {
    work: &'a (dyn Fn(Range<usize>) + Sync),
    items: usize,
    grain: usize,
    next: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Job<'_> {
    /// Claims and does items until none are left. A panic ends the region for everybody.
    fn drain(&self) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let start = self.next.fetch_add(self.grain, SeqCst);
                if start >= self.items {
                    break;
                }
                (self.work)(start..self.items.min(start + self.grain));
            }
        }));
        if let Err(panic) = result {
            self.next.store(self.items, SeqCst);
            *self.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
        }
    }
}

impl Pool {
    /// A pool of `threads` threads, one of which is whoever calls [`Pool::run`].
    ///
    /// # Errors
    /// The system does not give that many threads.
    pub(crate) fn new(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            job: AtomicPtr::new(null_mut()),
            gate: AtomicUsize::new(CLOSED),
            epoch: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
        });
        let mut pool = Self { shared, workers: Vec::new() };
        for index in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let builder = std::thread::Builder::new().name(format!("throng-compute-{index}"));
            pool.workers.push(builder.spawn(move || shared.work())?);
        }
        Ok(pool)
    }

    /// Threads, the caller's included.
    pub(crate) fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` with ranges of at most `grain` items that together are `0..items`, on all
    /// threads at once, and returns when all are done.
    ///
    /// # Panics
    /// With the panic of `work`, if it had one.
    pub(crate) fn run(&mut self, items: usize, grain: usize, work: &(dyn Fn(Range<usize>) + Sync)) {
        let grain = grain.max(1);
        if self.workers.is_empty() || items <= grain {
            if items > 0 {
                work(0..items);
            }
            return;
        }
        let next = AtomicUsize::new(0);
        let job = Job { work, items, grain, next, panic: Mutex::new(None) };
        self.shared.open(&job);
        job.drain();
        self.shared.close();
        let panic = job.panic.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        self.shared.epoch.fetch_add(1, SeqCst);
        self.shared.wake_sleepers();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its work, so there is none to pass on.
            let _ = worker.join();
        }
    }
}

impl Shared {
    /// Lets workers in. Every call is followed by [`Shared::close`] before `job` goes.
    fn open(&self, job: &Job<'_>) {
        self.job.store(from_ref(job).cast_mut().cast(), SeqCst);
        self.gate.fetch_and(!CLOSED, SeqCst);
        self.epoch.fetch_add(1, SeqCst);
        self.wake_sleepers();
    }

    /// Lets no more workers in and waits for those inside.
    fn close(&self) {
        self.gate.fetch_or(CLOSED, SeqCst);
        self.wait(|| self.gate.load(SeqCst) == CLOSED);
        self.job.store(null_mut(), SeqCst);
    }

    /// A worker's life.
    fn work(&self) {
        let mut seen = 0;
        while !self.stop.load(SeqCst) {
            self.wait(|| self.epoch.load(SeqCst) != seen);
            seen = self.epoch.load(SeqCst);
            if self.gate.fetch_add(1, SeqCst) & CLOSED == 0 {
                // SAFETY: the gate was open when this thread added itself, so `job` is the region
                // that `Pool::run` has on its stack, and `close` does not return to it before
                // this thread has taken itself off again.
                unsafe { &*self.job.load(SeqCst) }.drain();
            }
            if self.gate.fetch_sub(1, SeqCst) == CLOSED + 1 {
                self.wake_sleepers();
            }
        }
    }

    /// Spins, then sleeps, until `done`. Whoever makes it true calls `wake_sleepers` afterwards.
    fn wait(&self, done: impl Fn() -> bool) {
        for _ in 0..SPINS {
            if done() {
                return;
            }
            spin_loop();
        }
        let mut guard = self.lock();
        self.sleepers.fetch_add(1, SeqCst);
        // From here on a waker sees a sleeper and takes the lock to wake it, so the change cannot
        // fall between this check and the sleep.
        while !done() {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }

    fn wake_sleepers(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            drop(self.lock());
            self.wake.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::Pool;

    #[test]
    fn every_item_is_done_once() {
        for threads in [1, 2, 3, 8] {
            let mut pool = Pool::new(threads).unwrap();
            for round in 0..300 {
                let (items, grain) = (round % 41, 1 + round % 5);
                let done: Vec<AtomicUsize> = (0..items).map(|_| AtomicUsize::new(0)).collect();
                pool.run(items, grain, &|range| {
                    for item in range {
                        done[item].fetch_add(1, Ordering::Relaxed);
                    }
                });
                assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
                if round % 100 == 0 {
                    // Long enough for the workers to fall asleep.
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let mut pool = Pool::new(3).unwrap();
        for bad in [0, 7, 19] {
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.run(20, 1, &|range| assert!(!range.contains(&bad), "item {bad}"));
            }));
            assert!(result.is_err());
            let sum = AtomicUsize::new(0);
            pool.run(20, 1, &|range| {
                sum.fetch_add(range.sum(), Ordering::Relaxed);
            });
            assert_eq!(sum.into_inner(), 190);
        }
    }
}
