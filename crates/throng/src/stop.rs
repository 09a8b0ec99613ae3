//! Ctrl-C ends a measurement with what was measured so far.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// What the first Ctrl-C sets; the second ends the program.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Takes Ctrl-C over for the rest of the process.
    ///
    /// # Errors
    /// The operating system refuses the handler.
    pub fn install() -> Result<Self> {
        let stop = Self::default();
        let flag = stop.flag();
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        })
        .context("Ctrl-C could not be taken over")?;
        Ok(stop)
    }

    /// What is set, for those who look at it.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
