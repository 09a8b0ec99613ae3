//! Threads that ask at once, and the one that gathers what they measure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, Builder};
use std::time::Duration;

use super::client::Client;
use super::error::LoadError;

/// Bytes of a thread's stack: TLS is the deepest that it goes.
const STACK_BYTES: usize = 512 << 10;
/// How often it is looked whether the person who watches has seen enough.
const LOOK: Duration = Duration::from_millis(50);

/// Runs `work` on so many threads until all return, and gives `take` what they send. When `stop`
/// is set, the client hangs up, and everybody finds all requests failing and
/// [`Client::is_hung_up`].
///
/// # Errors
/// The operating system refuses a thread; those that it gave are over.
pub(crate) fn run<T: Send>(
    client: &Client,
    threads: usize,
    stop: &AtomicBool,
    work: impl Fn(usize, &Sender<T>) + Sync,
    mut take: impl FnMut(T),
) -> Result<(), LoadError> {
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        let mut spawned = Ok(());
        for number in 0..threads {
            let (sender, work) = (sender.clone(), &work);
            let builder = Builder::new().name(format!("user {number}")).stack_size(STACK_BYTES);
            if let Err(error) = builder.spawn_scoped(scope, move || work(number, &sender)) {
                client.hang_up();
                spawned = Err(LoadError::Threads { users: threads, reason: error.to_string() });
                break;
            }
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(item) => take(item),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return spawned,
            }
            if stop.load(Ordering::SeqCst) {
                client.hang_up();
            }
        }
    })
}
