//! What came of drafted tokens.

use super::history::Span;
use super::view::share;
use crate::exposition::Sample;

/// Positions of a draft that are kept; of a server that drafts more, these.
const MAX_POSITIONS: usize = 32;

/// What a server has counted of drafts since it started; `None` is what it does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpeculationCounts {
    /// Drafts that were verified: one for each answer of a step that had one.
    pub drafts: Option<f64>,
    /// Tokens of these.
    pub drafted_tokens: Option<f64>,
    /// Of these, tokens that answers took.
    pub accepted_tokens: Option<f64>,
    /// The same by their position in the draft, from the first on.
    pub accepted_at: Vec<f64>,
    /// Drafted tokens by their position; empty where only `drafts` is told.
    pub drafted_at: Vec<f64>,
    /// Draft models that failed.
    pub failures: Option<f64>,
    /// Seconds in which a model drafted.
    pub draft_seconds: Option<f64>,
    /// Seconds of the model in steps with drafts.
    pub verify_seconds: Option<f64>,
}

/// What came of drafts, to show.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Speculation {
    /// Tokens drafted a second; `None` after one look.
    pub drafted: Option<f64>,
    /// The share of time in which a model drafts, from 0 to 1; `None` also of a server that does
    /// not say.
    pub drafting: Option<f64>,
    /// The share of time that the model spends in steps with drafts, from 0 to 1, known as far as
    /// `drafting`.
    pub verifying: Option<f64>,
    /// Whether what follows is of the last moment, or, as nothing was drafted in it, of all time.
    pub is_recent: bool,
    /// The share of drafted tokens that answers took, from 0 to 1.
    pub accepted: Option<f64>,
    /// Tokens that an answer has of a step with a draft, on average: those that it took of the
    /// draft, and the one that the model adds. As vLLM has it: 1 + accepted tokens / drafts.
    pub mean_length: Option<f64>,
    /// For each position, the share of drafted tokens there that was taken, from 0 to 1. Where a
    /// server does not tell how many there were, it is the share of all drafts, short ones too.
    pub accepted_at: Vec<f64>,
    /// Draft models that failed since the server started, after which they draft no more.
    pub failures: f64,
}

impl SpeculationCounts {
    /// The number behind a metric's name without `spec_decode_`.
    pub(super) fn number(&mut self, name: &str) -> Option<&mut Option<f64>> {
        Some(match name {
            "num_drafts_total" => &mut self.drafts,
            "num_draft_tokens_total" => &mut self.drafted_tokens,
            "num_accepted_tokens_total" => &mut self.accepted_tokens,
            "draft_seconds_total" => &mut self.draft_seconds,
            "verify_seconds_total" => &mut self.verify_seconds,
            "draft_failures_total" => &mut self.failures,
            _ => return None,
        })
    }

    /// Counts more tokens of a position, if the metric behind a name without `spec_decode_` has
    /// such; says whether.
    pub(super) fn add_at(&mut self, name: &str, sample: &Sample<'_>) -> bool {
        let counts = match name {
            "num_accepted_tokens_per_pos_total" => &mut self.accepted_at,
            "num_draft_tokens_per_pos_total" => &mut self.drafted_at,
            _ => return false,
        };
        let position = sample.label("position").and_then(|position| position.parse().ok());
        if let Some(position) = position.filter(|&position: &usize| position < MAX_POSITIONS) {
            if counts.len() <= position {
                counts.resize(position + 1, 0.0);
            }
            counts[position] += sample.value;
        }
        true
    }

    /// What was counted since an earlier look.
    fn since(&self, earlier: &Self) -> Self {
        let less = |now: Option<f64>, then: Option<f64>| Some((now? - then?).max(0.0));
        // A position is there once it was drafted.
        let less_at = |now: &[f64], then: &[f64]| {
            let then = then.iter().copied().chain(std::iter::repeat(0.0));
            now.iter().zip(then).map(|(now, then)| (now - then).max(0.0)).collect()
        };
        Self {
            drafts: less(self.drafts, earlier.drafts),
            drafted_tokens: less(self.drafted_tokens, earlier.drafted_tokens),
            accepted_tokens: less(self.accepted_tokens, earlier.accepted_tokens),
            accepted_at: less_at(&self.accepted_at, &earlier.accepted_at),
            drafted_at: less_at(&self.drafted_at, &earlier.drafted_at),
            failures: less(self.failures, earlier.failures),
            draft_seconds: less(self.draft_seconds, earlier.draft_seconds),
            verify_seconds: less(self.verify_seconds, earlier.verify_seconds),
        }
    }

    /// Of the drafted tokens at a position, how many were taken, from 0 to 1.
    fn accepted_share(&self, position: usize) -> Option<f64> {
        let accepted = self.accepted_at.get(position).copied();
        let drafted = self.drafted_at.get(position).copied();
        share(accepted, if self.drafted_at.is_empty() { self.drafts } else { drafted })
    }

    fn has_drafts(&self) -> bool {
        self.drafted_tokens.is_some_and(|tokens| tokens > 0.0)
    }
}

impl Speculation {
    /// Of a server that has counted so much by now; `None` if it never drafted, and did not fail to.
    pub(super) fn of(now: &SpeculationCounts, moment: Option<Span<'_>>) -> Option<Self> {
        let failures = now.failures.unwrap_or(0.0);
        if !now.has_drafts() && failures == 0.0 {
            return None;
        }
        let of_late = moment.map(|moment| moment.to.speculation.since(&moment.from.speculation));
        let rate = |of: fn(&SpeculationCounts) -> Option<f64>| {
            moment.and_then(|moment| moment.rate(|look| of(&look.speculation)))
        };
        let of_late = of_late.filter(SpeculationCounts::has_drafts);
        let counts = of_late.as_ref().unwrap_or(now);
        let accepted_a_draft = counts.accepted_tokens.zip(counts.drafts.filter(|&all| all > 0.0));
        let positions = 0..counts.accepted_at.len();
        Some(Self {
            drafted: rate(|counts| counts.drafted_tokens),
            drafting: rate(|counts| counts.draft_seconds).map(|part| part.min(1.0)),
            verifying: rate(|counts| counts.verify_seconds).map(|part| part.min(1.0)),
            is_recent: of_late.is_some(),
            accepted: share(counts.accepted_tokens, counts.drafted_tokens),
            mean_length: accepted_a_draft.map(|(accepted, drafts)| 1.0 + accepted / drafts),
            accepted_at: positions.map_while(|at| counts.accepted_share(at)).collect(),
            failures,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{History, Snapshot, View};
    use super::*;

    /// What a server says of so many drafts of 4 tokens, of which 9, 8, 6 and 2 in 10 were taken at
    /// their positions, and of the seconds that those took.
    fn drafts(prefix: &str, engine: u32, drafts: f64, seconds: Option<(f64, f64)>) -> String {
        let labels = format!("engine=\"{engine}\",model_name=\"m\"");
        let mut text = String::new();
        for (name, value) in [
            ("num_drafts_total", drafts),
            ("num_draft_tokens_total", 4.0 * drafts),
            ("num_accepted_tokens_total", 2.5 * drafts),
        ] {
            text += &format!("{prefix}:spec_decode_{name}{{{labels}}} {value}\n");
        }
        if let Some((draft, verify)) = seconds {
            text += &format!("{prefix}:spec_decode_draft_seconds_total{{{labels}}} {draft}\n");
            text += &format!("{prefix}:spec_decode_verify_seconds_total{{{labels}}} {verify}\n");
        }
        for (position, share) in
            [0.9, 0.8, 0.6, 0.2].into_iter().enumerate().filter(|_| drafts > 0.0)
        {
            let name = "spec_decode_num_accepted_tokens_per_pos_total";
            let taken = share * drafts;
            text += &format!("{prefix}:{name}{{{labels},position=\"{position}\"}} {taken}\n");
        }
        text
    }

    fn speculation(looks: &[(u64, String)]) -> Option<Speculation> {
        let mut history = History::default();
        for (seconds, text) in looks {
            history.push(Duration::from_secs(*seconds), Snapshot::read(text));
        }
        View::of(&history, None).unwrap().speculation
    }

    #[test]
    fn what_came_of_drafts_is_of_the_last_moment_or_of_all_time() {
        // None, then 10 drafts a second.
        let mut looks = vec![
            (0, drafts("throng", 0, 0.0, Some((0.0, 0.0)))),
            (2, drafts("throng", 0, 20.0, Some((0.1, 1.6)))),
        ];
        assert_eq!(speculation(&looks[..1]), None);
        let near = |value: f64, expected: f64| {
            assert!((value - expected).abs() < 1e-9, "{value}, not {expected}");
        };
        let first = speculation(&looks).unwrap();
        assert!(first.is_recent);
        near(first.drafted.unwrap(), 40.0);
        near(first.drafting.unwrap(), 0.05);
        near(first.verifying.unwrap(), 0.8);
        near(first.accepted.unwrap(), 0.625);
        near(first.mean_length.unwrap(), 3.5);
        assert_eq!(first.accepted_at.len(), 4);
        first.accepted_at.iter().zip([0.9, 0.8, 0.6, 0.2]).for_each(|(&at, each)| near(at, each));
        // 10 more, of which nothing was taken.
        let mut text = drafts("throng", 0, 20.0, Some((0.1, 1.6)));
        text += "throng:spec_decode_num_drafts_total 10\nthrong:spec_decode_num_draft_tokens_total 20\n";
        looks.push((4, text.clone()));
        let bad = speculation(&looks).unwrap();
        assert_eq!(
            (bad.accepted, bad.mean_length, bad.drafted),
            (Some(0.0), Some(1.0), Some(10.0))
        );
        assert_eq!((bad.accepted_at, bad.verifying), (vec![0.0; 4], Some(0.0)));
        // No more.
        looks.push((7, text));
        let idle = speculation(&looks).unwrap();
        assert_eq!((idle.is_recent, idle.drafted, idle.drafting), (false, Some(0.0), Some(0.0)));
        assert_eq!((idle.accepted, idle.mean_length), (Some(0.5), Some(1.0 + 50.0 / 30.0)));
        near(idle.accepted_at[3], 4.0 / 30.0);
    }

    #[test]
    fn a_position_is_looked_at_where_it_is_drafted() {
        // Of ten drafts two had a second token, and each was taken.
        let mut text = drafts("throng", 0, 10.0, None);
        let name = "throng:spec_decode_num_draft_tokens_per_pos_total";
        for (method, position, count) in [("ngram", 0, 4), ("prediction", 0, 6), ("ngram", 3, 2)] {
            text += &format!("{name}{{method=\"{method}\",position=\"{position}\"}} {count}\n");
        }
        let view = speculation(&[(0, text.clone())]).unwrap();
        assert_eq!(
            (view.accepted_at, view.failures),
            (vec![0.9], 0.0),
            "what nobody drafted ends it"
        );
        text += &format!("{name}{{position=\"1\"}} 8\n{name}{{position=\"2\"}} 6\n");
        assert_eq!(speculation(&[(0, text)]).unwrap().accepted_at, [0.9, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn a_model_that_failed_before_it_drafted_is_told_of() {
        let failed = |count| format!("throng:spec_decode_draft_failures_total {count}\n");
        assert_eq!(speculation(&[(0, failed(0))]), None);
        let view = speculation(&[(0, failed(0)), (1, failed(1))]).unwrap();
        assert_eq!((view.failures, view.accepted, view.is_recent), (1.0, None, false));
    }

    #[test]
    fn engines_draft_together_and_may_not_tell_their_times() {
        let both = |n: f64| drafts("vllm", 0, n, None) + &drafts("vllm", 1, 3.0 * n, None);
        let view = speculation(&[(0, both(10.0)), (1, both(20.0))]).unwrap();
        assert_eq!((view.drafted, view.mean_length), (Some(160.0), Some(3.5)));
        assert_eq!((view.drafting, view.verifying), (None, None));
        let once = speculation(&[(0, both(10.0))]).unwrap();
        assert_eq!((once.drafted, once.is_recent, once.accepted), (None, false, Some(0.625)));
        // Positions that are none, or too many to be one's.
        let mut text = both(1.0);
        for position in ["-1", "x", "32", "18446744073709551616", "4294967295"] {
            let name = "spec_decode_num_accepted_tokens_per_pos_total";
            text += &format!("vllm:{name}{{position=\"{position}\"}} 1\n");
        }
        text += "vllm:spec_decode_num_accepted_tokens_per_pos_total 1\n";
        assert_eq!(speculation(&[(0, text)]).unwrap(), speculation(&[(0, both(1.0))]).unwrap());
    }
}
