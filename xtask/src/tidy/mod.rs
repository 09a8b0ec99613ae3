//! The rules of the house: each file of this folder checks one, over all tracked files.

mod edges;
mod paths;
mod rust_file;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Runs every rule and prints each violation on a line of its own.
///
/// # Errors
/// At least one violation, or the tree cannot be read.
pub fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?;
    let files = tracked_files(root)?;
    let mut violations = edges::check(root)?;
    for file in &files {
        let Ok(text) = std::fs::read_to_string(root.join(file)) else {
            continue; // Weights and images.
        };
        let found = paths::check(&text).into_iter().chain(if is_rust(file) {
            rust_file::check(file, &text)?
        } else {
            Vec::new()
        });
        violations.extend(found.map(|found| format!("{}:{found}", file.display())));
    }
    for violation in &violations {
        println!("{violation}");
    }
    if !violations.is_empty() {
        bail!("{} violations in {} files", violations.len(), files.len());
    }
    println!("tidy: {} files", files.len());
    Ok(())
}

fn is_rust(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "rs")
}

fn tracked_files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git").arg("ls-files").current_dir(root).output()?;
    ensure!(output.status.success(), "git ls-files failed");
    let names = String::from_utf8(output.stdout)?;
    Ok(names.lines().map(PathBuf::from).filter(|file| root.join(file).exists()).collect())
}
