//! Ctrl-C stops the answer, or the file, that is being written, and not the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use throng_engine::Canceller;

/// Becomes true by Ctrl-C, so that no unfinished file stays behind.
///
/// # Errors
/// The operating system refuses the handler.
pub fn interrupted() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let handler = flag.clone();
    ctrlc::set_handler(move || handler.store(true, Ordering::Relaxed))
        .context("Ctrl-C could not be taken over")?;
    Ok(flag)
}

/// What the next Ctrl-C cancels.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<Mutex<Option<Canceller>>>);

impl Interrupt {
    /// Takes Ctrl-C over for the rest of the process: with nothing to cancel it ends the program,
    /// with the exit code that shells expect.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn install() -> Result<Self> {
        let interrupt = Self::default();
        let handler = interrupt.clone();
        ctrlc::set_handler(move || match handler.take() {
            Some(canceller) => canceller.cancel(),
            None => std::process::exit(130),
        })
        .context("Ctrl-C could not be taken over")?;
        Ok(interrupt)
    }

    /// Points Ctrl-C at an answer.
    pub fn aim(&self, canceller: Canceller) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(canceller);
    }

    /// Points it at nothing; what it pointed at, if it has not been cancelled.
    pub fn take(&self) -> Option<Canceller> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
