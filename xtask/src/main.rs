//! `cargo xtask`: checks of style that the compiler does not make, and two benches.

mod bench;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let verbs: Vec<String> = std::env::args().skip(1).collect();
    match verbs.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tidy"] => tidy::run(),
        ["bench", name, ref options @ ..] => bench::run(name, options),
        _ => bail!("usage: cargo xtask tidy, or cargo xtask bench ops|server [OPTIONS]"),
    }
}
