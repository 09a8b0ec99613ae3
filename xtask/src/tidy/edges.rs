//! Which crate may depend on which: the arrows of ARCHITECTURE.md and no others.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

/// Every crate and the crates of this workspace that it may use, besides in tests.
const EDGES: [(&str, &[&str]); 11] = [
    ("throng-spec", &[]),
    ("throng-ops", &["throng-spec"]),
    ("throng-checkpoint", &["throng-spec"]),
    ("throng-model", &["throng-checkpoint", "throng-ops", "throng-spec"]),
    ("throng-engine", &["throng-model", "throng-spec"]),
    ("throng-chat", &["throng-spec"]),
    ("throng-hub", &[]),
    ("throng-bench", &["throng-engine", "throng-model", "throng-ops", "throng-spec"]),
    ("throng-server", &["throng-chat", "throng-engine"]),
    ("throng-testkit", &["throng-checkpoint", "throng-model", "throng-spec"]),
    (
        "throng",
        &[
            "throng-bench",
            "throng-chat",
            "throng-checkpoint",
            "throng-engine",
            "throng-hub",
            "throng-model",
            "throng-ops",
            "throng-server",
            "throng-spec",
        ],
    ),
];

/// Libraries that live in these crates and nowhere else.
const HOMES: [(&str, &[&str]); 5] = [
    ("axum", &["throng-server"]),
    ("tokio", &["throng-server"]),
    ("clap", &["throng"]),
    ("ratatui", &["throng"]),
    ("ureq", &["throng-bench", "throng-hub", "throng-server"]),
];

/// Violations of the two tables, and crates that they do not name.
///
/// # Errors
/// A manifest cannot be read.
pub fn check(root: &Path) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for entry in std::fs::read_dir(root.join("crates"))? {
        let folder = entry?.path();
        let name = folder.file_name().and_then(|name| name.to_str()).context("a UTF-8 name")?;
        let manifest: toml::Table =
            std::fs::read_to_string(folder.join("Cargo.toml"))?.parse().context("a manifest")?;
        let dependencies: BTreeSet<&str> = manifest
            .get("dependencies")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(|table| table.keys().map(String::as_str))
            .collect();
        let Some((_, allowed)) = EDGES.iter().find(|(edge, _)| *edge == name) else {
            violations.push(format!("crates/{name}: not in the table of crates"));
            continue;
        };
        for dependency in dependencies {
            let is_ours = dependency.starts_with("throng-");
            let homeless = HOMES
                .iter()
                .any(|(library, homes)| *library == dependency && !homes.contains(&name));
            if is_ours && !allowed.contains(&dependency) || homeless {
                violations
                    .push(format!("crates/{name}/Cargo.toml: may not depend on {dependency}"));
            }
        }
    }
    Ok(violations)
}
