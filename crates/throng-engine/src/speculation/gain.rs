//! What drafts have really gained: the time that the tokens of steps with drafts would have taken
//! without, beside what these steps took. Depths are chosen by costs that are foreseen, and a
//! step's costs are no line: another expert or another panel of vectors can make one token dear.
//! So what was foreseen is held to what came of it, and drafts that lose are left out for a while.

use super::depth::LEAST_GAIN;
use super::line::Line;
use super::method::{ByMethod, Method};

/// Steps without drafts that are known before the first draft.
const LEAST_PLAIN: u64 = 2;

/// Steps with drafts after which one goes without, so that it is known what they are measured by.
const REFRESH: u32 = 32;

/// Steps with drafts before they are judged, and before a judgement in their favour counts.
const LEAST_STEPS: (u32, u32) = (16, 64);

/// Part of what is known that is kept beside the next step with drafts.
const KEPT: f64 = 31.0 / 32.0;

/// A step that takes so many times what its tokens are worth has waited for something else.
const OUTLIER: f64 = 4.0;

/// Steps without drafts after drafts have lost, the first time and at most; each time twice as many.
const PAUSES: (u32, u32) = (32, 1024);

/// Sizes of a crowd that are told apart, each twice the one before.
const SIZES: usize = 16;

/// What drafts of each method have gained in steps of 1, 2 to 3, 4 to 7, ... sequences.
#[derive(Debug, Default)]
pub(crate) struct Gains(ByMethod<[Gain; SIZES]>);

impl Gains {
    /// Whether the next step of so many sequences may have drafts of a method.
    /// `is_measured`: it has no prompts, so that it will be noted.
    pub(crate) fn may_draft(
        &mut self,
        method: Method,
        sequences: usize,
        is_measured: bool,
    ) -> bool {
        self.0[method][size(sequences)].may_draft(is_measured)
    }

    /// Notes a step of so many sequences without drafts that took these seconds.
    pub(crate) fn observe_plain(&mut self, sequences: usize, seconds: f64) {
        for method in Method::ALL {
            self.0[method][size(sequences)].observe_plain(sequences, seconds);
        }
    }

    /// Notes a step of so many sequences with drafts of a method that took these seconds, those of its
    /// drafts included, and gave `tokens` tokens.
    pub(crate) fn observe(
        &mut self,
        method: Method,
        sequences: usize,
        tokens: usize,
        seconds: f64,
    ) {
        let gain = &mut self.0[method][size(sequences)];
        // Only prompts were drafted beside so far: there is nothing to measure by.
        if gain.plain.observed() > 0 {
            let plain = gain.plain.at(sequences as f64) / sequences as f64;
            gain.observe(tokens as f64 * plain, seconds);
        }
    }
}

/// Which of [`SIZES`] so many sequences are.
fn size(sequences: usize) -> usize {
    (sequences.max(1).ilog2() as usize).min(SIZES - 1)
}

/// What drafts have gained in steps of about so many sequences.
#[derive(Debug)]
struct Gain {
    /// Steps without drafts, over their sequences.
    plain: Line,
    /// Steps with drafts since the last without.
    since: u32,
    /// Steps with drafts since they were judged to lose.
    steps: u32,
    /// Seconds that their tokens would have taken without, and that they took; older ones count less.
    worth: f64,
    took: f64,
    /// Steps that are still to go without drafts.
    waiting: u32,
    /// How many it will be the next time.
    pause: u32,
}

impl Default for Gain {
    fn default() -> Self {
        let (plain, pause) = (Line::default(), PAUSES.0);
        Self { plain, since: 0, steps: 0, worth: 0.0, took: 0.0, waiting: 0, pause }
    }
}

impl Gain {
    fn may_draft(&mut self, is_measured: bool) -> bool {
        if self.waiting > 0 {
            self.waiting -= 1;
            return false;
        }
        // A step that is not noted need not go without for what it would say.
        !is_measured || self.since < REFRESH && self.plain.observed() >= LEAST_PLAIN
    }

    fn observe_plain(&mut self, sequences: usize, seconds: f64) {
        self.plain.observe(sequences, seconds);
        self.since = 0;
    }

    fn observe(&mut self, worth: f64, seconds: f64) {
        self.since += 1;
        self.steps += 1;
        self.worth = KEPT * self.worth + worth;
        self.took = KEPT * self.took + seconds.min(OUTLIER * worth);
        if self.steps >= LEAST_STEPS.0 && self.worth < self.took {
            let waiting = self.pause;
            let pause = (2 * self.pause).min(PAUSES.1);
            *self =
                Self { plain: std::mem::take(&mut self.plain), waiting, pause, ..Self::default() };
        } else if self.steps >= LEAST_STEPS.1 && self.worth > LEAST_GAIN * self.took {
            self.pause = PAUSES.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: Method = Method::Ngram;

    /// The share of 10,000 steps of so many sequences that have drafts, where a step takes 10 and 1
    /// for each sequence, and one with drafts takes so many times that and gives so many tokens for
    /// each sequence.
    fn drafted(gains: &mut Gains, sequences: usize, times: f64, tokens: usize) -> f64 {
        let mut drafted = 0;
        for _ in 0..10_000 {
            let plain = 10.0 + sequences as f64;
            if gains.may_draft(METHOD, sequences, true) {
                drafted += 1;
                gains.observe(METHOD, sequences, tokens * sequences, times * plain);
            } else {
                gains.observe_plain(sequences, plain);
            }
        }
        f64::from(drafted) / 1e4
    }

    #[test]
    fn what_gains_is_drafted_and_what_loses_is_not() {
        let mut gains = Gains::default();
        assert!(!gains.may_draft(METHOD, 4, true), "nothing to measure by");
        assert!(gains.may_draft(METHOD, 4, false));
        assert!(drafted(&mut gains, 4, 1.9, 2) > 0.95);
        assert!(drafted(&mut gains, 4, 2.1, 2) < 0.03);
        // What others gain has no say, and what others lose.
        assert!(drafted(&mut gains, 16, 1.5, 2) > 0.95);
        assert!(drafted(&mut gains, 4, 2.1, 2) < 0.03);
        assert!(gains.may_draft(Method::Prediction, 4, true));
        // When it gains again it is found.
        assert!(drafted(&mut gains, 4, 1.5, 2) > 0.8);
    }

    #[test]
    fn a_step_that_waited_decides_nothing() {
        let mut gains = Gains::default();
        (0..2).for_each(|_| gains.observe_plain(1, 1.0));
        for step in 0..64 {
            let seconds = if step % 32 == 20 { 1000.0 } else { 1.5 };
            gains.observe(METHOD, 1, 2, seconds);
            gains.observe_plain(1, 1.0);
        }
        assert!(gains.may_draft(METHOD, 1, true), "{gains:?}");
    }
}
