//! The command line of `throng serve`.

use std::net::IpAddr;

use clap::Args as ClapArgs;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use throng_server::Date;

use super::ModelArgs;

/// Arguments of `throng serve`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address to listen on; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "IP", env = "THRONG_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(short, long, value_name = "N", env = "THRONG_PORT", default_value_t = 8000)]
    pub port: u16,
    /// Names that clients may call the model by, separated by commas; answers carry the first
    /// [default: the folder's, the GGUF file's or the repository's]
    #[arg(
        long,
        value_name = "NAMES",
        env = "THRONG_SERVED_MODEL_NAME",
        value_delimiter = ',',
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub served_model_name: Vec<String>,
    /// Requests that are answered at once, at most
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_NUM_SEQS",
        default_value_t = 64,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=4096)
    )]
    pub max_num_seqs: usize,
    /// Tokens of a step, at most: longer prompts are read in chunks. Never below --max-num-seqs
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_NUM_BATCHED_TOKENS",
        default_value_t = 512,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=65_536)
    )]
    pub max_num_batched_tokens: usize,
    /// The day that the model is told: today, none or YYYY-MM-DD
    #[arg(long, value_name = "DAY", env = "THRONG_DATE", default_value = "today")]
    pub date: Date,
    /// Seconds that running answers may go on after SIGTERM or Ctrl-C; a second one ends them
    #[arg(
        long,
        value_name = "SECONDS",
        env = "THRONG_DRAIN_TIMEOUT",
        default_value_t = 30,
        value_parser = RangedU64ValueParser::<u64>::new().range(..=86_400)
    )]
    pub drain_timeout: u64,
    #[command(flatten)]
    pub model: ModelArgs,
}
