//! What somebody who watches a server wants to know of it.

use super::distribution::{Distribution, Quantile};
use super::history::{History, Span};
use super::snapshot::{Outcome, Pool, Snapshot, TenantCounts};
use super::speculation::Speculation;

/// Numbers to show. `None` is what the server does not say, or what needs two looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The model; empty where it has no name.
    pub model: String,
    /// Answers with a place in the KV cache.
    pub running: Option<f64>,
    /// Answers that wait for one.
    pub waiting: Option<f64>,
    /// Steps a second.
    pub steps: Option<f64>,
    /// Answers of a step, on average.
    pub step_rows: Option<f64>,
    /// Tokens of a step, on average.
    pub step_tokens: Option<f64>,
    /// The share of time that is spent in the model, from 0 to 1.
    pub busy: Option<f64>,
    /// Tokens of answers a second.
    pub written: Option<f64>,
    /// The same between any two looks so far, oldest first.
    pub written_before: Vec<f64>,
    /// Tokens of prompts that were computed a second.
    pub read: Option<f64>,
    /// The same between any two looks so far, oldest first.
    pub read_before: Vec<f64>,
    /// What came of drafts; `None` of a server that never drafted.
    pub speculation: Option<Speculation>,
    /// What comes from memory.
    pub memory: Option<Memory>,
    /// The KV cache of layers that see the whole context.
    pub full: Pool,
    /// The KV cache of layers with a window.
    pub window: Pool,
    /// The share of the KV cache that answers hold.
    pub usage: Option<f64>,
    /// The share of prompts' tokens that was found in the prefix cache in the last minute.
    pub hits: Option<f64>,
    /// The same since the server started.
    pub hits_ever: Option<f64>,
    /// Whether latencies are those of the last minute, or, as there were none, of all time.
    pub latencies_are_recent: bool,
    /// From request to first token.
    pub first_token: Latency,
    /// From token to token.
    pub each_token: Latency,
    /// From request to last token.
    pub whole_answer: Latency,
    /// Answers that ended, and how.
    pub outcomes: Vec<(Outcome, f64)>,
    /// Answers that lost their place to others.
    pub preemptions: Option<f64>,
    /// Who asks, most served first.
    pub tenants: Vec<TenantView>,
}

/// What steps read from memory, beside what memory could give.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Bytes a second.
    pub rate: f64,
    /// Bytes a second while the model computes.
    pub rate_in_model: Option<f64>,
    /// Bytes that the machine reads a second.
    pub limit: Option<f64>,
}

/// How long something takes, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Latency {
    /// On average.
    pub mean: Option<f64>,
    /// At most, for half of all.
    pub p50: Option<Quantile>,
    /// At most, for 9 of 10.
    pub p90: Option<Quantile>,
    /// At most, for 99 of 100.
    pub p99: Option<Quantile>,
}

/// One tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantView {
    /// Its name.
    pub name: String,
    /// Answers that run.
    pub running: f64,
    /// Answers that wait.
    pub waiting: f64,
    /// Tokens of prompts and answers a second.
    pub rate: Option<f64>,
    /// The same since the server started.
    pub tokens: f64,
    /// Its share of all tenants' tokens in the last minute, or, as there were none, of all time.
    pub share: Option<f64>,
}

impl View {
    /// What follows from a history; `bandwidth` stands for a limit that the server does not know,
    /// or knows less well. `None` before the first look.
    pub fn of(history: &History, bandwidth: Option<f64>) -> Option<Self> {
        let now = history.now()?;
        let (moment, minute) = (history.moment(), history.minute());
        let rate = |of: fn(&Snapshot) -> Option<f64>| moment.and_then(|moment| moment.rate(of));
        let latest = |of: fn(&Snapshot) -> &Distribution| {
            moment.map(|moment| of(moment.to).since(of(moment.from)))
        };
        let recent = minute.is_some_and(|minute| {
            minute.more(|look| Some(look.first_token.count)).is_some_and(|more| more > 0.0)
        });
        let latency = |of: fn(&Snapshot) -> &Distribution| {
            Latency::of(&match minute.filter(|_| recent) {
                Some(minute) => of(minute.to).since(of(minute.from)),
                None => of(now).clone(),
            })
        };
        let outcomes = Outcome::ALL.into_iter().zip(now.outcomes);
        Some(Self {
            model: now.model.clone(),
            running: now.running,
            waiting: now.waiting,
            steps: rate(|look| Some(look.step_tokens.count)),
            step_rows: latest(|look| &look.step_rows).and_then(|rows| rows.mean()),
            step_tokens: latest(|look| &look.step_tokens).and_then(|tokens| tokens.mean()),
            busy: rate(|look| Some(look.model_seconds.sum)).map(|busy| busy.min(1.0)),
            written: rate(|look| look.generated_tokens),
            written_before: history.written(),
            read: rate(|look| look.prompt_tokens),
            read_before: history.read(),
            speculation: Speculation::of(&now.speculation, moment),
            memory: moment.and_then(|moment| Memory::of(moment, bandwidth)),
            full: now.full,
            window: now.window,
            usage: now.usage,
            hits: minute.and_then(|minute| {
                let hits = minute.more(|look| look.cached_tokens);
                share(hits, minute.more(|look| look.queried_tokens))
            }),
            hits_ever: share(now.cached_tokens, now.queried_tokens),
            latencies_are_recent: recent,
            first_token: latency(|look| &look.first_token),
            each_token: latency(|look| &look.each_token),
            whole_answer: latency(|look| &look.whole_answer),
            outcomes: outcomes.filter_map(|(outcome, count)| Some((outcome, count?))).collect(),
            preemptions: now.preemptions,
            tenants: tenants(now, moment, minute),
        })
    }
}

impl Memory {
    fn of(moment: Span<'_>, bandwidth: Option<f64>) -> Option<Self> {
        let bytes = moment.more(|look| look.read_bytes)?;
        let computing = moment.more(|look| Some(look.model_seconds.sum));
        Some(Self {
            rate: bytes / moment.seconds,
            rate_in_model: computing.filter(|&seconds| seconds > 0.0).map(|each| bytes / each),
            limit: bandwidth.or(moment.to.bandwidth).filter(|&limit| limit > 0.0),
        })
    }
}

impl Latency {
    fn of(times: &Distribution) -> Self {
        let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| times.quantile(share));
        Self { mean: times.mean(), p50, p90, p99 }
    }
}

impl TenantCounts {
    fn tokens(&self) -> f64 {
        self.prompt_tokens + self.generated_tokens
    }

    /// Tokens since an earlier look; all of them for somebody who was not there yet.
    fn tokens_since(&self, earlier: &Snapshot) -> f64 {
        let before = earlier.tenants.iter().find(|before| before.name == self.name);
        (self.tokens() - before.map_or(0.0, Self::tokens)).max(0.0)
    }
}

/// All tenants that were ever there, most served of late first.
fn tenants(now: &Snapshot, moment: Option<Span<'_>>, minute: Option<Span<'_>>) -> Vec<TenantView> {
    let seen = |tenant: &&TenantCounts| tenant.tokens() + tenant.running + tenant.waiting > 0.0;
    let of_late =
        |tenant: &TenantCounts| minute.map_or(0.0, |minute| tenant.tokens_since(minute.from));
    let total = |of: &dyn Fn(&TenantCounts) -> f64| now.tenants.iter().map(of).sum::<f64>();
    let (late, ever) = (total(&of_late), total(&TenantCounts::tokens));
    let mut ranked: Vec<_> =
        now.tenants.iter().filter(seen).map(|tenant| (of_late(tenant), tenant)).collect();
    ranked.sort_by(|(a_late, a), (b_late, b)| {
        let by_tokens = b_late.total_cmp(a_late).then(b.tokens().total_cmp(&a.tokens()));
        by_tokens.then_with(|| a.name.cmp(&b.name))
    });
    let view = |(of_late, tenant): (f64, &TenantCounts)| TenantView {
        name: tenant.name.clone(),
        running: tenant.running,
        waiting: tenant.waiting,
        rate: moment.map(|moment| tenant.tokens_since(moment.from) / moment.seconds),
        tokens: tenant.tokens(),
        share: match late > 0.0 {
            true => share(Some(of_late), Some(late)),
            false => share(Some(tenant.tokens()), Some(ever)),
        },
    };
    ranked.into_iter().map(view).collect()
}

/// A part of a whole, from 0 to 1; `None` of nothing.
pub(super) fn share(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    let whole = whole.filter(|&whole| whole > 0.0 && whole.is_finite())?;
    part.map(|part| (part / whole).clamp(0.0, 1.0))
}
