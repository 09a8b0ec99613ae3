//! Arguments of `throng bench serve` and of the scenarios beside it: load on a server.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args as ClapArgs, Subcommand};

use super::asked::{AnswerArgs, PromptArgs, TargetArgs, duration, tokens};

/// What is measured on a server.
#[derive(Debug, Subcommand)]
pub enum LoadCommand {
    /// Measure any OpenAI-compatible server at several levels of load
    Serve(LoadArgs),
    /// Hold conversations over one system prompt: what a cache of prefixes saves
    Conversations(ConversationsArgs),
    /// Ask single questions beside another tenant's long queue
    Fairness(FairnessArgs),
    /// Let clients leave, stall and read slowly for a while, and look whether anything is left
    Soak(SoakArgs),
}

/// Arguments of `throng bench serve`.
#[derive(Debug, ClapArgs)]
pub struct LoadArgs {
    /// Users at once, separated by commas: each asks again as soon as it is answered
    #[arg(
        long,
        value_name = "COUNTS",
        env = "THRONG_CONCURRENCY",
        value_delimiter = ',',
        default_value = "1,4,16,64",
        value_parser = users()
    )]
    pub concurrency: Vec<usize>,
    /// Instead of users, requests a second, separated by commas, that arrive at random whether
    /// others are answered or not
    #[arg(
        long,
        value_name = "RATES",
        env = "THRONG_RATE",
        value_delimiter = ',',
        conflicts_with = "concurrency",
        value_parser = rate
    )]
    pub rate: Vec<f64>,
    /// Requests a level [default: 4 for each user, but 16 at least; 64 at a rate]
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_REQUESTS",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000)
    )]
    pub requests: Option<usize>,
    /// Also draw throughput and latencies into an SVG file
    #[arg(long, value_name = "FILE.svg", env = "THRONG_PLOT")]
    pub plot: Option<PathBuf>,
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub answer: AnswerArgs,
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Arguments of `throng bench conversations`.
#[derive(Debug, ClapArgs)]
pub struct ConversationsArgs {
    /// How many conversations there are; they take turns in a circle
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_CONVERSATIONS",
        default_value_t = 32,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000)
    )]
    pub conversations: usize,
    /// Questions in each, every one asked after the server's answer to the one before
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_TURNS",
        default_value_t = 8,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1000)
    )]
    pub turns: usize,
    /// Tokens of the system prompt that all share, about
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_SYSTEM_TOKENS",
        default_value_t = 1000,
        value_parser = tokens()
    )]
    pub system_tokens: usize,
    /// Tokens of a question, about
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_PROMPT_TOKENS",
        default_value_t = 32,
        value_parser = tokens()
    )]
    pub prompt_tokens: usize,
    /// Questions at once, at most
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_CONCURRENCY",
        default_value_t = 4,
        value_parser = users()
    )]
    pub concurrency: usize,
    /// Tokens of the server's KV cache: also say how much the best cache of that size would find
    #[arg(long, value_name = "N", env = "THRONG_POOL_TOKENS")]
    pub pool_tokens: Option<u64>,
    #[command(flatten)]
    pub answer: AnswerArgs,
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Arguments of `throng bench fairness`.
#[derive(Debug, ClapArgs)]
pub struct FairnessArgs {
    /// Requests that the first key's tenant has at the server from the beginning
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_QUEUED",
        default_value_t = 200,
        value_parser = users()
    )]
    pub queued: usize,
    /// Questions of the second key's tenant, one after the other: alone, then beside the first
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_QUESTIONS",
        default_value_t = 20,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000)
    )]
    pub questions: usize,
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub answer: AnswerArgs,
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Arguments of `throng bench soak`.
#[derive(Debug, ClapArgs)]
pub struct SoakArgs {
    /// How long new requests are sent, such as 90s, 10m or 2h
    #[arg(
        long,
        value_name = "TIME",
        env = "THRONG_DURATION",
        default_value = "10m",
        value_parser = duration
    )]
    pub duration: Duration,
    /// Clients at once
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_CONCURRENCY",
        default_value_t = 64,
        value_parser = users()
    )]
    pub concurrency: usize,
    /// The server's process on this machine: also say what memory and threads it holds
    #[arg(long, value_name = "PID", env = "THRONG_PID")]
    pub pid: Option<u32>,
    #[command(flatten)]
    pub prompt: PromptArgs,
    #[command(flatten)]
    pub answer: AnswerArgs,
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Each is a thread.
fn users() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=4096)
}

/// Requests a second.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok().filter(|rate| (1e-3..=1e5).contains(rate));
    rate.ok_or_else(|| "expected requests a second, from 0.001 to 100000".to_owned())
}
