//! `config.json` to [`ModelSpec`]: the table of architectures, and the checks that all of them share.

use serde_json::Value;

use crate::fields::{Fields, quote};
use crate::model::ModelSpec;
use crate::{gpt_oss, gpt2, llama, qwen3, qwen3_moe};

/// Values along one dimension of a tensor at most.
pub(crate) const MAX_DIMENSION: usize = 1 << 20;
/// Decoder layers at most.
pub(crate) const MAX_LAYERS: usize = 1024;
/// Experts of a layer at most.
pub(crate) const MAX_EXPERTS: usize = 4096;
/// Positions of a context at most: each is exact as an f32.
pub(crate) const MAX_CONTEXT: usize = 1 << 24;
/// Parameters of a model at most; their bytes can be counted in a `usize` whatever the element type.
const MAX_PARAMETERS: usize = 1 << 44;

/// One row of the table of architectures: how its `config.json` is read.
struct Architecture {
    /// `model_type` in `config.json`.
    model_type: &'static str,
    /// Reads and bounds the numbers; checks between them are [`ModelSpec::check`]'s.
    read: fn(&Fields<'_>) -> Result<ModelSpec, ConfigError>,
}

/// The architectures that can be run.
const ARCHITECTURES: &[Architecture] = &[
    Architecture { model_type: gpt_oss::MODEL_TYPE, read: gpt_oss::read },
    Architecture { model_type: llama::MODEL_TYPE, read: llama::read },
    Architecture { model_type: qwen3::MODEL_TYPE, read: qwen3::read },
    Architecture { model_type: qwen3_moe::MODEL_TYPE, read: qwen3_moe::read },
    Architecture { model_type: gpt2::MODEL_TYPE, read: gpt2::read },
];

impl ModelSpec {
    /// `model_type` of every architecture that can be run.
    pub fn architectures() -> impl Iterator<Item = &'static str> {
        ARCHITECTURES.iter().map(|row| row.model_type)
    }

    /// Reads and checks the content of a `config.json`.
    ///
    /// # Errors
    /// The architecture is unknown, a key is missing or mistyped, or a number is out of bounds.
    pub fn from_config(config: &Value) -> Result<Self, ConfigError> {
        let fields = Fields::new(config)?;
        let model_type = fields.text("model_type")?;
        let architecture =
            ARCHITECTURES.iter().find(|row| row.model_type == model_type).ok_or_else(|| {
                let supported: Vec<_> = Self::architectures().collect();
                ConfigError::UnknownArchitecture {
                    found: quote(&Value::from(model_type)),
                    supported: supported.join(", "),
                }
            })?;
        let spec = (architecture.read)(&fields)?;
        spec.check()?;
        Ok(spec)
    }

    /// What must hold between numbers, whatever the architecture.
    fn check(&self) -> Result<(), ConfigError> {
        let heads = self.heads;
        expect(heads.query.is_multiple_of(heads.kv), || {
            let expected = format!("a divisor of num_attention_heads ({})", heads.query);
            ("num_key_value_heads", heads.kv.to_string(), expected)
        })?;
        expect(heads.dim.is_multiple_of(2), || {
            ("head_dim", heads.dim.to_string(), "an even number".to_owned())
        })?;
        expect(heads.query_width() <= MAX_DIMENSION, || {
            let found = format!("{} (with head_dim {})", heads.query, heads.dim);
            ("num_attention_heads", found, format!("at most {MAX_DIMENSION} values together"))
        })?;
        for mixture in self.layers.iter().filter_map(|layer| layer.mlp.mixture) {
            expect(mixture.active <= mixture.experts, || {
                let experts = mixture.experts;
                let expected = format!("at most num_experts or num_local_experts ({experts})");
                ("num_experts_per_tok", mixture.active.to_string(), expected)
            })?;
        }
        let parameters = self.tensors().iter().try_fold(0usize, |sum, (_, shape)| {
            let count = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?;
            sum.checked_add(count)
        });
        match parameters {
            Some(parameters) if parameters <= MAX_PARAMETERS => Ok(()),
            _ => Err(ConfigError::TooManyParameters { limit: MAX_PARAMETERS }),
        }
    }
}

/// `Ok` if `holds`, else the error made of key, found and expected.
fn expect(
    holds: bool,
    error: impl FnOnce() -> (&'static str, String, String),
) -> Result<(), ConfigError> {
    if holds {
        return Ok(());
    }
    let (key, found, expected) = error();
    Err(ConfigError::Invalid { key: key.to_owned(), found, expected })
}

/// A `config.json` that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file holds some other JSON value.
    #[error("the config is {found}, expected a JSON object")]
    NotAnObject {
        /// What is there.
        found: String,
    },
    /// No row of the table has this name.
    #[error("model_type is {found}, supported: {supported}")]
    UnknownArchitecture {
        /// What is there.
        found: String,
        /// The names that are known, separated by commas.
        supported: String,
    },
    /// A key that has no default is absent or null.
    #[error("{key} is missing, expected {expected}")]
    Missing {
        /// The key, with the keys of the objects around it, joined by dots.
        key: String,
        /// What it must be.
        expected: String,
    },
    /// A value of the wrong type or outside its bounds.
    #[error("{key} is {found}, expected {expected}")]
    Invalid {
        /// The key, with the keys of the objects around it, joined by dots.
        key: String,
        /// What is there.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// Each number is within its bounds, but not all of them together.
    #[error("the model would have more than {limit} parameters")]
    TooManyParameters {
        /// The most that is accepted.
        limit: usize,
    },
}
