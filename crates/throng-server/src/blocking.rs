//! Keeps long computations off the threads that serve connections.

use tokio::sync::Semaphore;

use crate::error::ApiError;

/// Bytes of a request that can be parsed and tokenised in about a millisecond.
const SHORT: usize = 4096;
/// Long ones at once, the others wait: tokenising takes hundreds of bytes of memory for a byte of
/// text, and the cores belong to the model.
const LONG_AT_ONCE: usize = 2;

static LONG: Semaphore = Semaphore::const_new(LONG_AT_ONCE);

/// Runs work that grows with `bytes`: here if they are few, else on a thread of its own.
///
/// # Errors
/// The work panicked, or the server is shutting down.
pub(crate) async fn run<T, F>(bytes: usize, work: F) -> Result<T, ApiError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    if bytes <= SHORT {
        return Ok(work());
    }
    let permit = LONG.acquire().await;
    // The permit moves along: a client that leaves ends the waiting, and not the work.
    let work = move || {
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ApiError::internal("The request could not be prepared"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::{LONG_AT_ONCE, SHORT, run};

    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    fn work() {
        let running = RUNNING.fetch_add(1, Ordering::SeqCst) + 1;
        MOST.fetch_max(running, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(10));
        RUNNING.fetch_sub(1, Ordering::SeqCst);
    }

    #[tokio::test]
    async fn long_work_waits_for_its_turn_even_behind_work_that_nobody_waits_for() {
        let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(run(SHORT + 1, work))).collect();
        tokio::time::sleep(Duration::from_millis(5)).await;
        tasks[0].abort();
        for task in tasks.into_iter().skip(1) {
            assert!(task.await.is_ok_and(|done| done.is_ok()));
        }
        assert!((1..=LONG_AT_ONCE).contains(&MOST.load(Ordering::SeqCst)));
    }
}
