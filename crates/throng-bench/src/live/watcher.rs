//! Looks at a server: whether it is well, what it serves, what it has counted.

use std::time::Duration;

use serde_json::Value;

use super::snapshot::Snapshot;
use crate::load::{ApiKey, Client, Failure, Url};
use crate::printable::printable;

/// For each question, its answer included.
const PATIENCE: Duration = Duration::from_secs(5);
/// Characters of a server's word for how it is.
const MAX_HEALTH: usize = 16;
/// Looks after which it is asked again what it serves.
const FACTS_LAST: u32 = 20;

/// Asks one server again and again.
pub struct Watcher {
    client: Client,
    key: Option<ApiKey>,
    facts: Option<Facts>,
    /// Looks since facts were asked for.
    since: u32,
}

/// What a server says of its model that no metric does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// When it began to be served, in seconds since 1970.
    pub created: Option<u64>,
    /// Positions that a prompt and its answer share.
    pub context: Option<u64>,
}

/// One look.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// `ok`, or a server's word for why it is not; empty where it has none.
    pub health: String,
    /// What it counts; `None` while it loads its model.
    pub snapshot: Option<Snapshot>,
    /// What it serves.
    pub facts: Facts,
}

impl Watcher {
    /// Of the server at `url`; a key is needed only to ask what it serves.
    pub fn new(url: Url, key: Option<ApiKey>) -> Self {
        Self { client: Client::brisk(url, PATIENCE), key, facts: None, since: 0 }
    }

    /// Looks.
    ///
    /// # Errors
    /// It does not answer, or has no metrics.
    pub fn look(&mut self) -> Result<Sight, Failure> {
        let sight = self.try_look();
        if sight.is_err() {
            self.facts = None;
        }
        sight
    }

    fn try_look(&mut self) -> Result<Sight, Failure> {
        let (status, body) = self.client.fetch("/health", None)?;
        let health = health(status, &body);
        let (status, body) = self.client.fetch("/metrics", None)?;
        let snapshot = match status {
            200 => Some(Snapshot::read(&body)),
            503 if health != OK => None,
            status => return Err(Failure::refused(status, &body, None)),
        };
        let facts = if snapshot.is_some() { self.facts() } else { Facts::default() };
        Ok(Sight { health, snapshot, facts })
    }

    /// What it serves. A server that does not tell is none the worse for it.
    fn facts(&mut self) -> Facts {
        self.since += 1;
        if self.facts.is_none() || self.since > FACTS_LAST {
            self.since = 0;
            let fetched = self.client.fetch("/v1/models", self.key.as_ref());
            let read = |(status, body): (u16, String)| (status == 200).then(|| Facts::read(&body));
            self.facts = fetched.ok().and_then(read).or(self.facts).or(Some(Facts::default()));
        }
        self.facts.unwrap_or_default()
    }
}

impl Facts {
    /// Reads a list of models; its first counts.
    fn read(body: &str) -> Self {
        let list: Value = serde_json::from_str(body).unwrap_or_default();
        let first = &list["data"][0];
        Self { created: first["created"].as_u64(), context: first["max_model_len"].as_u64() }
    }
}

/// A server that is well.
const OK: &str = "ok";

/// The server's own word, or else what its status means.
fn health(status: u16, body: &str) -> String {
    let word: Value = serde_json::from_str(body).unwrap_or_default();
    match (word["status"].as_str(), status) {
        (Some(word), _) => printable(word.trim(), MAX_HEALTH),
        (None, 200) => OK.to_owned(),
        (None, 503) => "unavailable".to_owned(),
        (None, _) => String::new(),
    }
}
