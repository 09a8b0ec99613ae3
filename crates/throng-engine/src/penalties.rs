//! Penalties on tokens that have occurred, and the count of those.

use std::collections::BTreeMap;
use std::sync::Arc;

/// How much less likely a token becomes by having occurred. OpenAI's two count the answer alone;
/// that of Keskar et al. 2019 (CTRL) looks at the prompt too, and not at how often.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Penalties {
    /// Positive logits of tokens of the prompt and the answer are divided by it, others
    /// multiplied; 1 changes nothing. From 0.01 to 100.
    pub repetition: f32,
    /// Taken off the logits of the answer's tokens as often as each occurs; 0 changes nothing. From
    /// -2 to 2.
    pub frequency: f32,
    /// Taken off the logits of the answer's tokens once; 0 changes nothing. From -2 to 2.
    pub presence: f32,
}

impl Default for Penalties {
    fn default() -> Self {
        Self { repetition: 1.0, frequency: 0.0, presence: 0.0 }
    }
}

impl Penalties {
    /// Whether they change nothing.
    pub fn are_neutral(&self) -> bool {
        *self == Self::default()
    }

    /// Applies them to logits (one f32 a token id): repetition first, then frequency and presence.
    pub(crate) fn apply(&self, occurrences: &Occurrences, logits: &mut [f32]) {
        if self.repetition != 1.0 {
            for &id in &*occurrences.prompt {
                change(logits, id, |logit| self.repeated(logit));
            }
        }
        for (&id, &count) in &occurrences.answer {
            let repeated = occurrences.prompt.binary_search(&id).is_ok();
            change(logits, id, |logit| {
                let logit = if repeated { logit } else { self.repeated(logit) };
                logit - self.frequency * count as f32 - self.presence
            });
        }
    }

    fn repeated(&self, logit: f32) -> f32 {
        if logit > 0.0 { logit / self.repetition } else { logit * self.repetition }
    }
}

/// Changes one logit and leaves it finite, so that no two that overflow make a NaN. An id beyond
/// the vocabulary has none.
pub(crate) fn change(logits: &mut [f32], id: u32, new: impl FnOnce(f32) -> f32) {
    if let Some(logit) = logits.get_mut(id as usize) {
        *logit = new(*logit).clamp(f32::MIN, f32::MAX);
    }
}

/// The tokens of a prompt, and how often each token of its answer has occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occurrences {
    /// Each once, in order. Several answers to one prompt share it. Empty if the request has no
    /// repetition penalty: nothing else looks at the prompt.
    prompt: Arc<[u32]>,
    answer: BTreeMap<u32, u32>,
}

impl Occurrences {
    /// Before the answer's first token; `None` if nothing of the kind is wanted.
    pub fn wanted(penalties: &Penalties, prompt: &[u32]) -> Option<Self> {
        if penalties.are_neutral() {
            return None;
        }
        let mut distinct = Vec::new();
        if penalties.repetition != 1.0 {
            distinct.extend_from_slice(prompt);
            distinct.sort_unstable();
            distinct.dedup();
        }
        Some(Self { prompt: distinct.into(), answer: BTreeMap::new() })
    }

    /// Counts one more token of the answer.
    pub fn add(&mut self, id: u32) {
        *self.answer.entry(id).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 6] = [4.0, -4.0, 4.0, -4.0, 0.0, 1.0];

    fn penalised(penalties: Penalties, prompt: &[u32], answer: &[u32]) -> Vec<f32> {
        let mut occurrences = Occurrences::wanted(&penalties, prompt).unwrap();
        answer.iter().for_each(|&id| occurrences.add(id));
        let mut logits = LOGITS.to_vec();
        penalties.apply(&occurrences, &mut logits);
        logits
    }

    #[test]
    fn presence_counts_once_and_frequency_each_time_and_neither_the_prompt() {
        let neutral = Penalties::default();
        let presence = Penalties { presence: 1.5, ..neutral };
        assert_eq!(penalised(presence, &[0, 5], &[1, 2, 2]), [4.0, -5.5, 2.5, -4.0, 0.0, 1.0]);
        let frequency = Penalties { frequency: 0.5, ..neutral };
        assert_eq!(penalised(frequency, &[0, 5], &[1, 2, 2]), [4.0, -4.5, 3.0, -4.0, 0.0, 1.0]);
        let reward = Penalties { frequency: -1.0, presence: -0.5, ..neutral };
        assert_eq!(penalised(reward, &[], &[4, 4]), [4.0, -4.0, 4.0, -4.0, 2.5, 1.0]);
    }

    #[test]
    fn repetition_divides_or_multiplies_once_whether_in_prompt_or_answer_or_both() {
        let repetition = Penalties { repetition: 2.0, ..Penalties::default() };
        assert_eq!(
            penalised(repetition, &[1, 0, 0, 4], &[0, 2, 2]),
            [2.0, -8.0, 2.0, -4.0, 0.0, 1.0]
        );
        // It comes before the other two.
        let all = Penalties { repetition: 2.0, frequency: 1.0, presence: 0.25 };
        assert_eq!(penalised(all, &[0], &[2, 2, 0]), [0.75, -4.0, -0.25, -4.0, 0.0, 1.0]);
    }

    #[test]
    fn nothing_is_counted_where_nothing_is_penalised() {
        assert_eq!(Occurrences::wanted(&Penalties::default(), &[1, 2]), None);
    }

    #[test]
    fn what_overflows_stays_finite_and_what_is_unknown_is_left_alone() {
        let mut logits = [3e38, -3e38];
        change(&mut logits, 0, |logit| logit / 0.01);
        change(&mut logits, 1, |logit| logit * 100.0);
        change(&mut logits, 2, |_| 1.0);
        assert_eq!(logits, [f32::MAX, f32::MIN]);
    }
}
