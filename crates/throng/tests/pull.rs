//! `throng pull` from a hub on this machine, and `-m` with what was pulled.

#![cfg(feature = "pull")]
#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use common::{Outcome, command, run};
use throng_testkit::{FakeHub, HubFault, HubRepo, TinyGptOss};

/// A hub with a tiny model, and an empty home of the cache.
struct Bench {
    hub: FakeHub,
    home: tempfile::TempDir,
}

impl Bench {
    fn new(change: impl FnOnce(HubRepo) -> HubRepo) -> Self {
        let folder = tempfile::tempdir().unwrap();
        TinyGptOss::default().write(folder.path()).unwrap();
        let repo = HubRepo::default().folder(folder.path()).unwrap();
        let hub = FakeHub::with("org/tiny", change(repo));
        Self { hub, home: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str], variables: &[(&str, &str)]) -> std::process::Command {
        let mut command = command(args);
        for name in ["HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "THRONG_REVISION"] {
            command.env_remove(name);
        }
        command.env("HF_ENDPOINT", self.hub.endpoint()).env("HF_HOME", self.home.path());
        command.envs(variables.iter().copied());
        command
    }

    fn throng(&self, args: &[&str], variables: &[(&str, &str)]) -> Outcome {
        run(self.command(args, variables), b"")
    }

    #[track_caller]
    fn succeed(&self, args: &[&str], variables: &[(&str, &str)]) -> Outcome {
        let outcome = self.throng(args, variables);
        assert!(outcome.success, "{args:?}: {}", outcome.stderr);
        outcome
    }

    #[track_caller]
    fn fail(&self, args: &[&str], variables: &[(&str, &str)], error: &str, hint: &str) {
        let outcome = self.throng(args, variables);
        assert!(!outcome.success && outcome.stdout.is_empty(), "{args:?}: {}", outcome.stdout);
        let lines: Vec<&str> = outcome.stderr.lines().rev().take(2).collect();
        assert!(lines[1].starts_with("error: ") && lines[1].contains(error), "{}", outcome.stderr);
        assert!(lines[0].starts_with("hint: ") && lines[0].contains(hint), "{}", outcome.stderr);
    }

    fn repo(&self) -> PathBuf {
        self.home.path().join("hub/models--org--tiny")
    }
}

#[test]
fn what_was_pulled_answers_by_its_name() {
    let bench = Bench::new(|repo| repo);
    let ask = |model: &str| {
        ["generate", "hi", "--max-tokens", "3", "--temperature", "0", "-m", model]
            .map(str::to_owned)
    };
    let generate = |model: &str, variables: &[(&str, &str)]| {
        let args = ask(model);
        bench.throng(&args.each_ref().map(String::as_str), variables)
    };
    bench.fail(
        &ask("org/tiny").each_ref().map(String::as_str),
        &[],
        "no model org/tiny: no such folder here, and the cache in",
        "`throng pull org/tiny` fetches it",
    );
    let no_folder = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    bench.fail(&["pull", "org/tiny"], &[("HF_HUB_CACHE", no_folder)], "Cargo.toml", "HF_HUB_CACHE");
    let pulled = bench.succeed(&["pull", "org/tiny"], &[]);
    assert!(pulled.stderr.contains("model.safetensors"), "{}", pulled.stderr);
    assert!(pulled.stderr.contains(" to fetch"), "{}", pulled.stderr);
    let folder = pulled.stdout.strip_suffix('\n').unwrap();
    assert!(Path::new(folder).join("config.json").is_file(), "{folder}");

    let by_name = generate("org/tiny", &[("HF_HUB_OFFLINE", "1")]);
    assert!(by_name.success, "{}", by_name.stderr);
    assert_eq!(by_name.stdout, generate(folder, &[]).stdout);
    let again = bench.succeed(&["pull", "org/tiny"], &[]);
    assert!(again.stderr.contains("all of it here"), "{}", again.stderr);
    assert_eq!(again.stdout, pulled.stdout);
}

#[test]
fn a_pull_that_was_killed_goes_on() {
    let bench = Bench::new(|repo| repo);
    let weights = "/cdn/org/tiny/model.safetensors";
    bench.hub.fail(weights, HubFault::Stall(50_000), 1);
    let mut pull = bench.command(&["pull", "org/tiny"], &[]).stderr(Stdio::null()).spawn().unwrap();
    let blobs = bench.repo().join("blobs");
    let arrived = || {
        let entries = std::fs::read_dir(&blobs).into_iter().flatten().flatten();
        let sizes = entries.filter_map(|entry| {
            let is_part = entry.path().extension().is_some_and(|end| end == "incomplete");
            is_part.then(|| entry.metadata().map_or(0, |metadata| metadata.len()))
        });
        sizes.max() == Some(50_000)
    };
    while !arrived() {
        assert!(pull.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    pull.kill().unwrap();
    pull.wait().unwrap();
    bench.hub.seen();
    let resumed = bench.succeed(&["pull", "org/tiny"], &[]);
    assert!(resumed.stderr.contains("50.0 kB are here"), "{}", resumed.stderr);
    let seen = bench.hub.seen();
    let ranges: Vec<_> = seen.iter().filter(|seen| seen.at_cdn).map(|seen| &seen.range).collect();
    assert_eq!(ranges, [&Some("bytes=50000-".to_owned())]);
    bench.succeed(&["score", "hi", "-m", "org/tiny"], &[]);
}

#[test]
fn the_token_is_a_variable_or_a_file() {
    let bench = Bench::new(|repo| HubRepo { token: Some("hf_right".to_owned()), ..repo });
    bench.fail(&["pull", "org/tiny"], &[], "does not show it to strangers", "HF_TOKEN");
    let wrong = [("HF_TOKEN", "hf_wrong")];
    bench.fail(&["pull", "org/tiny"], &wrong, "refuses the token", "HF_TOKEN");
    bench.succeed(&["pull", "org/tiny"], &[("HF_TOKEN", "hf_right")]);
    std::fs::write(bench.home.path().join("token"), "hf_right\n").unwrap();
    bench.succeed(&["pull", "org/tiny"], &[]);
    assert!(bench.hub.seen().iter().all(|seen| !seen.at_cdn || seen.authorization.is_none()));
}

#[test]
fn offline_looks_into_the_cache_and_nowhere_else() {
    let bench = Bench::new(|repo| repo);
    let offline = [("HF_HUB_OFFLINE", "1")];
    bench.fail(&["pull", "org/tiny"], &offline, "HF_HUB_OFFLINE is set", "unset HF_HUB_OFFLINE");
    assert!(bench.hub.seen().is_empty());
    let pulled = bench.succeed(&["pull", "org/tiny"], &[]).stdout;
    bench.hub.seen();
    assert_eq!(bench.succeed(&["pull", "org/tiny"], &offline).stdout, pulled);
    assert!(bench.hub.seen().is_empty());
}

#[test]
fn revisions_and_patterns_are_flags_too() {
    let bench = Bench::new(|repo| {
        let revisions = vec!["main".to_owned(), "v2".to_owned()];
        HubRepo { revisions, ..repo }.file("original/config.json", b"{}", false)
    });
    let pull = ["pull", "org/tiny", "--revision", "v2", "--include", "original/*,config.*"];
    let folder = bench.succeed(&pull, &[]).stdout;
    assert!(Path::new(folder.trim_end()).join("original/config.json").is_file());
    assert!(!Path::new(folder.trim_end()).join("model.safetensors").exists());
    assert!(bench.repo().join("refs/v2").is_file());
    bench.fail(&["pull", "org/tiny", "--revision", "v3"], &[], "no revision v3", "main");
    bench.fail(
        &["pull", "org/tiny@v2", "--revision", "v2"],
        &[],
        "so does --revision",
        "leave one",
    );
    for odd in ["tiny", "org/../tiny", "org/tiny:", "https://hub/org/tiny"] {
        bench.fail(&["pull", odd], &[], odd, "openai/gpt-oss-20b");
    }
}

#[test]
fn of_several_gguf_files_one_is_chosen_and_runs() {
    let golden =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../throng-model/tests/golden/llama/model.gguf");
    let content = std::fs::read(golden).unwrap();
    let bench = Bench::new(|_| {
        HubRepo::default().file("m-Q8_0.gguf", b"GGUF8", true).file("m-F32.gguf", &content, true)
    });
    bench.fail(&["pull", "org/tiny"], &[], "2 GGUF models: F32, Q8_0", "org/tiny:F32");
    let file = bench.succeed(&["pull", "org/tiny:f32"], &[]).stdout;
    let score =
        |model: &str| bench.succeed(&["score", "--tokens", "5,6,7", "-m", model], &[]).stdout;
    let expected = score(golden);
    for model in [file.trim_end(), "org/tiny", "org/tiny:F32", "org/tiny:m-F32.gguf"] {
        assert_eq!(score(model), expected, "{model}");
    }
    let other = ["score", "hi", "-m", "org/tiny:Q8_0"];
    bench.fail(&other, &[], "the cache in", "`throng pull org/tiny:Q8_0` fetches it");
}
