//! What a request changes of the model's logits before anything is drawn from them. A row is copied
//! for that, and only for those who ask; all others draw from the model's own.
//!
//! The whole order, which is vLLM's: `logit_bias`; the penalties, repetition first, then frequency
//! and presence; tokens that may not come; temperature; `min_p`, `top_k`, `top_p`
//! (`filter.rs`); the draw. Temperature 0 takes the best of the changed logits. Log-probabilities
//! are those of the model's own.

use crate::penalties::{Occurrences, change};
use crate::request::Sampling;

/// What a draw has to know of the answer so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct History<'a> {
    /// What has occurred, where a penalty looks at that.
    pub occurrences: Option<&'a Occurrences>,
    /// Tokens that may not come yet; some other token is left. Ids beyond the vocabulary are no
    /// token's.
    pub barred: &'a [u32],
    /// The only tokens that may come, as [`crate::ConstraintState::allowed`] has them, one of them
    /// at least in the vocabulary; `None`: all.
    pub allowed: Option<&'a [u32]>,
}

/// Whether a draw is from other logits than the model's.
pub(super) fn is_needed(sampling: &Sampling, history: &History<'_>) -> bool {
    !sampling.logit_bias.is_empty()
        || history.occurrences.is_some()
        || !history.barred.is_empty()
        || history.allowed.is_some()
}

/// Makes `adjusted` what `logits` (one f32 a token id) become. Those of barred tokens become -∞,
/// whose weight is 0 and which is never the best; all others stay finite.
pub(super) fn adjust(
    logits: &[f32],
    sampling: &Sampling,
    history: &History<'_>,
    adjusted: &mut Vec<f32>,
) {
    adjusted.clear();
    adjusted.extend_from_slice(logits);
    for &(id, bias) in &*sampling.logit_bias {
        change(adjusted, id, |logit| logit + bias);
    }
    if let Some(occurrences) = history.occurrences {
        sampling.penalties.apply(occurrences, adjusted);
    }
    for &id in history.barred {
        if let Some(logit) = adjusted.get_mut(id as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
    if let Some(allowed) = history.allowed {
        forbid_others(allowed, adjusted);
    }
}

/// Makes the logits of all tokens outside a set -∞.
fn forbid_others(allowed: &[u32], logits: &mut [f32]) {
    let words = allowed.iter().copied().chain(std::iter::repeat(0));
    for (logits, word) in logits.chunks_mut(32).zip(words) {
        for (bit, logit) in logits.iter_mut().enumerate() {
            *logit = if word >> bit & 1 == 1 { *logit } else { f32::NEG_INFINITY };
        }
    }
}
