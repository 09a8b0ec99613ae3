//! The parameters of generation that every endpoint shares: how to draw tokens, when to stop.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;
use throng_engine::{Limits, Penalties, Sampling};

use crate::app::Defaults;
use crate::error::ApiError;
use crate::fields::{Fields, elements};
use crate::{id, logit_bias};

/// Stop strings and stop tokens that one request may name.
pub(crate) const MAX_STOPS: usize = 16;
/// Bytes of one stop string.
pub(crate) const MAX_STOP_BYTES: usize = 1024;
/// Most probable tokens that one request may ask for at each position.
pub(crate) const MAX_TOP_LOGPROBS: u32 = 20;

/// Answers that one request may ask for, over all its prompts.
pub(crate) const MAX_CHOICES: usize = 128;
/// Bytes of a salt at most.
pub(crate) const MAX_SALT_BYTES: usize = 256;

/// Seconds that a request may give itself, none excepted.
pub(crate) const TIMEOUT: RangeInclusive<f64> = 0.0..=86_400.0;
/// What divides the logits.
pub(crate) const TEMPERATURE: RangeInclusive<f64> = 0.0..=2.0;
/// How probable the candidates are together, nothing excepted.
pub(crate) const TOP_P: RangeInclusive<f64> = 0.0..=1.0;
/// How many candidates there are. vLLM writes "all of them" as -1, others as 0.
pub(crate) const TOP_K: RangeInclusive<i64> = -1..=u32::MAX as i64;
/// How probable a candidate is beside the best.
pub(crate) const MIN_P: RangeInclusive<f64> = 0.0..=1.0;
/// What is taken from the logits of tokens that the answer has already.
pub(crate) const PENALTY: RangeInclusive<f64> = -2.0..=2.0;
/// What divides the logits of tokens that are there already.
pub(crate) const REPETITION_PENALTY: RangeInclusive<f64> = 0.01..=100.0;

/// What a request says of generation.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Generation {
    /// How tokens are drawn.
    pub(crate) sampling: Sampling,
    /// Texts that end the answer; they are no part of it.
    pub(crate) stop: Vec<String>,
    /// Token ids that end it besides the model's own.
    pub(crate) stop_tokens: Vec<u32>,
    /// Do not end where the model would.
    pub(crate) ignore_eos: bool,
    /// Tokens before anything but a maximum ends it.
    pub(crate) min_tokens: usize,
    /// Write tokens in log-probabilities as `token_id:123`.
    pub(crate) tokens_as_ids: bool,
    /// Answers to each prompt.
    pub(crate) choices: usize,
    /// Cached prefixes are shared only under the same salt.
    pub(crate) cache_salt: String,
    /// How long an answer may take, waiting included.
    pub(crate) timeout: Option<Duration>,
}

impl Generation {
    /// Takes the shared parameters out of a body.
    pub(crate) fn take(fields: &mut Fields, defaults: &Defaults) -> Result<Self, ApiError> {
        // They identify or file a request; nothing is kept here that they could apply to.
        fields.ignore(&["user", "metadata", "store"]);
        Ok(Self {
            sampling: sampling(fields, defaults)?,
            stop: stop(fields)?,
            stop_tokens: stop_tokens(fields)?,
            ignore_eos: fields.boolean("ignore_eos")?.unwrap_or(false),
            min_tokens: fields.count("min_tokens", 0..=u32::MAX)?.unwrap_or(0),
            tokens_as_ids: fields.boolean("return_tokens_as_token_ids")?.unwrap_or(false),
            choices: choices(fields)?,
            cache_salt: cache_salt(fields)?,
            timeout: timeout(fields)?,
        })
    }

    /// Refuses what an answer cannot have whose end a parameter says: another one.
    pub(crate) fn check_form(&self, held_by: Option<&str>) -> Result<(), ApiError> {
        let Some(param) = held_by else { return Ok(()) };
        let others = [("ignore_eos", self.ignore_eos), ("min_tokens", self.min_tokens > 0)];
        match others.into_iter().find(|(_, is_there)| *is_there) {
            Some((name, _)) => {
                let message = format_args!("cannot go together with '{param}'");
                Err(ApiError::invalid(name, message))
            }
            None => Ok(()),
        }
    }

    /// The engine's limits for an answer of at most `max_tokens`, which the model itself ends with
    /// one of `eos`.
    pub(crate) fn limits(&self, max_tokens: usize, eos: &[u32]) -> Limits {
        let mut stop_tokens = self.stop_tokens.clone();
        if !self.ignore_eos {
            stop_tokens.extend(eos);
        }
        let min_tokens = self.min_tokens;
        Limits { max_tokens, min_tokens, stop_tokens, deadline: self.timeout }
    }

    /// Refuses a minimum above the maximum that the request has set.
    pub(crate) fn check_minimum(&self, max_tokens: usize) -> Result<(), ApiError> {
        if self.min_tokens > max_tokens {
            let message = format_args!("must be at most the answer's maximum of {max_tokens}");
            return Err(ApiError::invalid("min_tokens", message));
        }
        Ok(())
    }
}

fn choices(fields: &mut Fields) -> Result<usize, ApiError> {
    let most = u32::try_from(MAX_CHOICES).expect("a small constant");
    let choices = fields.count("n", 1..=most)?.unwrap_or(1);
    // As many candidates as answers is no choice among them.
    if fields.count("best_of", 1..=u32::MAX)?.is_some_and(|candidates| candidates != choices) {
        return Err(ApiError::unsupported("best_of", "all answers are given, as many as 'n' says"));
    }
    Ok(choices)
}

fn cache_salt(fields: &mut Fields) -> Result<String, ApiError> {
    let Some(salt) = fields.string("cache_salt")? else { return Ok(String::new()) };
    if salt.is_empty() || salt.len() > MAX_SALT_BYTES {
        let message = format_args!("must be 1 to {MAX_SALT_BYTES} bytes");
        return Err(ApiError::invalid("cache_salt", message));
    }
    Ok(salt)
}

fn timeout(fields: &mut Fields) -> Result<Option<Duration>, ApiError> {
    let seconds = fields.number("timeout", TIMEOUT)?;
    if seconds == Some(0.0) {
        return Err(ApiError::invalid("timeout", "must be more than 0 seconds"));
    }
    Ok(seconds.map(Duration::from_secs_f64))
}

fn sampling(fields: &mut Fields, defaults: &Defaults) -> Result<Sampling, ApiError> {
    let temperature = fields.number("temperature", TEMPERATURE)?.map(|value| value as f32);
    let top_p = fields.number("top_p", TOP_P)?.map(|value| value as f32);
    if top_p == Some(0.0) {
        return Err(ApiError::invalid("top_p", "must be more than 0"));
    }
    let top_k = fields.integer("top_k", TOP_K)?;
    let min_p = fields.number("min_p", MIN_P)?.unwrap_or(0.0) as f32;
    let seed = fields.integer("seed", i64::MIN..=i64::MAX)?;
    Ok(Sampling {
        logit_bias: logit_bias::take(fields)?,
        penalties: penalties(fields)?,
        temperature: temperature.unwrap_or(defaults.temperature),
        top_k: top_k.map_or(defaults.top_k, |k| usize::try_from(k).unwrap_or(0)),
        top_p: top_p.unwrap_or(defaults.top_p),
        min_p,
        // Without a seed, asking again may give another answer.
        seed: seed.map_or_else(id::random, i64::cast_unsigned),
    })
}

fn penalties(fields: &mut Fields) -> Result<Penalties, ApiError> {
    let mut penalty = |key, range| fields.number(key, range).map(|value| value.map(|it| it as f32));
    let neutral = Penalties::default();
    Ok(Penalties {
        repetition: penalty("repetition_penalty", REPETITION_PENALTY)?
            .unwrap_or(neutral.repetition),
        frequency: penalty("frequency_penalty", PENALTY)?.unwrap_or(neutral.frequency),
        presence: penalty("presence_penalty", PENALTY)?.unwrap_or(neutral.presence),
    })
}

fn stop(fields: &mut Fields) -> Result<Vec<String>, ApiError> {
    let path = fields.path("stop");
    let stops = match fields.value("stop") {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(values)) => elements(path.clone(), values)
            .map(|(path, value)| match value {
                Value::String(text) => Ok(text),
                other => Err(ApiError::mistyped(&path, "a string", &other)),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => {
            return Err(ApiError::mistyped(&path, "a string or an array of strings", &other));
        }
    };
    if stops.len() > MAX_STOPS {
        return Err(ApiError::invalid(&path, format_args!("has more than {MAX_STOPS} entries")));
    }
    if stops.iter().any(|text| text.is_empty() || text.len() > MAX_STOP_BYTES) {
        let message = format_args!("needs strings of 1 to {MAX_STOP_BYTES} bytes");
        return Err(ApiError::invalid(&path, message));
    }
    Ok(stops)
}

fn stop_tokens(fields: &mut Fields) -> Result<Vec<u32>, ApiError> {
    let Some(values) = fields.array("stop_token_ids")? else { return Ok(Vec::new()) };
    let ids = values.map(|(path, value)| token_id(&path, &value)).collect::<Result<Vec<_>, _>>()?;
    if ids.len() > MAX_STOPS {
        let message = format_args!("has more than {MAX_STOPS} entries");
        return Err(ApiError::invalid("stop_token_ids", message));
    }
    Ok(ids)
}

/// A token id; whether the model has it is for the engine to say.
pub(crate) fn token_id(path: &str, value: &Value) -> Result<u32, ApiError> {
    let id = value.as_i64().ok_or_else(|| ApiError::mistyped(path, "a token id", value))?;
    u32::try_from(id).map_err(|_| ApiError::invalid(path, "is outside the vocabulary"))
}
