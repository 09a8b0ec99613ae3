//! How many tokens to draft: as many as make most tokens a second by what drafts and steps have cost
//! and given so far, and none where that is no gain. It changes when tokens come, never which.

use super::acceptance::Acceptance;
use super::gain::Gains;
use super::line::Line;
use super::method::{ByMethod, Method};

/// A gain that is less than this is none: it is within what is not known of the costs.
pub(super) const LEAST_GAIN: f64 = 1.03;

/// Tokens over which it is spread at least what a draft model has to read first.
const ANSWER: usize = 32;

/// Steps without drafts after which a few are tried, at first and at most. Each time that it is no
/// gain, it is tried half as often.
const PAUSES: (u32, u32) = (32, 1024);

/// Drafts of such a trial.
const TRIAL: usize = 2;

/// Whom to draft for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// Where its drafts come from.
    pub(crate) method: Method,
    /// Tokens that may be drafted.
    pub(crate) room: usize,
    /// How probably a draft is right.
    pub(crate) rate: f64,
    /// Tokens that a draft model has to read before; 0: what is drafted is there already.
    pub(crate) behind: usize,
    /// Tokens that the answer has already: as many are taken to follow, as nobody knows better.
    pub(crate) answered: usize,
}

/// What is known of costs and gains.
#[derive(Debug)]
pub(crate) struct Depths {
    /// Seconds of the model's steps.
    pub(crate) step: Line,
    /// Seconds of a draft model's small steps.
    pub(crate) draft: Line,
    /// Of all drafts.
    pub(crate) all: ByMethod<Acceptance>,
    /// What drafts have gained in the end.
    pub(crate) gains: Gains,
    idle: u32,
    pause: u32,
}

impl Default for Depths {
    fn default() -> Self {
        let (step, draft, gains) = (Line::default(), Line::default(), Gains::default());
        let all = ByMethod::all(Acceptance::UNKNOWN);
        Self { step, draft, all, gains, idle: 0, pause: PAUSES.0 }
    }
}

impl Depths {
    /// How probably a draft of a method is right, all in all.
    pub(crate) fn rate(&self, method: Method) -> f64 {
        self.all[method].rate(0.5)
    }

    /// How many tokens to draft for each candidate, in a step that has `tokens` tokens without
    /// drafts, one of them for each.
    pub(crate) fn choose(&self, candidates: &[Candidate], tokens: usize) -> Vec<usize> {
        let most = candidates.iter().map(|candidate| candidate.room).max().unwrap_or(0);
        let none = vec![0; candidates.len()];
        let seconds = self.step.at(tokens as f64);
        if most == 0 || seconds <= 0.0 {
            return candidates.iter().map(|candidate| candidate.room.min(TRIAL)).collect();
        }
        let plain = candidates.len() as f64 / seconds;
        // What maximises a ratio maximises gain - speed * cost at the speed that is reached
        // (Dinkelbach 1967); two rounds come close enough.
        let (mut speed, mut depths) = (plain, none.clone());
        for _ in 0..2 {
            let (chosen, gain, cost) = self.at_speed(candidates, most, speed);
            let reached = (candidates.len() as f64 + gain) / (seconds + cost);
            if reached <= speed {
                break;
            }
            (speed, depths) = (reached, chosen);
        }
        if speed > LEAST_GAIN * plain { depths } else { none }
    }

    /// What pays when a second is worth `speed` tokens: depths, and the tokens that they give and
    /// the seconds that they cost in all.
    fn at_speed(
        &self,
        candidates: &[Candidate],
        most: usize,
        speed: f64,
    ) -> (Vec<usize>, f64, f64) {
        let mut depths = vec![0; candidates.len()];
        let (mut gain, mut cost) = (0.0, 0.0);
        // What is there already waits for no model, and does not pay for it.
        for by_model in [false, true] {
            let (start, small) =
                if by_model { (self.draft.start(), self.draft.slope()) } else { (0.0, 0.0) };
            for depth in 0..most {
                let (mut gained, mut spent) = (0.0, start);
                let mut pay = Vec::new();
                for (index, candidate) in candidates.iter().enumerate() {
                    let ahead = candidate.answered.max(ANSWER) as f64;
                    let read = if depth == 0 { candidate.behind as f64 / ahead } else { 0.0 };
                    let token = candidate.rate.powi(depth as i32 + 1);
                    let seconds = self.step.slope() + (1.0 + read) * small;
                    let is_one = (candidate.behind > 0) == by_model && depths[index] == depth;
                    if is_one && depth < candidate.room && token > speed * seconds {
                        pay.push(index);
                        gained += token;
                        spent += seconds;
                    }
                }
                // Later drafts are right less often, so nothing behind this pays either.
                if pay.is_empty() || gained <= speed * spent {
                    break;
                }
                pay.into_iter().for_each(|index| depths[index] += 1);
                gain += gained;
                cost += spent;
            }
        }
        (depths, gain, cost)
    }

    /// What to draft though it seems to be no gain, to see whether it still is none. A draft model
    /// is looked at so; what is there already can be looked at without the model.
    pub(crate) fn try_again(&mut self, candidates: &[Candidate], depths: &mut [usize]) {
        let by_model = || candidates.iter().enumerate().filter(|(_, one)| one.behind > 0);
        if by_model().any(|(index, _)| depths[index] > 0) {
            (self.idle, self.pause) = (0, PAUSES.0);
            return;
        }
        if by_model().next().is_none() {
            return;
        }
        self.idle = self.idle.saturating_add(1);
        if self.idle < self.pause {
            return;
        }
        let with_room = by_model().filter(|(_, candidate)| candidate.room > 0);
        let nearest = with_room.min_by_key(|(_, candidate)| candidate.behind);
        if let Some((index, candidate)) = nearest {
            depths[index] = candidate.room.min(TRIAL);
            (self.idle, self.pause) = (0, (2 * self.pause).min(PAUSES.1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Costs that have been seen for long: a step takes `start` and `each` for each token.
    fn known(step: (f64, f64), draft: (f64, f64)) -> Depths {
        let mut depths = Depths::default();
        for tokens in (1..9).cycle().take(200) {
            depths.step.observe(tokens, step.0 + step.1 * tokens as f64);
            if draft.0 > 0.0 {
                depths.draft.observe(tokens, draft.0 + draft.1 * tokens as f64);
            }
        }
        depths
    }

    fn chosen(depths: &Depths, rate: f64, users: usize) -> usize {
        let candidate =
            Candidate { method: Method::DraftModel, room: 8, rate, behind: 1, answered: 0 };
        let chosen = depths.choose(&vec![candidate; users], users);
        assert!(chosen.iter().all(|&depth| depth == chosen[0]), "{chosen:?}");
        chosen[0]
    }

    /// Tokens a second with so many drafts for one user.
    fn speed(depth: usize, rate: f64, step: (f64, f64), draft: (f64, f64)) -> f64 {
        let tokens: f64 = (0..=depth as i32).map(|place| rate.powi(place)).sum();
        let seconds = step.0 + step.1 * (1 + depth) as f64 + depth as f64 * (draft.0 + draft.1);
        tokens / seconds
    }

    #[test]
    fn a_depth_is_nearly_the_best_that_there_is() {
        for rate in [0.1, 0.3, 0.5, 0.7, 0.9, 0.98] {
            for (step, draft) in [
                ((10.0, 1.0), (0.0, 0.0)),
                ((10.0, 1.0), (1.0, 0.1)),
                ((10.0, 4.0), (0.0, 0.0)),
                ((2.0, 8.0), (1.0, 1.0)),
            ] {
                let depth = chosen(&known(step, draft), rate, 1);
                let speeds = (0..=8).map(|depth| speed(depth, rate, step, draft));
                let best = speeds.fold(0.0, f64::max);
                let reached = speed(depth, rate, step, draft);
                assert!(reached > 0.96 * best, "{rate} {step:?} {draft:?}: {depth}");
            }
        }
    }

    #[test]
    fn more_users_have_fewer_drafts_and_bad_ones_none() {
        let depths = known((10.0, 1.0), (0.0, 0.0));
        let (alone, crowd) = (chosen(&depths, 0.8, 1), chosen(&depths, 0.8, 16));
        assert!(alone > crowd && crowd > 0, "{alone} {crowd}");
        assert_eq!(chosen(&depths, 0.05, 1), 0);
        assert_eq!(chosen(&known((1.0, 10.0), (0.0, 0.0)), 0.5, 16), 0);
        // Before the first step a few are tried.
        assert_eq!(chosen(&Depths::default(), 0.5, 1), TRIAL);
    }

    #[test]
    fn who_has_much_to_read_first_waits() {
        let depths = known((10.0, 1.0), (1.0, 0.5));
        let near =
            Candidate { method: Method::DraftModel, room: 4, rate: 0.8, behind: 1, answered: 0 };
        let far = Candidate { behind: 10_000, ..near };
        let chosen = depths.choose(&[near, far], 2);
        assert!(chosen[0] > 0 && chosen[1] == 0, "{chosen:?}");
        // An answer that is long already will have been worth it.
        let chosen = depths.choose(&[near, Candidate { answered: 20_000, ..far }], 2);
        assert!(chosen[0] > 0 && chosen[1] > 0, "{chosen:?}");
    }

    #[test]
    fn what_is_there_already_does_not_pay_for_a_model() {
        // So slow that its drafts never pay.
        let depths = known((10.0, 1.0), (20.0, 1.0));
        let there =
            Candidate { method: Method::DraftModel, room: 4, rate: 0.9, behind: 0, answered: 0 };
        let chosen = depths.choose(&[there, Candidate { behind: 1, ..there }], 2);
        assert_eq!(chosen, [4, 0]);
    }

    #[test]
    fn what_is_no_gain_is_tried_less_and_less() {
        let mut depths = Depths::default();
        let candidates =
            [Candidate { method: Method::DraftModel, room: 1, rate: 0.1, behind: 9, answered: 0 };
                2];
        let mut tried = Vec::new();
        for step in 1..=5000_u32 {
            let mut chosen = [0, 0];
            depths.try_again(&candidates, &mut chosen);
            if chosen != [0, 0] {
                assert_eq!(chosen, [1, 0]);
                tried.push(step);
            }
        }
        assert_eq!(tried, [32, 96, 224, 480, 992, 2016, 3040, 4064]);
        depths.try_again(&candidates, &mut [1, 0]);
        assert_eq!(depths.pause, PAUSES.0);
    }
}
