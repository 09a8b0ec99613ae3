//! `cargo xtask bench ops`: how fast the kernels are, one by one.

use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Builds and runs the bench of throng-ops. It lives there, as an example, since this crate depends
/// on none of the others: to check their style must not take building them.
///
/// # Errors
/// It cannot be built, or does not know an option.
pub fn ops(options: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "--release", "--package", "throng-ops", "--example", "ops", "--"])
        .args(options)
        .status()
        .context("cargo")?;
    ensure!(status.success(), "the bench ended with {status}");
    Ok(())
}
