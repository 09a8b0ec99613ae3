//! The `throng` command.

mod answer;
mod args;
mod command;
mod drafting;
mod failure;
mod inspect;
mod interrupt;
mod keys;
mod loading;
mod machine;
mod memory;
mod nano;
mod progress;
mod request_log;
mod settings;
mod source;
mod speculative_config;
#[cfg(feature = "load")]
mod stop;
mod terminal;
mod threads;
mod units;
mod writing;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match command::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
