//! Log-probabilities under the model's own distribution, before temperature and filters.

use super::filter::Last;
use super::row::{Row, by_probability};
use super::weights::Weights;
use crate::event::TokenLogprobs;

/// Of token `id` and of the `top` most probable.
pub(super) fn logprobs(
    row: &Row<'_>,
    id: u32,
    top: usize,
    candidates: &mut Vec<(u32, f32)>,
) -> TokenLogprobs {
    let weights = Weights::new(row.best(), 1.0, row.vocab());
    let total = weights.sum(row, Last::OF_ALL);
    let log_total = (total as f64 / weights.one() as f64).ln();
    let best = f64::from(row.best());
    let logprob = |logit: f32| (f64::from(logit) - best - log_total) as f32;
    row.most_probable(top, candidates);
    candidates.sort_unstable_by(by_probability);
    let own = row.logit(id);
    TokenLogprobs {
        logprob: logprob(own),
        rank: row.count_above(own),
        top: candidates.iter().map(|&(id, logit)| (id, logprob(logit))).collect(),
    }
}
