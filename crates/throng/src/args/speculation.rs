//! What may be drafted.

use std::path::Path;

use clap::Args as ClapArgs;
use throng_engine::Speculation;

use crate::speculative_config::SpeculativeConfig;

/// How an answer gets several tokens in a step.
#[derive(Clone, Debug, ClapArgs)]
#[command(next_help_heading = "Speculative decoding")]
pub struct SpeculationArgs {
    /// Draft tokens and let the model check several in one step; no answer changes by it. A JSON
    /// object such as {"method":"ngram","num_speculative_tokens":4}, or {"model":"MODEL",
    /// "num_speculative_tokens":4} for a smaller model with the same tokenizer [default: none]
    #[arg(long, value_name = "JSON", env = "THRONG_SPECULATIVE_CONFIG")]
    pub speculative_config: Option<SpeculativeConfig>,
}

impl SpeculationArgs {
    /// How tokens are drafted, if they are.
    pub fn speculation(&self) -> Option<Speculation> {
        self.speculative_config.as_ref().map(|config| config.speculation)
    }

    /// The model that drafts, if one does.
    pub fn model(&self) -> Option<&Path> {
        self.speculative_config.as_ref()?.model.as_deref()
    }
}
