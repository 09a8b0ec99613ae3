//! Arguments of `throng bench`.

use std::num::NonZeroUsize;

use clap::Args as ClapArgs;
use clap::builder::RangedU64ValueParser;
use throng_bench::OfflinePlan;

#[cfg(feature = "load")]
use super::LoadCommand;
use super::ModelArgs;

/// Arguments of `throng bench`.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BenchArgs {
    /// On a server; without it, a model is measured here.
    #[cfg(feature = "load")]
    #[command(subcommand)]
    pub load: Option<LoadCommand>,
    #[command(flatten)]
    pub offline: OfflineArgs,
}

/// What is measured where no server is: a model's steps.
#[derive(Debug, ClapArgs)]
pub struct OfflineArgs {
    /// Tokens of the prompts whose reading is measured, separated by commas; 0 for none
    #[arg(
        long,
        value_name = "LENGTHS",
        env = "THRONG_PROMPT_TOKENS",
        value_delimiter = ',',
        default_value = "512",
        value_parser = up_to(1 << 24)
    )]
    pub prompt_tokens: Vec<usize>,
    /// Tokens that each user gets while writing is measured, one a step; 0 for none
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_GENERATE_TOKENS",
        default_value_t = 32,
        value_parser = up_to(1 << 20)
    )]
    pub generate_tokens: usize,
    /// Users who write at once, separated by commas
    #[arg(
        long,
        value_name = "COUNTS",
        env = "THRONG_USERS",
        value_delimiter = ',',
        default_value = "1,2,4,8,16,32",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=4096)
    )]
    pub users: Vec<usize>,
    /// Tokens of each user's prompt, no two alike, which are in the KV cache before
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_CONTEXT",
        default_value_t = 128,
        value_parser = up_to(1 << 24)
    )]
    pub context: usize,
    /// Times that everything is measured; what is printed is the median
    #[arg(long, value_name = "N", env = "THRONG_REPEAT", default_value = "3", value_parser = repeats)]
    pub repeat: NonZeroUsize,
    /// Tokens of a step, at most: longer prompts are read in chunks
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_NUM_BATCHED_TOKENS",
        default_value = "512",
        value_parser = chunk
    )]
    pub max_num_batched_tokens: NonZeroUsize,
    /// Also measure what this machine can do, and set each part of a step beside that: time, bytes,
    /// multiply-accumulates, and what holds it back; scheduling and sampling included
    #[arg(long, env = "THRONG_ROOFLINE")]
    pub roofline: bool,
    /// Also say how fast memory is read before and after each writing
    #[arg(long, env = "THRONG_BANDWIDTH")]
    pub bandwidth: bool,
    /// Print a line of JSON for each result, unrounded
    #[arg(long, env = "THRONG_JSON")]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

impl OfflineArgs {
    /// What they ask for; a prompt of no tokens is none.
    pub fn plan(&self) -> OfflinePlan {
        let prompts = self.prompt_tokens.iter().copied().filter(|&tokens| tokens > 0);
        OfflinePlan {
            prompts: prompts.collect(),
            users: if self.generate_tokens > 0 { self.users.clone() } else { Vec::new() },
            context: self.context,
            generate: self.generate_tokens,
            repeats: self.repeat,
            chunk: self.max_num_batched_tokens,
        }
    }
}

fn up_to(most: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(0..=most)
}

fn repeats(text: &str) -> Result<NonZeroUsize, String> {
    within(text, 1000)
}

fn chunk(text: &str) -> Result<NonZeroUsize, String> {
    within(text, 65_536)
}

/// A number from 1.
fn within(text: &str, most: usize) -> Result<NonZeroUsize, String> {
    let number = text.parse::<NonZeroUsize>().ok().filter(|number| number.get() <= most);
    number.ok_or_else(|| format!("expected a number from 1 to {most}"))
}
