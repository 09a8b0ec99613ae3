//! A hub with a model, a cache that is empty, and a pull whose events are kept.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use throng_hub::{Event, Hub, HubError, Plan, Settings, Token};
use throng_testkit::{FakeHub, HubRepo};

/// Bytes of the large file.
pub const LARGE: usize = 700_000;

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A hub, a cache, and who asks.
pub struct Bench {
    pub hub: FakeHub,
    pub folder: tempfile::TempDir,
    pub token: Option<&'static str>,
}

/// Bytes in which every position shows.
pub fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i * 7 + i / 251) as u8).collect()
}

/// A model of two small files and a large one.
pub fn model() -> HubRepo {
    HubRepo::default()
        .file("config.json", b"{\"a\": 1}\n", false)
        .file("tokenizer.json", &bytes(5_000), false)
        .file("model.safetensors", &bytes(LARGE), true)
        .file("pytorch_model.bin", b"pickled", true)
        .file("original/model.safetensors", b"again", true)
}

impl Bench {
    pub fn new(repo: HubRepo) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { hub: FakeHub::with("org/name", repo), folder, token: None }
    }

    pub fn settings(&self) -> Settings {
        Settings {
            endpoint: self.hub.endpoint(),
            cache: self.folder.path().to_owned(),
            token: self.token.and_then(|token| Token::new(token, "the test").unwrap()),
            offline: false,
            certificates: None,
            first_wait: Duration::from_millis(1),
        }
    }

    pub fn repo(&self) -> PathBuf {
        self.folder.path().join("models--org--name")
    }

    pub fn snapshot(&self) -> PathBuf {
        self.repo().join("snapshots").join(COMMIT)
    }

    pub fn plan(&self, reference: &str, patterns: &[&str]) -> Result<Plan, HubError> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        Hub::new(&self.settings())?.plan(&reference.parse().unwrap(), &patterns, &|_| {})
    }

    /// Pulls; what happened is told in lines.
    pub fn pull_and_tell(&self, reference: &str) -> (Result<PathBuf, HubError>, Vec<String>) {
        let events = Mutex::new(Vec::new());
        let notify = |event: Event<'_>| {
            let line = match event {
                Event::Progress { .. } => return,
                Event::Checking { bytes, .. } => format!("checked {bytes}"),
                Event::Done { .. } => "done".to_owned(),
                Event::Waiting { .. } => "waiting".to_owned(),
                Event::Damaged { .. } => "damaged".to_owned(),
                Event::Retry { error, wait } => format!("retry after {wait:?}: {error}"),
            };
            events.lock().unwrap().push(line);
        };
        let pull = || {
            let hub = Hub::new(&self.settings())?;
            let plan = hub.plan(&reference.parse().unwrap(), &[], &notify)?;
            hub.fetch(&plan, &notify)
        };
        let result = pull();
        (result, events.into_inner().unwrap())
    }

    pub fn pull(&self, reference: &str) -> Result<PathBuf, HubError> {
        self.pull_and_tell(reference).0
    }

    /// The ranges in which the large file was asked for.
    pub fn ranges(&self) -> Vec<Option<String>> {
        let seen = self.hub.seen().into_iter();
        seen.filter(|seen| seen.path.starts_with("/cdn/")).map(|seen| seen.range).collect()
    }
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}
