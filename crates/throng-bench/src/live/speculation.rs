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
    /// For each position, the share of all drafts whose token there was taken, from 0 to 1. Drafts
    /// that were shorter count, as no server tells how many there were.
    pub accepted_at: Vec<f64>,
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
            _ => return None,
        })
    }

    /// Counts more tokens that were taken at a position.
    pub(super) fn add_at(&mut self, sample: &Sample<'_>) {
        let position = sample.label("position").and_then(|position| position.parse().ok());
        let Some(position) = position.filter(|&position: &usize| position < MAX_POSITIONS) else {
            return;
        };
        if self.accepted_at.len() <= position {
            self.accepted_at.resize(position + 1, 0.0);
        }
        self.accepted_at[position] += sample.value;
    }

    /// What was counted since an earlier look.
    fn since(&self, earlier: &Self) -> Self {
        let less = |now: Option<f64>, then: Option<f64>| Some((now? - then?).max(0.0));
        // A position is there once it was drafted.
        let then = earlier.accepted_at.iter().copied().chain(std::iter::repeat(0.0));
        Self {
            drafts: less(self.drafts, earlier.drafts),
            drafted_tokens: less(self.drafted_tokens, earlier.drafted_tokens),
            accepted_tokens: less(self.accepted_tokens, earlier.accepted_tokens),
            accepted_at: self.accepted_at.iter().zip(then).map(|(a, b)| (a - b).max(0.0)).collect(),
            draft_seconds: less(self.draft_seconds, earlier.draft_seconds),
            verify_seconds: less(self.verify_seconds, earlier.verify_seconds),
        }
    }

    fn has_drafts(&self) -> bool {
        self.drafted_tokens.is_some_and(|tokens| tokens > 0.0)
    }
}

impl Speculation {
    /// Of a server that has counted so much by now; `None` if it never drafted.
    pub(super) fn of(now: &SpeculationCounts, moment: Option<Span<'_>>) -> Option<Self> {
        if !now.has_drafts() {
            return None;
        }
        let of_late = moment.map(|moment| moment.to.speculation.since(&moment.from.speculation));
        let rate = |of: fn(&SpeculationCounts) -> Option<f64>| {
            moment.and_then(|moment| moment.rate(|look| of(&look.speculation)))
        };
        let of_late = of_late.filter(SpeculationCounts::has_drafts);
        let counts = of_late.as_ref().unwrap_or(now);
        let accepted_a_draft = counts.accepted_tokens.zip(counts.drafts.filter(|&all| all > 0.0));
        let at = counts.accepted_at.iter();
        Some(Self {
            drafted: rate(|counts| counts.drafted_tokens),
            drafting: rate(|counts| counts.draft_seconds).map(|part| part.min(1.0)),
            verifying: rate(|counts| counts.verify_seconds).map(|part| part.min(1.0)),
            is_recent: of_late.is_some(),
            accepted: share(counts.accepted_tokens, counts.drafted_tokens),
            mean_length: accepted_a_draft.map(|(accepted, drafts)| 1.0 + accepted / drafts),
            accepted_at: at.filter_map(|&accepted| share(Some(accepted), counts.drafts)).collect(),
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
