//! One server, one workload, and what is known of them before anything is measured.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Client, Conduct};
use super::error::LoadError;
use super::exchange::{Exchange, Outcome};
use super::prompt;
use super::random::Random;
use super::target::ApiKey;
use super::workload::{A_TOKEN_A_WORD, WordCount, Workload};

/// How often a peer may say that it is full before a request counts as failed.
const MAX_RETRIES: usize = 100;
/// The longest wait that a peer may ask for.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// Separates the prompts that measure how long words are from others.
const PROBES: u64 = u64::MAX - 1;

/// One server and one workload.
pub struct Session {
    pub(crate) client: Client,
    pub(crate) workload: Workload,
    pub(crate) words: WordCount,
    pub(crate) stop: Arc<AtomicBool>,
}

impl Session {
    /// Asks two questions with answers of one token, which show that the server answers this
    /// workload at all, and how many tokens it counts a word as. Whoever sets `stop` ends what is
    /// being measured, with what was measured so far.
    ///
    /// # Errors
    /// The server does not answer.
    pub fn open(
        client: Client,
        workload: Workload,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, LoadError> {
        let probe = Workload { max_tokens: 1, ..workload.clone() };
        let mut session = Self { client, workload: probe, words: A_TOKEN_A_WORD, stop };
        session.words = session.count_words()?;
        session.workload = workload;
        Ok(session)
    }

    /// A server that does not count tokens is taken to have one a word.
    fn count_words(&self) -> Result<WordCount, LoadError> {
        if self.workload.token_ids {
            self.probe(&self.request(PROBES, 0))?;
            return Ok(A_TOKEN_A_WORD);
        }
        let few = (self.workload.prompt_tokens / 4).max(1);
        let many = (self.workload.prompt_tokens / 2).max(few + 8);
        let count = |words| {
            let mut random = Random::new(self.workload.seed, &[PROBES, words as u64]);
            let body = self.workload.ask(prompt::words(&mut random, words), 0);
            let usage = self.probe(&body)?.usage;
            Ok(usage.map(|usage| (words, usage.prompt)))
        };
        let (short, long) = (count(few)?, count(many)?);
        let both = short.zip(long);
        Ok(both.map_or(A_TOKEN_A_WORD, |(short, long)| WordCount::from_two(short, long)))
    }

    fn probe(&self, body: &Value) -> Result<Exchange, LoadError> {
        let (exchange, _) = self.insist(body, self.workload.key(0));
        match exchange.outcome {
            Outcome::Failed(failure) => {
                let url = self.client.address(self.workload.endpoint.path());
                Err(LoadError::Server { url, failure })
            }
            Outcome::Completed | Outcome::Left => Ok(exchange),
        }
    }

    /// The request with this number: `purpose` says of which part of a run.
    pub(crate) fn request(&self, purpose: u64, index: usize) -> Value {
        self.workload.request(self.words, purpose, index)
    }

    /// Asks, and asks again as often as the peer says that it is full, each time after as long as it
    /// says; and how often that was. Times are those of the last time.
    pub(crate) fn insist(&self, body: &Value, key: Option<&ApiKey>) -> (Exchange, usize) {
        let (client, path) = (&self.client, self.workload.endpoint.path());
        let mut refusals = 0;
        loop {
            let exchange = client.stream(path, body, key, Conduct::Patient, Instant::now());
            let wait = match &exchange.outcome {
                Outcome::Failed(failure) => failure.retry_after(),
                Outcome::Completed | Outcome::Left => None,
            };
            match wait {
                Some(wait) if refusals < MAX_RETRIES && !client.is_hung_up() => {
                    refusals += 1;
                    client.sleep_until(Instant::now() + wait.min(MAX_WAIT));
                }
                _ => return (exchange, refusals),
            }
        }
    }
}
