//! Predicted outputs: whoever asks may know much of the answer, as of a file that is to come back
//! with a few changes. What comes next is drafted from there, and where the answer says something
//! else, its last tokens tell where in the prediction it goes on.

use std::sync::Arc;

use super::Acceptance;

/// Tokens that are drafted of a prediction in a row at most.
pub(crate) const PREDICTED_TOKENS: usize = 16;

/// How much of a text's end says where it goes on, in tokens, at least and at most.
const AGREE: (usize, usize) = (2, 8);

/// A single token says so too, if the prediction has it so soon behind what came of it last: behind
/// a word that was replaced, most goes on as predicted.
const NEAR: usize = 16;

/// Places that are looked at for one token of an answer at most, so that the longest predictions of
/// many users take no more than a small part of a step.
const PLACES: usize = 1 << 14;

/// What an answer will say, as far as whoever asks for it knows. It changes no token of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prediction {
    /// Token ids, each below the vocabulary's size.
    pub ids: Vec<u32>,
    /// Token ids behind which it begins, wherever in the answer they come, such as the header of a
    /// message; no ids are the answer's own beginning.
    pub openings: Vec<Vec<u32>>,
}

/// A prediction beside the answer so far.
#[derive(Debug)]
pub(crate) struct Predicted {
    prediction: Arc<Prediction>,
    /// How often drafts of it are right of late.
    pub(crate) acceptance: Acceptance,
    /// Tokens of the prompt and the answer that it was compared with.
    read: usize,
    /// Where it has the next token, if it had the last one.
    place: Option<usize>,
    /// The end of what came of it last; `None` until it has begun.
    came: Option<usize>,
}

impl Predicted {
    /// Before the first token of an answer to `prompt`.
    pub(crate) fn new(prediction: Arc<Prediction>, prompt: &[u32]) -> Self {
        // Every text ends with no ids.
        let begins = prediction.openings.iter().any(|opening| prompt.ends_with(opening));
        let place = begins.then_some(0);
        let acceptance = Acceptance::default();
        Self { prediction, acceptance, read: prompt.len(), place, came: place }
    }

    /// What may follow `tokens`, which begin with those of every call before: up to `count` tokens.
    pub(crate) fn propose(&mut self, tokens: &[u32], count: usize) -> Vec<u32> {
        self.read(tokens);
        if self.place.is_none() {
            self.place = self.find(tokens);
        }
        let rest = self.place.and_then(|place| self.prediction.ids.get(place..));
        rest.unwrap_or_default().iter().take(count).copied().collect()
    }

    /// Goes on with the tokens that are new.
    fn read(&mut self, tokens: &[u32]) {
        for end in self.read + 1..=tokens.len() {
            let predicted = self.place.and_then(|place| self.prediction.ids.get(place));
            if predicted == tokens.get(end - 1) {
                self.place = self.place.map(|place| place + 1);
                self.came = self.place;
            } else {
                self.place = None;
            }
            if self.begins_behind(&tokens[..end]) {
                // What was right of a thought says nothing of the message behind it.
                self.acceptance = Acceptance::default();
                (self.place, self.came) = (Some(0), Some(0));
            }
        }
        self.read = tokens.len();
    }

    fn begins_behind(&self, tokens: &[u32]) -> bool {
        let mut openings = self.prediction.openings.iter().filter(|opening| !opening.is_empty());
        openings.any(|opening| tokens.ends_with(opening))
    }

    /// Where the prediction goes on as the text may: behind what agrees for longest with the text's
    /// end; of several places the first behind what came last, or else the first of all.
    fn find(&self, tokens: &[u32]) -> Option<usize> {
        let (ids, last) = (&self.prediction.ids, tokens.last()?);
        let came = self.came.unwrap_or(0);
        let is_near = |end| self.came.is_some() && (came + 1..=came + NEAR).contains(&end);
        let (mut longest, mut found) = (0, None);
        let places = (came.max(1)..ids.len()).chain(1..came.min(ids.len()));
        for end in places.take(PLACES) {
            if ids[end - 1] != *last {
                continue;
            }
            let pairs = ids[..end].iter().rev().zip(tokens.iter().rev()).take(AGREE.1);
            let agree = pairs.take_while(|(one, other)| one == other).count();
            let least = if is_near(end) { 1 } else { AGREE.0 };
            if agree >= least.max(longest + 1) {
                (longest, found) = (agree, Some(end));
            }
            if longest == AGREE.1 {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn predicted(ids: &[u32], openings: &[&[u32]], prompt: &[u32]) -> Predicted {
        let openings = openings.iter().map(|opening| opening.to_vec()).collect();
        Predicted::new(Prediction { ids: ids.to_vec(), openings }.into(), prompt)
    }

    /// What is drafted behind each token of an answer, two tokens at most.
    fn drafts(ids: &[u32], answer: &[u32]) -> Vec<Vec<u32>> {
        let mut predicted = predicted(ids, &[&[]], &[99]);
        let text = [&[99], answer].concat();
        (1..=text.len()).map(|end| predicted.propose(&text[..end], 2)).collect()
    }

    #[test]
    fn an_answer_that_is_as_predicted_is_drafted_to_its_end() {
        let expected = [vec![1, 2], vec![2, 3], vec![3], vec![]];
        assert_eq!(drafts(&[1, 2, 3], &[1, 2, 3]), expected);
        // What is there twice is taken in its order.
        let expected = [vec![1, 2], vec![2, 1], vec![1, 2], vec![2, 5], vec![5], vec![]];
        assert_eq!(drafts(&[1, 2, 1, 2, 5], &[1, 2, 1, 2, 5]), expected);
    }

    #[test]
    fn behind_a_change_it_goes_on_where_the_answer_does() {
        let ids = [1, 2, 3, 4, 5, 6, 7, 8];
        let behind = |answer: &[u32]| drafts(&ids, answer).pop().unwrap();
        // Another token in the place of 3, one more before it, and without 3 and 4.
        assert_eq!(behind(&[1, 2, 50]), [0; 0]);
        assert_eq!(behind(&[1, 2, 50, 4]), [5, 6]);
        assert_eq!(behind(&[1, 2, 50, 3]), [4, 5]);
        assert_eq!(behind(&[1, 2, 5]), [6, 7]);
        // Far away, and back again, a single token says nothing.
        let long: Vec<u32> = (0..60).collect();
        let behind = |answer: &[u32]| drafts(&long, answer).pop().unwrap();
        assert_eq!(behind(&[0, 1, 40]), [0; 0]);
        assert_eq!(behind(&[0, 1, 40, 41]), [42, 43]);
        assert_eq!(behind(&[0, 1, 40, 41, 42, 3]), [0; 0]);
        assert_eq!(behind(&[0, 1, 40, 41, 42, 3, 4]), [5, 6]);
    }

    #[test]
    fn what_is_too_far_away_is_not_found() {
        let mut ids = vec![1; PLACES + 9];
        ids.extend([2, 3, 4]);
        assert_eq!(predicted(&ids, &[&[]], &[99]).propose(&[99, 2, 3], 2), [0; 0]);
        assert_eq!(predicted(&ids[9..], &[&[]], &[99]).propose(&[99, 2, 3], 2), [0; 0]);
        assert_eq!(predicted(&ids[19..], &[&[]], &[99]).propose(&[99, 2, 3], 2), [4]);
    }

    #[test]
    fn what_agrees_for_longest_counts_and_then_what_comes_first() {
        // Behind the change, 8 9 is there three times; once with the 7 before.
        let ids = [1, 2, 8, 9, 10, 8, 9, 11, 7, 8, 9, 12];
        let behind = |answer: &[u32]| drafts(&ids, answer).pop().unwrap();
        assert_eq!(behind(&[1, 50, 8, 9]), [10, 8]);
        assert_eq!(behind(&[1, 50, 7, 8, 9]), [12]);
        assert_eq!(behind(&[1, 2, 8, 9, 10, 50, 8, 9]), [11, 7]);
        let at_once = |answer: &[u32]| predicted(&ids, &[&[]], &[99]).propose(answer, 2);
        assert_eq!(at_once(&[99, 1, 50, 8, 9]), [10, 8]);
        assert_eq!(at_once(&[99, 1, 50, 7, 8, 9]), [12]);
    }

    #[test]
    fn it_begins_behind_a_header_whatever_was_before() {
        let mut behind = predicted(&[1, 2, 3, 4], &[&[70, 71], &[72]], &[5, 6]);
        assert_eq!(behind.propose(&[5, 6], 4), [0; 0]);
        assert_eq!(behind.propose(&[5, 6, 2, 3], 4), [4], "a thought may say the same");
        behind.acceptance.observe(4, 0);
        assert_eq!(behind.propose(&[5, 6, 2, 3, 8, 70, 71], 4), [1, 2, 3, 4]);
        assert_eq!(behind.acceptance.rate(0.5), 0.5, "that is forgotten");
        assert_eq!(behind.propose(&[5, 6, 2, 3, 8, 70, 71, 1, 9, 72], 2), [1, 2]);
        // A prompt may end with the header.
        let mut written = predicted(&[1, 2], &[&[70, 71]], &[5, 70, 71]);
        assert_eq!(written.propose(&[5, 70, 71], 4), [1, 2]);
    }

    proptest! {
        /// Whatever an answer says, what is drafted stands in the prediction; and of an answer that
        /// is as predicted, all is drafted.
        #[test]
        fn drafts_are_of_the_prediction(
            ids in proptest::collection::vec(0..5_u32, 1..40),
            answer in proptest::collection::vec(0..5_u32, 0..60),
        ) {
            let mut other = predicted(&ids, &[&[], &[3, 3]], &[9]);
            for end in 0..=answer.len() {
                let drafts = other.propose(&[&[9], &answer[..end]].concat(), 4);
                let is_there = ids.windows(drafts.len().max(1)).any(|part| part == drafts);
                prop_assert!(drafts.is_empty() || (drafts.len() <= 4 && is_there), "{drafts:?}");
            }
            let mut right = predicted(&ids, &[&[]], &[9]);
            for end in 0..ids.len() {
                let drafts = right.propose(&[&[9], &ids[..end]].concat(), 4);
                prop_assert_eq!(&drafts, &ids[end..ids.len().min(end + 4)]);
            }
        }
    }
}
