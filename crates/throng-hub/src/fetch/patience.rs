//! How often a request that fails is made again, and after how long.

use std::time::Duration;

use super::event::Event;
use crate::error::HubError;

/// Failures in a row before it is given up.
const ATTEMPTS: u32 = 5;

/// The longest that a failure makes us wait, unless the server asks for more.
const MAX_BACKOFF: Duration = Duration::from_secs(30);

/// The longest wait that a server may ask for.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It would fail again.
    Lasting(HubError),
    /// It may not.
    Passing {
        error: HubError,
        /// How long the server asks us to wait.
        wait: Option<Duration>,
    },
}

impl From<HubError> for Fault {
    fn from(error: HubError) -> Self {
        Self::Lasting(error)
    }
}

/// Counts failures in a row.
#[derive(Debug)]
pub(crate) struct Patience {
    first_wait: Duration,
    failures: u32,
}

impl Patience {
    /// Waits this long after the first failure, then twice as long, and so on.
    pub(crate) fn new(first_wait: Duration) -> Self {
        Self { first_wait, failures: 0 }
    }

    /// Something went well: counts from none again.
    pub(crate) fn renew(&mut self) {
        self.failures = 0;
    }

    /// Waits, and says so.
    ///
    /// # Errors
    /// The fault lasts, or this was one too many.
    pub(crate) fn bear(
        &mut self,
        fault: Fault,
        notify: &dyn Fn(Event<'_>),
    ) -> Result<(), HubError> {
        let (error, wait) = match fault {
            Fault::Lasting(error) => return Err(error),
            Fault::Passing { error, wait } => (error, wait),
        };
        let backoff = self.first_wait.saturating_mul(1 << self.failures).min(MAX_BACKOFF);
        let wait = wait.unwrap_or(backoff);
        self.failures += 1;
        if self.failures >= ATTEMPTS || wait > MAX_WAIT {
            return Err(error);
        }
        notify(Event::Retry { error: &error, wait });
        std::thread::sleep(wait);
        Ok(())
    }
}

/// Tries until it goes well or patience ends.
///
/// # Errors
/// The last failure.
pub(crate) fn persist<T>(
    first_wait: Duration,
    notify: &dyn Fn(Event<'_>),
    mut attempt: impl FnMut() -> Result<T, Fault>,
) -> Result<T, HubError> {
    let mut patience = Patience::new(first_wait);
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(fault) => patience.bear(fault, notify)?,
        }
    }
}
