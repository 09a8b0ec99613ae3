//! One file a verb.

mod bench;
mod chat;
mod eval;
mod generate;
mod inspect;
#[cfg(feature = "load")]
mod load;
#[cfg(feature = "pull")]
mod pull;
mod quantize;
mod score;
mod serve;
mod synth;
#[cfg(feature = "top")]
mod top;
mod welcome;

use anyhow::Result;

use crate::args::{Args, Command};

/// Does what the command line asks.
///
/// # Errors
/// What the verb's own file says.
pub fn run(args: Args) -> Result<()> {
    match args.command {
        None => welcome::run(),
        Some(Command::Chat(args)) => chat::run(&args),
        Some(Command::Generate(args)) => generate::run(&args),
        Some(Command::Serve(args)) => serve::run(&args),
        #[cfg(feature = "top")]
        Some(Command::Top(args)) => top::run(&args),
        #[cfg(feature = "pull")]
        Some(Command::Pull(args)) => pull::run(&args),
        Some(Command::Quantize(args)) => quantize::run(&args),
        Some(Command::Score(args)) => score::run(&args),
        Some(Command::Eval(args)) => eval::run(&args),
        Some(Command::Inspect(args)) => inspect::run(&args),
        Some(Command::Bench(args)) => bench::run(&args),
        Some(Command::Synth(args)) => synth::run(&args),
    }
}
