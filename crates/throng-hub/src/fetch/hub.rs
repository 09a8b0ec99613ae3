//! From a reference to files in the cache.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::checksum::Checksum;
use super::client::Client;
use super::download::{Download, Halt};
use super::event::Event;
use super::listing::{Facts, Listing};
use super::patience::{Fault, persist};
use super::pattern;
use super::plan::{Plan, PlannedFile, is_file_of};
use super::refusal::{Subject, header};
use crate::cache::{Cache, RepoFolder};
use crate::error::HubError;
use crate::reference::{Reference, RepoPath};
use crate::selection;
use crate::settings::Settings;

/// Files that are fetched at the same time: a CDN gives each connection a part of what the line
/// could take.
const CONNECTIONS: usize = 4;

/// What marks a folder as a cache for programs that make backups (bford.info/cachedir).
const TAG: &str = "Signature: 8a477f597d28d172789f06886806bc55\n\
                   # This folder is a cache of files from the Hugging Face hub.\n";

/// A hub, and the cache that its files go into.
pub struct Hub {
    pub(crate) client: Client,
    pub(crate) first_wait: Duration,
    cache: Cache,
}

impl Hub {
    /// Looks at the settings; nothing is asked yet.
    ///
    /// # Errors
    /// They forbid fetching, or the endpoint is no address.
    pub fn new(settings: &Settings) -> Result<Self, HubError> {
        if settings.offline {
            return Err(HubError::Offline);
        }
        Ok(Self {
            client: Client::new(settings)?,
            first_wait: settings.first_wait,
            cache: Cache::new(settings.cache.clone()),
        })
    }

    /// Asks which files the model has, or those that any of `patterns` match, and looks which of
    /// them are here.
    ///
    /// # Errors
    /// The hub does not answer, refuses, or has no such model; or its answer is not sound.
    pub fn plan(
        &self,
        reference: &Reference,
        patterns: &[String],
        notify: &dyn Fn(Event<'_>),
    ) -> Result<Plan, HubError> {
        let Reference { repo, revision, .. } = reference;
        let subject = Subject { repo, revision, file: None };
        let json = persist(self.first_wait, notify, || self.client.listing(subject))?;
        let listing = Listing::parse(repo, &json)?;
        let names: Vec<RepoPath> = listing.files.keys().cloned().collect();
        let selection = if patterns.is_empty() {
            selection::select(reference, &names)?
        } else {
            pattern::include(repo, &names, patterns)?
        };
        let folder = self.cache.repo(repo);
        let snapshot = folder.snapshot(&listing.commit);
        let mut files = Vec::new();
        let mut total_bytes = 0_u64;
        for path in selection.files {
            let (size, checksum) = self.facts(&listing, reference, &path, notify)?;
            total_bytes = total_bytes.checked_add(size).ok_or_else(|| HubError::BadListing {
                repo: repo.to_string(),
                reason: format!("{path} would have {size} bytes"),
            })?;
            files.push(PlannedFile::new(path, size, checksum, &folder, &listing.commit));
        }
        let model =
            selection.opens.map_or(snapshot.clone(), |file| crate::cache::join(&snapshot, &file));
        let (repo, revision) = (repo.clone(), revision.clone());
        Ok(Plan { repo, revision, commit: listing.commit, files, total_bytes, model, folder })
    }

    /// Size and checksum of a file: from the list, or by asking for the file where a mirror's list
    /// does not say.
    fn facts(
        &self,
        listing: &Listing,
        reference: &Reference,
        path: &RepoPath,
        notify: &dyn Fn(Event<'_>),
    ) -> Result<(u64, Checksum), HubError> {
        if let Some(Facts { size: Some(size), checksum: Some(checksum) }) = listing.files.get(path)
        {
            return Ok((*size, checksum.clone()));
        }
        let Reference { repo, revision, .. } = reference;
        let url = self.client.endpoint.file(repo, &listing.commit, path);
        let subject = Subject { repo, revision, file: Some(path) };
        let headers = persist(self.first_wait, notify, || self.client.about(&url, subject))?;
        let field =
            |linked: &str, own: &str| header(&headers, linked).or_else(|| header(&headers, own));
        let size =
            field("x-linked-size", "content-length").and_then(|text| text.trim().parse().ok());
        let checksum = field("x-linked-etag", "etag").and_then(Checksum::parse);
        size.zip(checksum).ok_or_else(|| HubError::BadListing {
            repo: repo.to_string(),
            reason: format!("{path} has no size or no checksum"),
        })
    }

    /// Fetches what is missing, checks it, and gives the model's place. Whatever was fetched before
    /// an error stays, and the next call goes on from there.
    ///
    /// # Errors
    /// The disk is full, the hub refuses or does not answer, or a file is not what the hub says.
    pub fn fetch(
        &self,
        plan: &Plan,
        notify: &(dyn Fn(Event<'_>) + Sync),
    ) -> Result<PathBuf, HubError> {
        plan.check_room()?;
        if plan.files.iter().any(|file| !is_file_of(&plan.pointer(file), file.size)) {
            // Else a cache that may only be read will do.
            self.prepare(&plan.folder)?;
        }
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        let failure = Mutex::new(None);
        let work = || {
            while !stop.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= plan.files.len() {
                    break;
                }
                match Download::new(self, plan, index, &stop, notify).run() {
                    Ok(()) => notify(Event::Done { file: index }),
                    Err(Halt::Stopped) => break,
                    Err(Halt::Fault(Fault::Lasting(error) | Fault::Passing { error, .. })) => {
                        stop.store(true, Ordering::Relaxed);
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..CONNECTIONS.min(plan.files.len()) {
                scope.spawn(work);
            }
        });
        if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        // Last, so that a name always leads to a snapshot that is whole.
        write_reference(plan)?;
        Ok(plan.model.clone())
    }

    fn prepare(&self, folder: &RepoFolder) -> Result<(), HubError> {
        for path in [folder.folder().join("blobs"), folder.locks()] {
            fs::create_dir_all(&path).map_err(|source| HubError::Io { path, source })?;
        }
        // A courtesy to others; that it cannot be done is no reason to stop.
        let tag = self.cache.root().join("CACHEDIR.TAG");
        if let Ok(mut tag) = File::create_new(tag) {
            drop(tag.write_all(TAG.as_bytes()));
        }
        Ok(())
    }
}

/// Notes which commit a branch is, whole or not at all.
fn write_reference(plan: &Plan) -> Result<(), HubError> {
    if plan.revision.is_commit()
        || plan.folder.commit(&plan.revision)?.as_ref() == Some(&plan.commit)
    {
        return Ok(());
    }
    let path = plan.folder.reference(&plan.revision);
    write_whole(&path, &plan.commit).map_err(|source| HubError::Io { path, source })
}

fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    // Of this thread's own: others may write the same just now.
    let (process, thread) = (std::process::id(), std::thread::current().id());
    let temporary = path.with_added_extension(format!("{process}-{thread:?}.tmp"));
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)
}
