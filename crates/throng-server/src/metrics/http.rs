//! Requests by endpoint and status, those among them that never reached the engine.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::exposition::Exposition;

/// Requests whose path leads nowhere. What clients write must not make labels.
const ELSEWHERE: &str = "other";
/// Stands there before anybody has asked anything, so that the first request is an increase.
const USUAL: (&str, u16) = ("/v1/chat/completions", 200);

/// How many there were.
#[derive(Debug)]
pub(crate) struct Requests(Mutex<BTreeMap<(String, u16), u64>>);

impl Default for Requests {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::from([((USUAL.0.to_owned(), USUAL.1), 0)])))
    }
}

impl Requests {
    /// One is over; `route`: as the table of routes has it, if it led somewhere.
    pub(crate) fn count(&self, route: Option<&str>, status: u16) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((route.unwrap_or(ELSEWHERE).to_owned(), status)).or_default() += 1;
    }

    /// Writes them.
    pub(super) fn write(&self, to: &mut Exposition) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let help = "Requests that are over, by endpoint and status; 499: the client left before.";
        let mut family = to.counter("http_requests_total", help);
        for ((endpoint, status), count) in counts {
            let status = status.to_string();
            family.sample(&[("endpoint", &endpoint), ("status", &status)], count as f64);
        }
    }
}
