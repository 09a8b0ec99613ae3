//! What was typed, checked and completed with the model's own defaults.

use std::hash::{BuildHasher, Hasher, RandomState};

use anyhow::Result;
use throng_checkpoint::Generation;
use throng_engine::{Limits, Sampling};

use crate::args::SamplingArgs;

/// How the answers of a command are drawn, and when they end.
pub struct Settings {
    /// How a token is drawn.
    pub sampling: Sampling,
    /// Texts that end an answer.
    pub stop: Vec<String>,
    max_tokens: Option<usize>,
}

impl Settings {
    /// Arguments first, then what the model's makers recommend, then the plain distribution.
    ///
    /// # Errors
    /// A number is outside its range.
    pub fn new(args: &SamplingArgs, generation: &Generation) -> Result<Self> {
        let plain = Sampling::default();
        let sampling = Sampling {
            temperature: args.temperature.or(generation.temperature).unwrap_or(plain.temperature),
            top_k: args.top_k.or(generation.top_k).unwrap_or(plain.top_k),
            top_p: args.top_p.or(generation.top_p).unwrap_or(plain.top_p),
            min_p: args.min_p.unwrap_or(plain.min_p),
            seed: args.seed.unwrap_or_else(random_seed),
            ..plain
        };
        sampling.check()?;
        Ok(Self { sampling, stop: args.stop.clone(), max_tokens: args.max_tokens })
    }

    /// Limits of an answer that these tokens end.
    pub fn limits(&self, stop_tokens: Vec<u32>) -> Limits {
        let max_tokens = self.max_tokens.unwrap_or(usize::MAX);
        Limits { max_tokens, min_tokens: 0, stop_tokens, deadline: None }
    }
}

/// A seed that nobody chose: the standard library's hasher is keyed by the operating system.
fn random_seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
