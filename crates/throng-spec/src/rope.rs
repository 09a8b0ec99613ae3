//! Rotary position embedding: its numbers, and how `config.json` writes them.

use serde_json::Value;

use crate::config::{ConfigError, MAX_CONTEXT};
use crate::fields::Fields;

/// Rotary position embedding (Su et al. 2021), halves paired: dimension i with i + dim/2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub theta: f32,
    /// Context extension, if any.
    pub scaling: Option<RopeScaling>,
}

/// How positions past the context of the pre-training are made to fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// All frequencies are divided by a factor (Chen et al. 2023).
    Linear {
        /// How much longer the context became.
        factor: f32,
    },
    /// Llama 3.1's.
    Llama3(Llama3),
    /// YaRN.
    Yarn(Yarn),
}

/// Llama 3.1's scaling: keeps high frequencies, divides low ones, goes over linearly in between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Llama3 {
    /// What low frequencies are divided by.
    pub factor: f32,
    /// Context of the pre-training.
    pub original_context: usize,
    /// Rotations within the original context up to which a frequency is low.
    pub low: f32,
    /// Rotations from which it is high.
    pub high: f32,
}

/// YaRN (Peng et al. 2023): interpolates low frequencies, keeps high ones, ramps between.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Yarn {
    /// How much longer than `original_context` the context became.
    pub factor: f32,
    /// Context of the pre-training.
    pub original_context: usize,
    /// Rotations within the original context above which a frequency is kept.
    pub beta_fast: f32,
    /// Rotations below which it is divided by `factor`.
    pub beta_slow: f32,
    /// Whether the ramp's ends are rounded to whole dimensions.
    pub truncate: bool,
}

const FACTOR: std::ops::RangeInclusive<f32> = 1.0..=1e6;

impl Rope {
    /// `rope_scaling` beside `rope_theta`, or both in `rope_parameters`. `kinds` are the values of
    /// `rope_type` that the architecture knows, `theta` its default base. Where neither object is
    /// there, nothing is scaled.
    pub(crate) fn read(
        config: &Fields<'_>,
        theta: f32,
        kinds: &[&str],
    ) -> Result<Self, ConfigError> {
        // 1.01 keeps the logarithm of the base, by which YaRN divides, away from 0.
        let bounds = 1.01..=1e12;
        let theta = config.float_or("rope_theta", Some(theta), bounds.clone())?;
        let Some(scaling) = config.object(Self::key(config))? else {
            return Ok(Self { theta, scaling: None });
        };
        let theta = scaling.float_or("rope_theta", Some(theta), bounds)?;
        // Variants of the published methods that no released model uses.
        scaling.only("partial_rotary_factor", &Value::from(1.0))?;
        for key in ["attention_factor", "mscale", "mscale_all_dim"] {
            scaling.only(key, &Value::Null)?;
        }
        let key = if scaling.get("rope_type").is_some() { "rope_type" } else { "type" };
        let kind = scaling.text(key)?;
        let scaling = match kind {
            _ if !kinds.contains(&kind) => {
                return Err(scaling.invalid(key, &Value::from(kind), &kinds.join(" or ")));
            }
            "linear" => {
                Some(RopeScaling::Linear { factor: scaling.float_or("factor", None, FACTOR)? })
            }
            "llama3" => Some(RopeScaling::Llama3(Llama3::read(&scaling)?)),
            "yarn" => Some(RopeScaling::Yarn(Yarn::read(&scaling)?)),
            _ => None,
        };
        Ok(Self { theta, scaling })
    }

    /// The key of the object that says how positions are scaled.
    pub(crate) fn key(config: &Fields<'_>) -> &'static str {
        const KEYS: [&str; 2] = ["rope_parameters", "rope_scaling"];
        KEYS.into_iter().find(|key| config.get(key).is_some()).unwrap_or("rope_scaling")
    }
}

impl Llama3 {
    fn read(scaling: &Fields<'_>) -> Result<Self, ConfigError> {
        let low = scaling.float_or("low_freq_factor", None, 1e-3..=1e6)?;
        Ok(Self {
            factor: scaling.float_or("factor", None, FACTOR)?,
            original_context: scaling.size("original_max_position_embeddings", 1..=MAX_CONTEXT)?,
            low,
            // Equal ends would make the passage between them a division by 0.
            high: scaling.float_or("high_freq_factor", None, low * 1.001..=1e7)?,
        })
    }
}

impl Yarn {
    fn read(scaling: &Fields<'_>) -> Result<Self, ConfigError> {
        let beta_slow = scaling.float_or("beta_slow", Some(1.0), 1e-6..=1e6)?;
        Ok(Self {
            factor: scaling.float_or("factor", None, FACTOR)?,
            original_context: scaling.size("original_max_position_embeddings", 1..=MAX_CONTEXT)?,
            // Equal ends would make the ramp between them a division by 0.
            beta_fast: scaling.float_or("beta_fast", Some(32.0), beta_slow * 1.001..=1e7)?,
            beta_slow,
            truncate: scaling.flag_or("truncate", true)?,
        })
    }
}
