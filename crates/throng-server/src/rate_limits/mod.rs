//! What a key may use a minute, in requests and in tokens.
//!
//! A request counts when it is let in. Tokens are reserved before the engine is asked: those of each
//! prompt, cached or not, and of each answer as many as it may have. What an answer did not need is
//! given back when it has ended.

mod bucket;
mod clock;
mod headers;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;

use self::bucket::Bucket;
pub use self::clock::Clock;
pub(crate) use self::headers::ALL as HEADERS;
use crate::error::ApiError;

/// Tokens reserved for an answer that may fill the context. Few do, and whoever says nothing of a
/// maximum means none; what it has beyond them is counted when it has ended.
const UNLIMITED_ANSWER: u64 = 1024;

/// The limits of a key; `None`: there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RateLimits {
    /// Requests a minute.
    pub(crate) requests: Option<NonZeroU32>,
    /// Tokens a minute.
    pub(crate) tokens: Option<NonZeroU32>,
}

/// What was used of both limits.
#[derive(Debug, Default)]
pub(crate) struct Used(Mutex<Buckets>);

#[derive(Debug, Default)]
struct Buckets {
    requests: Bucket,
    tokens: Bucket,
}

/// A key's limits and what was used of them.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    limits: RateLimits,
    used: Arc<Used>,
    clock: Clock,
}

impl Quota {
    /// Of a key with these limits that has used so much.
    pub(crate) fn new(limits: RateLimits, used: Arc<Used>, clock: Clock) -> Self {
        Self { limits, used, clock }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// There were too many within the last minute; then this one does not count.
    pub(crate) fn take_request(&self) -> Result<(), ApiError> {
        let Some(limit) = self.limits.requests.map(NonZeroU32::get) else { return Ok(()) };
        let taken = self.buckets().requests.take(1, limit, self.clock.now());
        taken.map_err(|short| {
            ApiError::rate_limited("requests", limit, short.remaining, 1, short.wait)
        })
    }

    /// Reserves tokens for prompts of these lengths, each with `choices` answers of at most
    /// `max_tokens` in a context of so many.
    ///
    /// # Errors
    /// There are not so many left; then the request does not count either.
    pub(crate) fn reserve(
        &self,
        prompts: &[usize],
        choices: usize,
        max_tokens: usize,
        context: usize,
    ) -> Result<Reserved, ApiError> {
        let prompt_tokens = prompts.iter().map(|&len| len as u64).sum();
        // No request is too large for its limit because it says nothing of a maximum.
        let limit = self.limits.tokens.map_or(u64::MAX, |limit| u64::from(limit.get()));
        let share = limit.saturating_sub(prompt_tokens) / (prompts.len() * choices).max(1) as u64;
        let answer = |&len: &usize| {
            let (most, room) = (max_tokens as u64, context.saturating_sub(len) as u64);
            let tokens = if most < room { most } else { room.min(UNLIMITED_ANSWER).min(share) };
            std::iter::repeat_n(tokens, choices)
        };
        let answers: Vec<u64> = prompts.iter().flat_map(answer).collect();
        self.take_tokens(prompt_tokens + answers.iter().sum::<u64>())?;
        Ok(Reserved {
            prompts: self.reservation(prompt_tokens),
            answers: answers.into_iter().map(|tokens| self.reservation(tokens)).collect(),
        })
    }

    fn take_tokens(&self, tokens: u64) -> Result<(), ApiError> {
        let Some(limit) = self.limits.tokens.map(NonZeroU32::get) else { return Ok(()) };
        let now = self.clock.now();
        let mut buckets = self.buckets();
        let Err(short) = buckets.tokens.take(tokens, limit, now) else { return Ok(()) };
        if let Some(requests) = self.limits.requests {
            buckets.requests.settle(1, 0, requests.get(), now);
        }
        Err(ApiError::rate_limited("tokens", limit, short.remaining, tokens, short.wait))
    }

    fn reservation(&self, tokens: u64) -> Reservation {
        Reservation { quota: self.clone(), reserved: tokens, used: 0 }
    }

    /// Writes into an answer's head what is left.
    pub(crate) fn write(&self, to: &mut HeaderMap) {
        let now = self.clock.now();
        let mut buckets = self.buckets();
        let Buckets { requests, tokens } = &mut *buckets;
        let limits = [
            (&headers::REQUESTS, self.limits.requests, requests),
            (&headers::TOKENS, self.limits.tokens, tokens),
        ];
        for (names, limit, bucket) in limits {
            if let Some(limit) = limit.map(NonZeroU32::get) {
                headers::write(to, names, limit, bucket.level(limit, now));
            }
        }
    }

    fn buckets(&self) -> MutexGuard<'_, Buckets> {
        self.used.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tokens of a request, as long as nobody says that they were used.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Of all prompts.
    pub(crate) prompts: Reservation,
    /// Of each answer, prompt by prompt.
    pub(crate) answers: Vec<Reservation>,
}

/// Tokens that are reserved. Dropping it gives back what was not used, or counts what was used
/// beyond.
#[derive(Debug)]
pub(crate) struct Reservation {
    quota: Quota,
    reserved: u64,
    used: u64,
}

impl Reservation {
    /// So many were used.
    pub(crate) fn use_up(&mut self, tokens: usize) {
        self.used = tokens as u64;
    }

    /// All were used.
    pub(crate) fn keep(mut self) {
        self.used = self.reserved;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let Some(limit) = self.quota.limits.tokens else { return };
        let now = self.quota.clock.now();
        self.quota.buckets().tokens.settle(self.reserved, self.used, limit.get(), now);
    }
}
