//! API keys: those of the command line, and those of a file, which is read before anything else and
//! again whenever it changes.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use throng_server::{ApiKeys, ApiKeysError};

use crate::failure::Failure;

/// Bytes of a file of keys at most.
const MAX_BYTES: u64 = 16 << 20;
/// Time between two looks at the file. It is read once it has not changed for so long, so that
/// nobody sees the half of it that an editor has written.
const PAUSE: Duration = Duration::from_secs(1);

/// The keys that clients must have: these, and those in a file, if there is one, now and after each
/// change, of which `tell` is told. A change that cannot be used changes nothing. `None`: there are
/// neither, and nobody needs a key.
///
/// # Errors
/// The file cannot be read, is too large, or a line is not as it should be; or one of the others is
/// no key. No error says a key.
pub fn keys(own: &[String], file: Option<&Path>, tell: fn(&str)) -> Result<Option<ApiKeys>> {
    match file {
        Some(path) => follow(own, path, tell).map(Some),
        None if own.is_empty() => Ok(None),
        None => ApiKeys::with_own(own, None).map(Some).map_err(|error| own_failure(&error)),
    }
}

fn follow(own: &[String], path: &Path, tell: fn(&str)) -> Result<ApiKeys> {
    // Before it is read: what changes in between is a change.
    let seen = state(path);
    let keys = ApiKeys::with_own(own, Some(&read(path)?)).map_err(|error| match error {
        ApiKeysError::Own(_) => own_failure(&error),
        error => failure(path, error),
    })?;
    let (path, followed) = (path.to_owned(), keys.clone());
    thread::Builder::new()
        .name("keys".to_owned())
        .spawn(move || watch(&path, seen, &followed, tell))
        .context("cannot start a thread")?;
    Ok(keys)
}

/// Looks at the file for as long as the process lives.
fn watch(path: &Path, mut seen: Option<State>, keys: &ApiKeys, tell: fn(&str)) {
    let mut changed = false;
    loop {
        thread::sleep(PAUSE);
        let now = state(path);
        if now != seen {
            (seen, changed) = (now, true);
        } else if changed {
            changed = false;
            match read(path).and_then(|text| keys.replace(&text).map_err(|e| failure(path, e))) {
                Ok(()) => tell(&format!("{}: its keys are in force", path.display())),
                Err(error) => tell(&format!("note: {error}; the keys stay as they were")),
            }
        }
    }
}

/// What tells a file from the same one before a change: when it changed, and its length.
type State = (SystemTime, u64);

/// `None` for what is no file, or not there.
fn state(path: &Path) -> Option<State> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// The file's text.
fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| failure(path, format_args!("cannot be read: {error}")))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(failure(path, format_args!("has more than {MAX_BYTES} bytes")));
    }
    Ok(text)
}

fn own_failure(error: &ApiKeysError) -> anyhow::Error {
    let message = format!("--api-key: {error}");
    let hint =
        "several keys have commas between; names, weights and limits go into --api-keys FILE";
    Failure { message, hint }.into()
}

fn failure(path: &Path, what: impl std::fmt::Display) -> anyhow::Error {
    let message = format!("{}: {what}", path.display());
    let hint = "a line of --api-keys is KEY [NAME [WEIGHT]] [rpm=N] [tpm=N] [models=NAME,NAME]; \
        # begins a comment; sha256:DIGEST may stand for KEY";
    Failure { message, hint }.into()
}
