//! Two tenants: what one who asks single questions feels of another's long queue.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::crew;
use super::error::LoadError;
use super::exchange::{Exchange, Outcome};
use super::session::Session;
use super::summary::{failures, spread};
use super::target::ApiKey;
use super::units::{NONE, percentile, seconds};
use crate::Samples;

/// Separate the draws of the two tenants, and of the single one's two parts.
const CROWD: u64 = u64::MAX - 4;
const ALONE: u64 = u64::MAX - 5;
const BESIDE: u64 = u64::MAX - 6;
/// How long the crowd's requests have to reach the server's queue after the last was sent.
const SETTLE: Duration = Duration::from_millis(500);

/// A crowd, and one who asks beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fairness {
    /// Requests that the crowd has at the server from the beginning.
    pub queued: usize,
    /// Questions that the other asks, one after the other: alone, and again beside the crowd.
    pub questions: usize,
}

/// What both felt.
#[derive(Debug)]
pub struct Shares {
    /// Requests of the crowd that were sent at once.
    pub queued: usize,
    /// The single tenant's questions with the server to itself.
    pub alone: Vec<Exchange>,
    /// The same beside the crowd. Those that began after the crowd had gone are not counted.
    pub beside: Vec<Exchange>,
    /// The crowd's requests; those that were still waiting at the end are cut off.
    pub crowd: Vec<Exchange>,
    /// How often the crowd was told to come back later.
    pub refusals: usize,
}

/// Who sent what came back.
enum Part {
    Beside(Exchange),
    Crowd(Exchange, usize),
}

impl Session {
    /// Measures the second key's tenant alone, and beside the queue of the first key's tenant. It
    /// is over when the questions are, whatever still queues.
    ///
    /// # Errors
    /// There are not two keys, or no thread for so many requests.
    pub fn share(
        &self,
        plan: Fairness,
        mut each: impl FnMut(&Exchange),
    ) -> Result<Shares, LoadError> {
        let [crowd, single, ..] = self.workload.keys.as_slice() else {
            return Err(LoadError::TwoTenants { given: self.workload.keys.len() });
        };
        let mut shares = Shares {
            queued: plan.queued,
            alone: Vec::new(),
            beside: Vec::new(),
            crowd: Vec::new(),
            refusals: 0,
        };
        let alone = |_, sender: &Sender<Exchange>| {
            for index in 0..plan.questions {
                let Some(exchange) = self.ask_one(ALONE, index, single) else { return };
                let _ = sender.send(exchange);
            }
        };
        crew::run(&self.client, 1, &self.stop, alone, |exchange| {
            each(&exchange);
            shares.alone.push(exchange);
        })?;
        let race = Race { sent: AtomicUsize::new(0), ended: AtomicUsize::new(0), plan };
        let work = |number: usize, sender: &Sender<Part>| match number {
            0 => self.ask_beside(&race, single, sender),
            number => self.queue_up(&race, number - 1, crowd, sender),
        };
        crew::run(&self.client, plan.queued + 1, &self.stop, work, |part| match part {
            Part::Beside(exchange) => {
                each(&exchange);
                shares.beside.push(exchange);
            }
            Part::Crowd(exchange, refusals) => {
                shares.refusals += refusals;
                shares.crowd.push(exchange);
            }
        })?;
        Ok(shares)
    }

    /// The single tenant's part beside the crowd; it ends the crowd's too.
    fn ask_beside(&self, race: &Race, single: &ApiKey, sender: &Sender<Part>) {
        while race.sent.load(Ordering::SeqCst) < race.plan.queued && !self.client.is_hung_up() {
            self.client.sleep_until(Instant::now() + SETTLE / 10);
        }
        self.client.sleep_until(Instant::now() + SETTLE);
        for index in 0..race.plan.questions {
            // Those that begin beside the crowd count whole, however long they take.
            if race.ended.load(Ordering::SeqCst) >= race.plan.queued {
                break;
            }
            let Some(exchange) = self.ask_one(BESIDE, index, single) else { break };
            let _ = sender.send(Part::Beside(exchange));
        }
        self.client.hang_up();
    }

    /// One request of the crowd.
    fn queue_up(&self, race: &Race, index: usize, crowd: &ApiKey, sender: &Sender<Part>) {
        let body = self.request(CROWD, index);
        race.sent.fetch_add(1, Ordering::SeqCst);
        let (exchange, refusals) = self.insist(&body, Some(crowd));
        race.ended.fetch_add(1, Ordering::SeqCst);
        let _ = sender.send(Part::Crowd(exchange, refusals));
    }

    /// A question, unless all is over.
    fn ask_one(&self, purpose: u64, index: usize, key: &ApiKey) -> Option<Exchange> {
        if self.client.is_hung_up() {
            return None;
        }
        let sent = Instant::now();
        let (mut exchange, _) = self.insist(&self.request(purpose, index), Some(key));
        // A tenant who is told to come back later waits for that too.
        let late = exchange.sent.duration_since(sent);
        exchange.first_token = exchange.first_token.map(|first| first + late);
        (exchange.total, exchange.sent) = (exchange.total + late, sent);
        (exchange.outcome != Outcome::Left).then_some(exchange)
    }
}

/// How far the crowd is.
struct Race {
    sent: AtomicUsize,
    ended: AtomicUsize,
    plan: Fairness,
}

impl Shares {
    fn rows(&self) -> [(String, &[Exchange]); 3] {
        [
            ("single, alone".to_owned(), &self.alone),
            (format!("single, beside {}", self.queued), &self.beside),
            ("the crowd".to_owned(), &self.crowd),
        ]
    }

    /// A line for the single tenant alone, one beside the crowd, and the crowd's.
    pub fn table(&self) -> String {
        let head = ["", "done", "failed", "TTFT p50", "p99", "worst", "whole p50", "p99", "worst"];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        let mut remarks = String::new();
        for (name, exchanges) in self.rows() {
            let (first, total) = (first_token(exchanges), total(exchanges));
            let done = exchanges.iter().filter(|exchange| exchange.is_complete()).count();
            let failures = failures(exchanges);
            for (kind, count) in &failures {
                remarks += &format!("{name}: {count} failed: {kind}\n");
            }
            let failed: usize = failures.values().sum();
            let mut row = vec![name, done.to_string(), failed.to_string()];
            for samples in [&first, &total] {
                row.extend([50.0, 99.0].map(|percent| percentile(samples.as_ref(), percent)));
                let worst = samples.as_ref().map(|samples| seconds(samples.max()));
                row.push(worst.unwrap_or_else(|| NONE.to_owned()));
            }
            rows.push(row);
        }
        let cut = self.crowd.iter().filter(|exchange| exchange.outcome == Outcome::Left).count();
        remarks += &format!("When the questions were over, {cut} of the crowd still waited.\n");
        if self.refusals > 0 {
            remarks += &format!("The crowd was told to come back later {} times.\n", self.refusals);
        }
        crate::table(&rows) + &remarks
    }

    /// Everything, for programs; times in seconds.
    pub fn json(&self) -> Value {
        let part = |exchanges: &[Exchange]| {
            json!({
                "completed": exchanges.iter().filter(|exchange| exchange.is_complete()).count(),
                "failures": failures(exchanges),
                "time_to_first_token": spread(first_token(exchanges).as_ref()),
                "end_to_end": spread(total(exchanges).as_ref()),
            })
        };
        json!({
            "queued": self.queued,
            "alone": part(&self.alone),
            "beside": part(&self.beside),
            "crowd": part(&self.crowd),
            "refusals": self.refusals,
        })
    }
}

fn completed(exchanges: &[Exchange]) -> impl Iterator<Item = &Exchange> {
    exchanges.iter().filter(|exchange| exchange.is_complete())
}

pub(crate) fn first_token(exchanges: &[Exchange]) -> Option<Samples> {
    Samples::new(completed(exchanges).filter_map(|one| Some(one.first_token?.as_secs_f64())))
}

pub(crate) fn total(exchanges: &[Exchange]) -> Option<Samples> {
    Samples::new(completed(exchanges).map(|one| one.total.as_secs_f64()))
}
