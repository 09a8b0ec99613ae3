//! The `throng` command.

mod answer;
mod args;
mod command;
mod failure;
mod interrupt;
mod loading;
mod nano;
mod settings;
mod source;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match command::run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
