//! What a server says that it has counted, at one moment.

use super::distribution::Distribution;
use super::speculation::SpeculationCounts;
use crate::exposition::{Sample, samples};
use crate::printable::printable;

/// Characters of a name that are kept.
const MAX_NAME: usize = 64;
/// Tenants that are kept; a server that lists more is believed for these.
const MAX_TENANTS: usize = 256;
/// No server has counted to more than this.
const MAX_NUMBER: f64 = 1e18;

/// All of it. Counts are since the server started; `None` is what it does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The model; empty where it has no name.
    pub model: String,
    /// Answers with a place in the KV cache.
    pub running: Option<f64>,
    /// Answers that wait for one.
    pub waiting: Option<f64>,
    /// Blocks of layers that see the whole context.
    pub full: Pool,
    /// Blocks of layers with a window.
    pub window: Pool,
    /// The share of blocks that answers hold, from 0 to 1.
    pub usage: Option<f64>,
    /// Tokens of prompts that were looked for in the prefix cache.
    pub queried_tokens: Option<f64>,
    /// Tokens of prompts that were found there.
    pub cached_tokens: Option<f64>,
    /// Answers that lost their place to others.
    pub preemptions: Option<f64>,
    /// Tokens of prompts that were computed.
    pub prompt_tokens: Option<f64>,
    /// Tokens of answers.
    pub generated_tokens: Option<f64>,
    /// Bytes of weights and of the KV cache that steps had to read.
    pub read_bytes: Option<f64>,
    /// Bytes that the machine reads from memory a second.
    pub bandwidth: Option<f64>,
    /// What came of drafts.
    pub speculation: SpeculationCounts,
    /// Tokens of steps, and so the number of steps.
    pub step_tokens: Distribution,
    /// Answers of steps.
    pub step_rows: Distribution,
    /// Time of steps in the model.
    pub model_seconds: Distribution,
    /// From request to first token.
    pub first_token: Distribution,
    /// From token to token.
    pub each_token: Distribution,
    /// From request to last token.
    pub whole_answer: Distribution,
    /// Answers that ended, in the order of [`Outcome::ALL`].
    pub outcomes: [Option<f64>; Outcome::ALL.len()],
    /// Who has asked for something.
    pub tenants: Vec<TenantCounts>,
}

/// One pool of the KV cache, in blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pool {
    /// Those that answers hold.
    pub used: f64,
    /// Those that nobody holds, kept in case their prefix comes again.
    pub cached: f64,
    /// The others.
    pub free: f64,
}

impl Pool {
    /// All of them.
    pub fn blocks(&self) -> f64 {
        self.used + self.cached + self.free
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// By itself.
    Stop,
    /// By a limit.
    Length,
    /// Somebody left.
    Abort,
    /// Its time was over.
    Timeout,
    /// The model failed.
    Error,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Stop, Self::Length, Self::Abort, Self::Timeout, Self::Error];

    /// As metrics name it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::Abort => "abort",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

/// What one tenant has had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantCounts {
    /// Its name.
    pub name: String,
    /// Answers that run.
    pub running: f64,
    /// Answers that wait.
    pub waiting: f64,
    /// Tokens of prompts that were computed.
    pub prompt_tokens: f64,
    /// Tokens of answers.
    pub generated_tokens: f64,
}

impl Snapshot {
    /// Reads the body of `/metrics`. What it does not know is passed over.
    pub fn read(text: &str) -> Self {
        let mut snapshot = Self::default();
        let sound = |sample: &Sample<'_>| (0.0..=MAX_NUMBER).contains(&sample.value);
        for sample in samples(text).filter(sound) {
            if snapshot.model.is_empty() {
                let model = sample.label("model_name").unwrap_or_default();
                snapshot.model = printable(model.trim(), MAX_NAME);
            }
            snapshot.add(&sample);
        }
        snapshot
    }

    /// A server that counts on has all counts of an earlier look, and more; one that has begun
    /// anew has not.
    pub(super) fn follows(&self, earlier: &Self) -> bool {
        let counts = |snapshot: &Self| {
            [
                snapshot.step_tokens.count,
                snapshot.prompt_tokens.unwrap_or(0.0),
                snapshot.generated_tokens.unwrap_or(0.0),
                snapshot.queried_tokens.unwrap_or(0.0),
                snapshot.whole_answer.count,
            ]
        };
        self.model == earlier.model
            && counts(self).iter().zip(counts(earlier)).all(|(now, then)| *now >= then)
    }

    fn add(&mut self, sample: &Sample<'_>) {
        let base = sample.base();
        let drafted = base.strip_prefix("spec_decode_");
        if drafted.is_some_and(|name| self.speculation.add_at(name, sample)) {
            return;
        }
        if let Some(number) = self.number(base) {
            // A server of several engines has a line for each.
            *number = Some(number.unwrap_or(0.0) + sample.value);
        } else if let Some(number) = base.strip_prefix("tenant_") {
            self.add_to_tenant(number, sample);
        } else if base == "kv_cache_blocks" {
            self.add_to_pool(sample);
        } else if base == "request_success_total" {
            let reason = sample.label("finished_reason").unwrap_or_default();
            if let Some(at) = Outcome::ALL.iter().position(|outcome| outcome.name() == reason) {
                self.outcomes[at] = Some(self.outcomes[at].unwrap_or(0.0) + sample.value);
            }
        } else if let Some((name, part)) = base.rsplit_once('_')
            && let Some(distribution) = self.distribution(name)
        {
            match part {
                "bucket" => {
                    let bound = sample.label("le").and_then(|bound| bound.parse().ok());
                    distribution.add(bound.unwrap_or(f64::NAN), sample.value);
                }
                "count" => distribution.count += sample.value,
                "sum" => distribution.sum += sample.value,
                _ => {}
            }
        }
    }

    fn number(&mut self, name: &str) -> Option<&mut Option<f64>> {
        Some(match name {
            "num_requests_running" => &mut self.running,
            "num_requests_waiting" => &mut self.waiting,
            "kv_cache_usage_perc" => &mut self.usage,
            "prefix_cache_queries_total" => &mut self.queried_tokens,
            "prefix_cache_hits_total" => &mut self.cached_tokens,
            "num_preemptions_total" => &mut self.preemptions,
            "prompt_tokens_total" => &mut self.prompt_tokens,
            "generation_tokens_total" => &mut self.generated_tokens,
            "model_read_bytes_total" => &mut self.read_bytes,
            "memory_bandwidth_bytes_per_second" => &mut self.bandwidth,
            _ => return self.speculation.number(name.strip_prefix("spec_decode_")?),
        })
    }

    fn distribution(&mut self, name: &str) -> Option<&mut Distribution> {
        Some(match name {
            "iteration_tokens_total" => &mut self.step_tokens,
            "step_rows" => &mut self.step_rows,
            "step_model_seconds" => &mut self.model_seconds,
            "time_to_first_token_seconds" => &mut self.first_token,
            "inter_token_latency_seconds" => &mut self.each_token,
            "e2e_request_latency_seconds" => &mut self.whole_answer,
            _ => return None,
        })
    }

    fn add_to_pool(&mut self, sample: &Sample<'_>) {
        let pool = match sample.label("pool").as_deref() {
            Some("full") => &mut self.full,
            Some("window") => &mut self.window,
            _ => return,
        };
        match sample.label("state").as_deref() {
            Some("used") => pool.used += sample.value,
            Some("cached") => pool.cached += sample.value,
            Some("free") => pool.free += sample.value,
            _ => {}
        }
    }

    fn add_to_tenant(&mut self, number: &str, sample: &Sample<'_>) {
        let Some(name) = sample.label("tenant") else { return };
        let name = printable(name.trim(), MAX_NAME);
        let tenant = match self.tenants.iter().position(|tenant| tenant.name == name) {
            Some(at) => &mut self.tenants[at],
            None if self.tenants.len() == MAX_TENANTS => return,
            None => {
                self.tenants.push(TenantCounts { name, ..TenantCounts::default() });
                self.tenants.last_mut().expect("one was added")
            }
        };
        match number {
            "requests_running" => tenant.running += sample.value,
            "requests_waiting" => tenant.waiting += sample.value,
            "prompt_tokens_total" => tenant.prompt_tokens += sample.value,
            "generation_tokens_total" => tenant.generated_tokens += sample.value,
            _ => {}
        }
    }
}
