//! What is known of the server that is watched.

use std::time::Duration;

use throng_bench::live::{Facts, History, Sight, View};
use throng_bench::load::{Failure, Url};

/// The server, look after look.
#[derive(Debug)]
pub struct Scene {
    server: String,
    /// A limit that somebody gave, in bytes a second.
    bandwidth: Option<f64>,
    /// The server's word for how it is; empty where it has none.
    health: String,
    facts: Facts,
    history: History,
    /// Why the last look saw nothing.
    trouble: Option<String>,
}

impl Scene {
    /// Of a server that nobody has looked at yet.
    pub fn new(url: &Url, bandwidth: Option<f64>) -> Self {
        Self {
            server: url.to_string(),
            bandwidth,
            health: String::new(),
            facts: Facts::default(),
            history: History::default(),
            trouble: None,
        }
    }

    /// What came of a look, at a time since some moment that is the same for all.
    pub fn take(&mut self, at: Duration, look: Result<Sight, Failure>) {
        match look {
            Ok(Sight { health, snapshot, facts }) => {
                (self.health, self.facts, self.trouble) = (health, facts, None);
                match snapshot {
                    Some(snapshot) => self.history.push(at, snapshot),
                    None => self.history = History::default(),
                }
            }
            Err(failure) => self.trouble = Some(failure.to_string()),
        }
    }

    /// Its address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Its word for how it is.
    pub fn health(&self) -> &str {
        &self.health
    }

    /// Tokens that a prompt and its answer may have together.
    pub fn context(&self) -> Option<u64> {
        self.facts.context
    }

    /// Seconds since it began to serve, if it is so many since 1970 now.
    pub fn uptime(&self, now: u64) -> Option<u64> {
        now.checked_sub(self.facts.created?)
    }

    /// What is to be seen, or why there is nothing.
    pub fn view(&self) -> Result<View, String> {
        let waiting = |why: &str| format!("waiting for {}{why}", self.server);
        match &self.trouble {
            Some(trouble) => Err(waiting(&format!(": {trouble}"))),
            None => View::of(&self.history, self.bandwidth).ok_or_else(|| match &*self.health {
                "" => waiting(""),
                health => waiting(&format!(", which says: {health}")),
            }),
        }
    }
}
