//! `cargo xtask bench`: how fast the kernels are, one by one, and what the server adds to a token.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A bench's name, the crate that has it as an example, and the example's name. They live there
/// since this crate depends on none of the others: to check their style must not take building them.
const BENCHES: [(&str, &str, &str); 2] =
    [("ops", "throng-ops", "ops"), ("server", "throng-server", "overhead")];

/// Builds and runs a bench.
///
/// # Errors
/// There is none of this name, it cannot be built, or does not know an option.
pub fn run(name: &str, options: &[&str]) -> Result<()> {
    let found = BENCHES.iter().find(|(own, ..)| *own == name);
    let (_, package, example) = found.with_context(|| format!("there is no bench {name}"))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release", "--package", package, "--example", example, "--"])
        .args(options)
        .status()
        .context("cargo")?;
    ensure!(status.success(), "the bench ended with {status}");
    Ok(())
}
