//! What a level comes to: medians, tails and rates.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::exchange::{Exchange, Outcome};
use super::level::{Level, Load};
use crate::Samples;

/// What a level comes to. Times are in seconds, and those of completed requests.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How much was asked at once.
    pub load: Load,
    /// Requests that were answered to the end.
    pub completed: usize,
    /// Requests that were cut off because somebody had seen enough.
    pub left: usize,
    /// Requests that failed, by kind.
    pub failures: BTreeMap<String, usize>,
    /// How often the peer said that it was full, and was asked again later.
    pub refusals: usize,
    /// From the first request to the end of the last.
    pub seconds: f64,
    /// Completed requests a second.
    pub requests_per_second: f64,
    /// Tokens of completed answers a second, of all users together.
    pub tokens_per_second: f64,
    /// Tokens of completed requests' prompts, of which the peer found these in a cache.
    pub prompt_tokens: u64,
    /// `None`: the peer does not say.
    pub cached_tokens: Option<u64>,
    /// Tokens of completed answers.
    pub completion_tokens: u64,
    /// Whether the peer counted those, and not we pieces.
    pub is_counted: bool,
    /// Time to the first token that shows.
    pub first_token: Option<Samples>,
    /// Time per token after the first, one value an answer.
    pub per_token: Option<Samples>,
    /// Between pieces of an answer, all answers together: what a reader sees stall.
    pub gaps: Option<Samples>,
    /// End to end.
    pub total: Option<Samples>,
}

impl Summary {
    /// Sums a level up.
    pub fn of(level: &Level) -> Self {
        let completed: Vec<&Exchange> =
            level.exchanges.iter().filter(|exchange| exchange.is_complete()).collect();
        let usages = || completed.iter().filter_map(|exchange| exchange.usage);
        let is_counted = !completed.is_empty() && usages().count() == completed.len();
        let completion_tokens = completed.iter().map(|exchange| exchange.tokens()).sum();
        let seconds = level.elapsed.as_secs_f64();
        let a_second = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let samples = |of: fn(&Exchange) -> Option<f64>| {
            Samples::new(completed.iter().filter_map(|exchange| of(exchange)))
        };
        let gaps = completed.iter().flat_map(|exchange| exchange.gaps.iter());
        let left = level.exchanges.iter().filter(|one| one.outcome == Outcome::Left);
        Self {
            load: level.load,
            completed: completed.len(),
            left: left.count(),
            failures: failures(&level.exchanges),
            refusals: level.refusals,
            seconds,
            requests_per_second: a_second(completed.len() as f64),
            tokens_per_second: a_second(completion_tokens as f64),
            prompt_tokens: usages().map(|usage| usage.prompt).sum(),
            cached_tokens: is_counted.then(|| usages().map(|usage| usage.cached).sum()).flatten(),
            completion_tokens,
            is_counted,
            first_token: samples(|exchange| Some(exchange.first_token?.as_secs_f64())),
            per_token: samples(Exchange::seconds_per_token),
            gaps: Samples::new(gaps.map(|&gap| f64::from(gap))),
            total: samples(|exchange| Some(exchange.total.as_secs_f64())),
        }
    }

    /// Requests that failed.
    pub fn failed(&self) -> usize {
        self.failures.values().sum()
    }

    /// Everything, for programs; times in seconds.
    pub fn json(&self) -> Value {
        let (load, at) = match self.load {
            Load::Users(users) => ("concurrency", json!(users)),
            Load::Rate(rate) => ("rate", json!(rate)),
        };
        json!({
            load: at,
            "completed": self.completed,
            "left": self.left,
            "failed": self.failed(),
            "failures": self.failures,
            "refusals": self.refusals,
            "seconds": self.seconds,
            "requests_per_second": self.requests_per_second,
            "tokens_per_second": self.tokens_per_second,
            "prompt_tokens": self.prompt_tokens,
            "cached_tokens": self.cached_tokens,
            "completion_tokens": self.completion_tokens,
            "tokens_counted_by": if self.is_counted { "server" } else { "pieces" },
            "time_to_first_token": spread(self.first_token.as_ref()),
            "time_per_token": spread(self.per_token.as_ref()),
            "time_between_pieces": spread(self.gaps.as_ref()),
            "end_to_end": spread(self.total.as_ref()),
        })
    }
}

/// How many requests failed in which way.
pub(crate) fn failures<'a>(
    exchanges: impl IntoIterator<Item = &'a Exchange>,
) -> BTreeMap<String, usize> {
    let mut failures = BTreeMap::new();
    for exchange in exchanges {
        if let Outcome::Failed(failure) = &exchange.outcome {
            *failures.entry(failure.kind()).or_default() += 1;
        }
    }
    failures
}

/// Samples for programs: `null` where there are none.
pub(crate) fn spread(samples: Option<&Samples>) -> Value {
    samples.map_or(Value::Null, |samples| {
        json!({
            "count": samples.count(),
            "mean": samples.mean(),
            "min": samples.min(),
            "median": samples.median(),
            "p90": samples.percentile(90.0),
            "p99": samples.percentile(99.0),
            "max": samples.max(),
        })
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::load::chunk::Usage;
    use crate::load::failure::Failure;

    fn exchange(millis: u64, usage: Option<Usage>, outcome: Outcome) -> Exchange {
        let mut exchange = Exchange::new(Instant::now());
        exchange.piece(Duration::from_millis(millis / 2));
        exchange.total = Duration::from_millis(millis);
        (exchange.usage, exchange.outcome) = (usage, outcome);
        exchange
    }

    #[test]
    fn only_completed_requests_have_times_and_all_are_counted() {
        let usage = Some(Usage { prompt: 10, completion: 5, cached: Some(4) });
        let failed = |failure| exchange(9_000, usage, Outcome::Failed(failure));
        let level = Level {
            load: Load::Users(2),
            elapsed: Duration::from_secs(2),
            exchanges: vec![
                exchange(1_000, usage, Outcome::Completed),
                exchange(3_000, usage, Outcome::Completed),
                exchange(9_000, usage, Outcome::Left),
                failed(Failure::Timeout),
                failed(Failure::Timeout),
                failed(Failure::BrokenOff("a".to_owned())),
            ],
            refusals: 3,
        };
        let summary = Summary::of(&level);
        assert_eq!((summary.completed, summary.left, summary.failed()), (2, 1, 3));
        assert_eq!(summary.failures["no answer in time"], 2);
        assert_eq!((summary.tokens_per_second, summary.requests_per_second), (5.0, 1.0));
        assert_eq!((summary.prompt_tokens, summary.cached_tokens), (20, Some(8)));
        let total = summary.total.as_ref().unwrap();
        assert_eq!((total.median(), total.max(), total.count()), (2.0, 3.0, 2));
        let json = summary.json();
        assert_eq!(json["concurrency"], 2);
        assert_eq!(json["end_to_end"]["median"], 2.0);
        assert_eq!(json["failures"]["stream broken off"], 1);
        assert_eq!(json["time_between_pieces"], Value::Null);
    }

    #[test]
    fn a_peer_that_does_not_count_is_told_apart() {
        let level = Level {
            load: Load::Rate(1.0),
            elapsed: Duration::ZERO,
            exchanges: vec![exchange(1_000, None, Outcome::Completed)],
            refusals: 0,
        };
        let summary = Summary::of(&level);
        assert!(!summary.is_counted && summary.completion_tokens == 1);
        assert_eq!((summary.tokens_per_second, summary.cached_tokens), (0.0, None));
    }
}
