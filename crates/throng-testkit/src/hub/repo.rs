//! Repositories of the hub, and its answers where nothing goes wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::http::{Answer, Asked};

/// A file of a repository.
#[derive(Clone, Debug)]
pub struct HubFile {
    /// What is in it.
    pub content: Vec<u8>,
    /// Whether it is kept as large files are: named by its SHA-256, on another host.
    pub large: bool,
}

impl HubFile {
    /// The checksum that the hub names it by.
    pub fn checksum(&self) -> String {
        if self.large { hex(&Sha256::digest(&self.content)) } else { self.git() }
    }

    fn git(&self) -> String {
        let prefix = format!("blob {}\0", self.content.len());
        hex(&Sha1::new_with_prefix(prefix).chain_update(&self.content).finalize())
    }
}

/// A repository, at one commit.
#[derive(Clone, Debug)]
pub struct HubRepo {
    /// Hash of the commit.
    pub commit: String,
    /// Names that lead to the commit.
    pub revisions: Vec<String>,
    /// Files by name.
    pub files: BTreeMap<String, HubFile>,
    /// The list of its files, where it is not to be the true one.
    pub listing: Option<Value>,
    /// Whether the list says nothing of sizes and checksums, as some mirrors' do.
    pub terse: bool,
    /// The token without which it is hidden.
    pub token: Option<String>,
}

impl Default for HubRepo {
    fn default() -> Self {
        Self {
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            revisions: vec!["main".to_owned()],
            files: BTreeMap::new(),
            listing: None,
            terse: false,
            token: None,
        }
    }
}

impl HubRepo {
    /// With one more file.
    #[must_use]
    pub fn file(mut self, name: &str, content: &[u8], large: bool) -> Self {
        self.files.insert(name.to_owned(), HubFile { content: content.to_vec(), large });
        self
    }

    /// With the files of a folder; weights are large.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn folder(mut self, folder: &Path) -> std::io::Result<Self> {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let large = name.ends_with(".safetensors") || name.ends_with(".gguf");
            self = self.file(&name, &std::fs::read(entry.path())?, large);
        }
        Ok(self)
    }

    fn listing(&self) -> Value {
        let sibling = |(name, file): (&String, &HubFile)| {
            let mut entry = json!({ "rfilename": name });
            if !self.terse {
                entry["size"] = json!(file.content.len());
                entry["blobId"] = json!(file.git());
            }
            if file.large && !self.terse {
                let (sha256, size) = (file.checksum(), file.content.len());
                entry["lfs"] = json!({ "sha256": sha256, "size": size, "pointerSize": 134 });
            }
            entry
        };
        let siblings: Vec<Value> = self.files.iter().map(sibling).collect();
        json!({ "id": "a/b", "sha": self.commit, "gated": false, "siblings": siblings })
    }

    /// What Python's library asks for in place of the list.
    fn tree(&self) -> Value {
        let entry = |(name, file): (&String, &HubFile)| {
            let (oid, size) = (file.git(), file.content.len());
            let mut entry = json!({ "type": "file", "path": name, "oid": oid, "size": size });
            if file.large {
                entry["lfs"] = json!({ "oid": file.checksum(), "size": size, "pointerSize": 134 });
            }
            entry
        };
        self.files.iter().map(entry).collect()
    }
}

/// Answers a request to the hub, or to the host of the large files where `cdn` is `None`.
pub fn answer(
    repos: &BTreeMap<String, HubRepo>,
    asked: &Asked,
    range: Option<&str>,
    cdn: Option<SocketAddr>,
) -> Answer {
    let path = asked.path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let (org, name, rest) = match parts.as_slice() {
        ["cdn", org, name, rest @ ..] | ["api", "models", org, name, rest @ ..] => {
            (org, name, rest)
        }
        [org, name, rest @ ..] => (org, name, rest),
        _ => return error(404, "RepoNotFound"),
    };
    let Some(repo) = repos.get(&format!("{org}/{name}")) else { return error(401, "RepoNotFound") };
    if let (Some(token), true) = (&repo.token, cdn.is_some()) {
        match asked.header("authorization") {
            Some(given) if given == format!("Bearer {token}") => {}
            Some(_) => return error(401, ""),
            None => return error(401, "RepoNotFound"),
        }
    }
    let knows = |revision: &str| {
        let revision = revision.replace("%2F", "/");
        revision == repo.commit || repo.revisions.contains(&revision)
    };
    match (rest, cdn) {
        (["revision" | "tree", revision], Some(_)) if !knows(revision) => {
            error(404, "RevisionNotFound")
        }
        (["revision", _], Some(_)) => content(
            repo.listing.clone().unwrap_or_else(|| repo.listing()).to_string().as_bytes(),
            None,
        ),
        (["tree", _], Some(_)) => content(repo.tree().to_string().as_bytes(), None),
        (["resolve", _, file @ ..], Some(cdn)) => {
            resolve(repo, &format!("{org}/{name}"), &file.join("/"), range, cdn)
        }
        (file, None) => match repo.files.get(&file.join("/")) {
            Some(file) => content(&file.content, range),
            None => error(404, ""),
        },
        _ => error(404, ""),
    }
}

/// A small file, or where a large one is.
fn resolve(repo: &HubRepo, name: &str, path: &str, range: Option<&str>, cdn: SocketAddr) -> Answer {
    let Some(file) = repo.files.get(path) else { return error(404, "EntryNotFound") };
    let mut answer = if file.large {
        // Another name of this machine, so another host to whoever holds a token.
        let location = format!("http://localhost:{}/cdn/{name}/{path}?signature=1", cdn.port());
        let headers = vec![
            ("Location".to_owned(), location),
            ("X-Linked-Etag".to_owned(), format!("\"{}\"", file.checksum())),
            ("X-Linked-Size".to_owned(), file.content.len().to_string()),
        ];
        Answer { status: 302, headers, ..Answer::default() }
    } else {
        content(&file.content, range)
    };
    answer.headers.push(("X-Repo-Commit".to_owned(), repo.commit.clone()));
    answer.headers.push(("ETag".to_owned(), format!("\"{}\"", file.checksum())));
    answer
}

fn content(content: &[u8], range: Option<&str>) -> Answer {
    let first =
        range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let total = content.len();
    match first {
        None => Answer { status: 200, body: content.to_vec(), ..Answer::default() },
        Some(first) if first < total => {
            let range = format!("bytes {first}-{}/{total}", total - 1);
            let headers = vec![("Content-Range".to_owned(), range)];
            Answer { status: 206, headers, body: content[first..].to_vec(), ..Answer::default() }
        }
        Some(_) => Answer { status: 416, ..Answer::default() },
    }
}

fn error(status: u16, code: &str) -> Answer {
    let header = ("X-Error-Code".to_owned(), code.to_owned());
    let headers = if code.is_empty() { Vec::new() } else { vec![header] };
    Answer { status, headers, ..Answer::default() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
