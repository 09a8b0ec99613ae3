//! Clients who misbehave for a while: whether the server is as it was when they are gone.

use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Conduct;
use super::crew;
use super::error::LoadError;
use super::exchange::{Exchange, Outcome};
use super::gauges::Gauges;
use super::process::Process;
use super::random::Random;
use super::session::Session;
use super::summary::failures;
use super::workload::Workload;

/// Separates the draws of this scenario from those of others.
const SOAK: u64 = u64::MAX - 7;
/// The shortest and the longest that anybody waits for an answer's head before leaving: all
/// magnitudes are as likely, because some servers send it at once and others with the first token.
const HASTE: [f64; 2] = [50e-6, 0.4];
/// The longest pause of a slow reader before each read.
const SLOWNESS: Duration = Duration::from_millis(200);
/// The longest that anybody reads nothing before leaving.
const STALL: Duration = Duration::from_secs(5);
/// Looks at the server during the whole.
const LOOKS: u32 = 10;
/// How long the server may take to be quiet again, and how often it is asked.
const QUIET: Duration = Duration::from_secs(10);
const ASK: Duration = Duration::from_millis(100);

/// Clients who misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Soak {
    /// How many there are at once.
    pub users: usize,
    /// How long new requests are sent.
    pub duration: Duration,
    /// The server's process, to look at what it holds.
    pub pid: Option<u32>,
}

/// The server at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// From the beginning.
    pub at: Duration,
    /// What it says of itself; `None`: it has no metrics.
    pub gauges: Option<Gauges>,
    /// What its process holds; `None`: nobody said which it is, or it is gone.
    pub process: Option<Process>,
}

/// What was seen.
#[derive(Debug)]
pub struct Endurance {
    /// Requests, by what their client did, each with how many ended in which way.
    pub conducts: BTreeMap<&'static str, Ends>,
    /// Requests that failed, by kind.
    pub failures: BTreeMap<String, usize>,
    /// How often the server said that it was full; nobody came back at once.
    pub refusals: usize,
    /// The server from the beginning to after the end.
    pub looks: Vec<Look>,
    /// Seconds from the end of the last request until the server was quiet; `None`: it was not
    /// within ten, or does not say.
    pub quiet_seconds: Option<f64>,
}

/// How requests ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// Answered to the end.
    pub completed: usize,
    /// Left by their clients.
    pub left: usize,
    /// Failed, without those that met a full queue.
    pub failed: usize,
}

impl Session {
    /// Sends requests of random lengths from clients of random conduct, until the time is over and
    /// all of them have ended; then waits for the server to be quiet.
    ///
    /// # Errors
    /// There is no thread for so many users.
    pub fn soak(
        &self,
        plan: Soak,
        mut each: impl FnMut(&Exchange),
    ) -> Result<Endurance, LoadError> {
        let start = Instant::now();
        let mut endurance = Endurance {
            conducts: BTreeMap::new(),
            failures: BTreeMap::new(),
            refusals: 0,
            looks: vec![self.look(start, plan)],
            quiet_seconds: None,
        };
        let user = |number: usize, sender: &Sender<(Conduct, Exchange)>| {
            let mut random = Random::new(self.workload.seed, &[SOAK, number as u64]);
            while start.elapsed() < plan.duration && !self.client.is_hung_up() {
                let (conduct, exchange) = self.misbehave(&mut random);
                let full = retry_after(&exchange);
                let _ = sender.send((conduct, exchange));
                if let Some(wait) = full {
                    self.client.sleep_until(Instant::now() + wait.min(plan.duration));
                }
            }
        };
        crew::run(&self.client, plan.users, &self.stop, user, |(conduct, exchange)| {
            each(&exchange);
            endurance.add(conduct, &exchange);
            let due = plan.duration / LOOKS * endurance.looks.len() as u32;
            if start.elapsed() >= due && endurance.looks.len() < LOOKS as usize {
                endurance.looks.push(self.look(start, plan));
            }
        })?;
        let end = Instant::now();
        loop {
            let look = self.look(start, plan);
            let is_quiet = look.gauges.is_some_and(|gauges| gauges.is_quiet());
            if is_quiet || look.gauges.is_none() || end.elapsed() > QUIET {
                endurance.quiet_seconds = is_quiet.then(|| end.elapsed().as_secs_f64());
                endurance.looks.push(look);
                return Ok(endurance);
            }
            std::thread::sleep(ASK);
        }
    }

    fn misbehave(&self, random: &mut Random) -> (Conduct, Exchange) {
        let (most, longest) = (self.workload.max_tokens, self.workload.prompt_tokens);
        let max_tokens = 1 + random.below(most);
        let workload = Workload {
            max_tokens,
            prompt_tokens: 1 + random.below(longest),
            ..self.workload.clone()
        };
        let conduct = draw(random, max_tokens);
        let index = random.below(1 << 32);
        let (body, key) = (workload.request(self.words, SOAK, index), workload.key(index));
        let path = workload.endpoint.path();
        (conduct, self.client.stream(path, &body, key, conduct, Instant::now()))
    }

    fn look(&self, start: Instant, plan: Soak) -> Look {
        Look {
            at: start.elapsed(),
            gauges: self.client.metrics(self.workload.key(0)).map(|text| Gauges::read(&text)),
            process: plan.pid.and_then(Process::look),
        }
    }
}

/// Half of the clients are patient, the others each in their own way not. Who leaves in mid stream
/// does so before the last of `max_tokens`.
fn draw(random: &mut Random, max_tokens: usize) -> Conduct {
    let mut up_to = |longest: Duration| longest.mul_f64(random.unit());
    let (slowness, stall) = (up_to(SLOWNESS), up_to(STALL));
    let haste = HASTE[0] * (HASTE[1] / HASTE[0]).powf(random.unit());
    match random.below(100) {
        0..15 => Conduct::LeavesBeforeHead(Duration::from_secs_f64(haste)),
        15..35 => Conduct::LeavesAfter(random.below(max_tokens)),
        35..45 => Conduct::ReadsSlowly(slowness),
        45..50 => Conduct::Stalls(stall),
        _ => Conduct::Patient,
    }
}

fn retry_after(exchange: &Exchange) -> Option<Duration> {
    match &exchange.outcome {
        Outcome::Failed(failure) => failure.retry_after(),
        Outcome::Completed | Outcome::Left => None,
    }
}

impl Endurance {
    fn add(&mut self, conduct: Conduct, exchange: &Exchange) {
        if retry_after(exchange).is_some() {
            self.refusals += 1;
            return;
        }
        let ends = self.conducts.entry(conduct.name()).or_default();
        match &exchange.outcome {
            Outcome::Completed => ends.completed += 1,
            Outcome::Left => ends.left += 1,
            Outcome::Failed(_) => ends.failed += 1,
        }
        for (kind, count) in failures(std::slice::from_ref(exchange)) {
            *self.failures.entry(kind).or_default() += count;
        }
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let conducts = self.conducts.iter().map(|(name, ends)| {
            let ends = json!({
                "completed": ends.completed, "left": ends.left, "failed": ends.failed,
            });
            ((*name).to_owned(), ends)
        });
        let looks = self.looks.iter().map(|look| {
            json!({
                "seconds": look.at.as_secs_f64(),
                "running": look.gauges.and_then(|gauges| gauges.running),
                "waiting": look.gauges.and_then(|gauges| gauges.waiting),
                "kv_blocks": look.gauges.and_then(|gauges| gauges.blocks),
                "resident_bytes": look.process.map(|process| process.resident_bytes),
                "threads": look.process.map(|process| process.threads),
                "files": look.process.and_then(|process| process.files),
            })
        });
        json!({
            "conducts": conducts.collect::<serde_json::Map<_, _>>(),
            "failures": self.failures,
            "refusals": self.refusals,
            "quiet_seconds": self.quiet_seconds,
            "looks": looks.collect::<Vec<_>>(),
        })
    }
}
