//! One level of load: so many users who each ask again as soon as they are answered (a closed
//! loop), or requests that arrive at a rate whether others are answered or not (an open loop).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Conduct;
use super::crew;
use super::error::LoadError;
use super::exchange::Exchange;
use super::random::Random;
use super::session::Session;

/// Requests of an open loop that run at once, at most: more wait for a thread, and that they wait
/// counts as the peer's time.
const MAX_IN_FLIGHT: usize = 1024;
/// Separates the draws of arrivals from those of prompts.
const ARRIVALS: u64 = u64::MAX - 2;

/// How much is asked at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Users who each ask again as soon as they are answered.
    Users(usize),
    /// Requests a second, arriving as a Poisson process.
    Rate(f64),
}

/// What was measured at one level.
#[derive(Debug)]
pub struct Level {
    /// How much was asked at once.
    pub load: Load,
    /// From the first request to the end of the last.
    pub elapsed: Duration,
    /// Every request, in the order of their ends. What they answered is not kept.
    pub exchanges: Vec<Exchange>,
    /// How often the peer said that it was full, and was asked again later.
    pub refusals: usize,
}

/// What the users of a level share.
struct Shared<'a> {
    session: &'a Session,
    /// The level's number: its prompts are no other's, or caches would flatter the later one.
    number: u64,
    requests: usize,
    next: AtomicUsize,
    refusals: AtomicUsize,
}

impl Session {
    /// Measures one level of `requests` requests; `number` tells the levels of a run apart. `each`
    /// sees every request as it ends.
    ///
    /// # Errors
    /// There is no thread for so many users.
    pub fn level(
        &self,
        number: u64,
        load: Load,
        requests: usize,
        mut each: impl FnMut(&Exchange),
    ) -> Result<Level, LoadError> {
        let (next, refusals) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Shared { session: self, number, requests, next, refusals };
        let mut level = Level { load, elapsed: Duration::ZERO, exchanges: Vec::new(), refusals: 0 };
        let start = Instant::now();
        let take = |mut exchange: Exchange| {
            each(&exchange);
            exchange.content = String::new();
            let end = exchange.sent + exchange.total;
            level.elapsed = level.elapsed.max(end.saturating_duration_since(start));
            level.exchanges.push(exchange);
        };
        match load {
            Load::Users(users) => {
                let user = |_, sender: &Sender<Exchange>| shared.closed(sender);
                crew::run(&self.client, users.min(requests), &self.stop, user, take)?;
            }
            Load::Rate(rate) => {
                let arrivals = arrivals(self.workload.seed, number, rate, requests);
                let due = |index: usize| start + arrivals[index];
                let user = |_, sender: &Sender<Exchange>| shared.open(sender, due);
                let threads = requests.min(MAX_IN_FLIGHT);
                crew::run(&self.client, threads, &self.stop, user, take)?;
            }
        }
        level.refusals = shared.refusals.into_inner();
        Ok(level)
    }
}

impl Shared<'_> {
    /// One user of a closed loop, until no request is left.
    fn closed(&self, sender: &Sender<Exchange>) {
        while let Some((index, body)) = self.take() {
            let (exchange, refused) = self.session.insist(&body, self.session.workload.key(index));
            self.refusals.fetch_add(refused, Ordering::SeqCst);
            // Where a thread could not be had, nobody gathers any more.
            let _ = sender.send(exchange);
        }
    }

    /// One of those who send the requests of an open loop, each when it is due.
    fn open(&self, sender: &Sender<Exchange>, due: impl Fn(usize) -> Instant) {
        let Session { client, workload, .. } = self.session;
        while let Some((index, body)) = self.take() {
            client.sleep_until(due(index));
            if client.is_hung_up() {
                return;
            }
            let (path, key) = (workload.endpoint.path(), workload.key(index));
            let exchange = client.stream(path, &body, key, Conduct::Patient, due(index));
            let _ = sender.send(exchange);
        }
    }

    /// The next request's number and body, while there are any.
    fn take(&self) -> Option<(usize, Value)> {
        let index = self.next.fetch_add(1, Ordering::SeqCst);
        (index < self.requests && !self.session.client.is_hung_up())
            .then(|| (index, self.session.request(self.number, index)))
    }
}

/// When requests arrive, from the beginning of a level.
fn arrivals(seed: u64, number: u64, rate: f64, requests: usize) -> Vec<Duration> {
    let mut random = Random::new(seed, &[ARRIVALS, number]);
    let mut at = 0.0;
    let mut next = || {
        at += random.exponential(1.0 / rate);
        Duration::try_from_secs_f64(at).unwrap_or(Duration::MAX / 2)
    };
    (0..requests).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_keep_their_rate_and_their_seed() {
        let at = arrivals(1, 0, 50.0, 10_000);
        assert!(at.is_sorted());
        let seconds = at[9_999].as_secs_f64();
        assert!((190.0..210.0).contains(&seconds), "{seconds}");
        assert_eq!(at, arrivals(1, 0, 50.0, 10_000));
        assert_ne!(at, arrivals(2, 0, 50.0, 10_000));
        // The gaps of a Poisson process spread as widely as they are long.
        let gaps: Vec<f64> = at.windows(2).map(|two| (two[1] - two[0]).as_secs_f64()).collect();
        let variance = gaps.iter().map(|gap| (gap - 0.02).powi(2)).sum::<f64>() / 9_999.0;
        assert!((0.017..0.023).contains(&variance.sqrt()), "{}", variance.sqrt());
    }
}
