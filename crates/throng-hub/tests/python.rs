//! One cache for two programs: what we fetch, Python's `huggingface_hub` finds, and the other way
//! round. `tests/hub/run` runs it with that library; `cargo test` alone does not.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use throng_hub::{Cache, Hub, Settings};
use throng_testkit::{FakeHub, HubRepo};

/// Asks the library for what it counts in a cache, its complaints included.
const SCAN: &str = "
import huggingface_hub as hub
cache = hub.scan_cache_dir()
assert not cache.warnings, cache.warnings
(repo,) = cache.repos
(revision,) = repo.revisions
print(repo.repo_id, revision.commit_hash, sorted(revision.refs), revision.nb_files, repo.size_on_disk)
";

/// Asks it for a snapshot of the files that a model needs.
const SNAPSHOT: &str = "
import huggingface_hub as hub
print(hub.snapshot_download('org/name', allow_patterns=['*.json', '*.safetensors']))
";

fn hub() -> FakeHub {
    let large: Vec<u8> = (0..300_000_u32).map(|i| (i * 7 + i / 251) as u8).collect();
    let repo = HubRepo::default()
        .file("config.json", b"{}\n", false)
        .file("tokenizer.json", b"{\"a\": 1}\n", false)
        .file("model.safetensors", &large, true);
    FakeHub::with("org/name", repo)
}

fn python(hub: &FakeHub, cache: &Path, script: &str, offline: bool) -> String {
    let python = std::env::var_os("THRONG_PYTHON").expect("THRONG_PYTHON names a Python");
    let mut command = Command::new(python);
    command.args(["-c", script]).env("HF_ENDPOINT", hub.endpoint()).env("HF_HUB_CACHE", cache);
    command.env("HF_HUB_OFFLINE", if offline { "1" } else { "0" }).env("HF_HUB_DISABLE_XET", "1");
    let output = command.env_remove("HF_TOKEN").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn pull(hub: &FakeHub, cache: &Path) -> PathBuf {
    let settings = Settings::from_vars(|name| match name {
        "HF_ENDPOINT" => Some(hub.endpoint().into()),
        "HF_HUB_CACHE" => Some(cache.into()),
        _ => None,
    });
    let hub = Hub::new(&settings.unwrap()).unwrap();
    let plan = hub.plan(&"org/name".parse().unwrap(), &[], &|_| {}).unwrap();
    hub.fetch(&plan, &|_| {}).unwrap()
}

/// Every file of a cache: where its link leads, or its content, or of a long one how long it is.
fn layout(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            if let Ok(target) = std::fs::read_link(&path) {
                found.insert(name, target.display().to_string());
            } else if path.is_dir() {
                folders.push(path);
            } else {
                let content = std::fs::read(&path).unwrap();
                let text = String::from_utf8(content);
                found.insert(
                    name,
                    text.unwrap_or_else(|odd| format!("{} bytes", odd.as_bytes().len())),
                );
            }
        }
    }
    // Copies of the hub's lists, by which the library saves itself requests, and a note to programs
    // that make backups, which everyone words differently.
    let is_extra = |part: &OsStr| part == "trees" || part == "CACHEDIR.TAG";
    found.retain(|name, _| !name.iter().any(is_extra));
    found
}

/// Files whose content was sent.
fn fetched(hub: &FakeHub) -> usize {
    let is_content = |path: &str| path.contains("/resolve/") || path.starts_with("/cdn/");
    hub.seen().iter().filter(|seen| is_content(&seen.path) && seen.sent_bytes > 0).count()
}

#[test]
#[ignore = "needs Python's huggingface_hub: tests/hub/run"]
fn the_cache_is_pythons() {
    let hub = hub();
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    let folder = pull(&hub, ours.path());
    assert_eq!(fetched(&hub), 3);
    assert_eq!(Path::new(&python(&hub, ours.path(), SNAPSHOT, true)), folder);
    assert_eq!(Path::new(&python(&hub, ours.path(), SNAPSHOT, false)), folder);
    assert_eq!(fetched(&hub), 0, "Python finds all that we fetched");

    let snapshot = python(&hub, theirs.path(), SNAPSHOT, false);
    assert_eq!(fetched(&hub), 3);
    let found = Cache::new(theirs.path().to_owned()).find(&"org/name".parse().unwrap()).unwrap();
    assert_eq!(found, Path::new(&snapshot));
    assert_eq!(pull(&hub, theirs.path()), found);
    assert_eq!(fetched(&hub), 0, "we find all that Python fetched");

    assert_eq!(layout(ours.path()), layout(theirs.path()));
    let scan = python(&hub, ours.path(), SCAN, true);
    assert!(
        scan.starts_with("org/name 0123456789abcdef0123456789abcdef01234567 ['main'] 3 300012"),
        "{scan}"
    );
    assert_eq!(scan, python(&hub, theirs.path(), SCAN, true));
}
