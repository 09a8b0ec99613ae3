//! How an answer ended, and what it cost, as every endpoint writes it.

use serde_json::{Value, json};
use throng_engine::{Drafts, FinishReason};

use crate::error::ApiError;

/// `finish_reason`.
///
/// # Errors
/// The answer did not end by itself.
pub(crate) fn finish_reason(reason: FinishReason) -> Result<&'static str, ApiError> {
    match reason {
        FinishReason::Stop => Ok("stop"),
        FinishReason::Length => Ok("length"),
        FinishReason::Expired => Err(ApiError::expired()),
        FinishReason::Cancelled => Err(ApiError::shutting_down()),
        FinishReason::Failed(why) => Err(ApiError::internal(why)),
    }
}

/// Tokens in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Of all prompts.
    pub(crate) prompt: usize,
    /// Of those, tokens that the cache had already.
    pub(crate) cached: usize,
    /// Of all answers, reasoning included.
    pub(crate) completion: usize,
    /// Of the reasoning.
    pub(crate) reasoning: usize,
    /// Drafted for the answers, by speculative decoding.
    pub(crate) drafts: Drafts,
}

impl std::iter::Sum for Tokens {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            prompt: sum.prompt + one.prompt,
            cached: sum.cached + one.cached,
            completion: sum.completion + one.completion,
            reasoning: sum.reasoning + one.reasoning,
            drafts: Drafts {
                accepted: sum.drafts.accepted + one.drafts.accepted,
                rejected: sum.drafts.rejected + one.drafts.rejected,
            },
        })
    }
}

impl Tokens {
    /// `usage`.
    pub(crate) fn usage(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_tokens_details": { "cached_tokens": self.cached },
            "completion_tokens_details": {
                "reasoning_tokens": self.reasoning,
                "accepted_prediction_tokens": self.drafts.accepted,
                "rejected_prediction_tokens": self.drafts.rejected,
            },
        })
    }
}
