//! What a client asks the engine for.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use crate::constraint::Constraint;
use crate::penalties::Penalties;
use crate::sampler::mix;
use crate::speculation::Prediction;

/// A prompt to continue. Token ids only: the engine knows no text.
#[derive(Clone, Debug)]
pub struct Request {
    /// Token ids, at least one, each below the vocabulary's size.
    pub prompt: Vec<u32>,
    /// How to choose the next tokens.
    pub sampling: Sampling,
    /// When to stop.
    pub limits: Limits,
    /// The form that the answer must have; `None`: any.
    pub constraint: Option<Arc<dyn Constraint>>,
    /// What the answer will say, as far as that is known: it comes sooner where that is right.
    pub prediction: Option<Arc<Prediction>>,
    /// What to report of the probabilities; `None`: nothing.
    pub logprobs: Logprobs,
    /// On whose account it runs.
    pub tenant: Tenant,
    /// Keys and values of a prefix are shared only among requests with the same salt: how soon an
    /// answer comes would otherwise tell one tenant what another has asked.
    pub cache_salt: Arc<str>,
}

/// Whose share of the machine a request uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Requests with the same name have one share.
    pub name: Arc<str>,
    /// Its share in proportion to those of the others.
    pub weight: NonZeroU32,
}

impl Tenant {
    /// The name of whoever has none.
    pub const ANONYMOUS: &str = "anonymous";
}

impl Default for Tenant {
    fn default() -> Self {
        Self { name: Self::ANONYMOUS.into(), weight: NonZeroU32::MIN }
    }
}

/// How a token is drawn from the logits. What changes them applies in the order of the fields, the
/// filters as `min_p`, `top_k`, `top_p`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Added to the logits of these token ids, each below the vocabulary's size and there once;
    /// from -100 to 100.
    pub logit_bias: Arc<[(u32, f32)]>,
    /// On what the prompt and the answer say already.
    pub penalties: Penalties,
    /// Divides the logits; 0 takes the most probable token.
    pub temperature: f32,
    /// Only the k most probable tokens; 0 for all.
    pub top_k: usize,
    /// Only the smallest set of most probable tokens whose probabilities sum to at least this.
    pub top_p: f32,
    /// Only tokens at least this fraction as probable as the most probable one.
    pub min_p: f32,
    /// Seed of the request's own random numbers: the draw for token i of the answer depends on
    /// the seed and i alone.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            logit_bias: Arc::default(),
            penalties: Penalties::default(),
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            seed: 0,
        }
    }
}

/// When an answer ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tokens that the answer has at most; the context's end stops it too.
    pub max_tokens: usize,
    /// Tokens that the answer has before a stop token may be drawn, if `max_tokens` and the context
    /// allow as many.
    pub min_tokens: usize,
    /// Token ids that end the answer. The stop token is the last token of the answer.
    pub stop_tokens: Vec<u32>,
    /// How long the whole answer may take, waiting included; `None`: as long as it takes.
    pub deadline: Option<Duration>,
}

/// Which log-probabilities to report. They are those of the model's distribution, before
/// temperature and filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logprobs {
    /// For each token of the answer: its own and those of the `n` most probable.
    pub answer: Option<usize>,
    /// The same for each token of the prompt but the first, which nothing predicts.
    pub prompt: Option<usize>,
}

impl Sampling {
    /// The seed of one of several choices of a request: the request's own for the first, and for
    /// each other one that depends on it and the choice alone.
    pub fn seed_of_choice(&self, choice: u64) -> u64 {
        if choice == 0 { self.seed } else { mix(self.seed ^ mix(choice)) }
    }

    /// Refuses numbers for which no distribution is defined.
    ///
    /// # Errors
    /// Names the parameter, its value and its range.
    pub fn check(&self) -> Result<(), InvalidSampling> {
        let within = |name, value: f32, low: f32, high: f32| {
            if value >= low && value <= high {
                Ok(())
            } else {
                Err(InvalidSampling { name, value, low, high })
            }
        };
        within("temperature", self.temperature, 0.0, 100.0)?;
        within("top_p", self.top_p, f32::MIN_POSITIVE, 1.0)?;
        within("min_p", self.min_p, 0.0, 1.0)?;
        within("repetition_penalty", self.penalties.repetition, 0.01, 100.0)?;
        within("frequency_penalty", self.penalties.frequency, -2.0, 2.0)?;
        within("presence_penalty", self.penalties.presence, -2.0, 2.0)?;
        let mut biases = self.logit_bias.iter();
        biases.try_for_each(|&(_, bias)| within("logit_bias", bias, -100.0, 100.0))
    }
}

/// A sampling parameter outside its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{name} is {value}; it must be between {low} and {high}")]
pub struct InvalidSampling {
    /// The parameter.
    pub name: &'static str,
    /// What was asked for.
    pub value: f32,
    /// The least value allowed.
    pub low: f32,
    /// The greatest value allowed.
    pub high: f32,
}
