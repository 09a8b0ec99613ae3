//! `logit_bias`: token ids, and what is added to their logits.

use std::sync::Arc;

use crate::error::ApiError;
use crate::fields::Fields;

/// Entries of one request at most, as OpenAI has it.
pub(crate) const MAX_ENTRIES: usize = 300;
/// The bounds of a bias, of which OpenAI says that they ban a token or choose it.
pub(crate) const RANGE: std::ops::RangeInclusive<f64> = -100.0..=100.0;

/// Takes it out of a body. Whether the model has the tokens is for the engine to say.
pub(crate) fn take(fields: &mut Fields) -> Result<Arc<[(u32, f32)]>, ApiError> {
    let Some(mut biases) = fields.fields("logit_bias")? else { return Ok(Arc::default()) };
    if biases.keys().len() > MAX_ENTRIES {
        let message = format_args!("has more than {MAX_ENTRIES} entries");
        return Err(ApiError::invalid("logit_bias", message));
    }
    let keys: Vec<String> = biases.keys().map(str::to_owned).collect();
    let entries = keys.into_iter().map(|key| {
        let id = token_id(&key).ok_or_else(|| {
            ApiError::invalid(&biases.path(&key), "is named by no token id, as \"123\" is one")
        })?;
        Ok((id, biases.number(&key, RANGE)?.unwrap_or(0.0) as f32))
    });
    entries.collect()
}

/// One spelling for each id, so that no token is there twice.
fn token_id(key: &str) -> Option<u32> {
    let id: u32 = key.parse().ok()?;
    (id.to_string() == key).then_some(id)
}
