//! One file: what is missing of it is fetched, all of it is checked, and it gets its place.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ureq::Body;
use ureq::http::{Response, StatusCode};

use super::event::Event;
use super::hub::Hub;
use super::part::Part;
use super::patience::{Fault, Patience};
use super::plan::{Plan, PlannedFile, is_file_of};
use super::refusal::{Subject, header};
use crate::error::HubError;

/// Bytes that are read, hashed and written at a time.
const CHUNK: usize = 256 << 10;

/// Why a download did not come to its end.
pub(crate) enum Halt {
    /// Another file failed.
    Stopped,
    /// This one did.
    Fault(Fault),
}

impl From<HubError> for Halt {
    fn from(error: HubError) -> Self {
        Self::Fault(Fault::Lasting(error))
    }
}

/// The fetching of one file of a plan.
pub(crate) struct Download<'a> {
    hub: &'a Hub,
    plan: &'a Plan,
    index: usize,
    file: &'a PlannedFile,
    stop: &'a AtomicBool,
    notify: &'a (dyn Fn(Event<'_>) + Sync),
}

impl<'a> Download<'a> {
    pub(crate) fn new(
        hub: &'a Hub,
        plan: &'a Plan,
        index: usize,
        stop: &'a AtomicBool,
        notify: &'a (dyn Fn(Event<'_>) + Sync),
    ) -> Self {
        Self { hub, plan, index, file: &plan.files[index], stop, notify }
    }

    /// Fetches, checks and links. Other processes wait, and find it done.
    pub(crate) fn run(&self) -> Result<(), Halt> {
        let (file, folder) = (self.file, &self.plan.folder);
        let pointer = self.plan.pointer(file);
        if !is_file_of(&pointer, file.size) {
            let _lock = self.lock()?;
            let blob = folder.blob(&file.checksum);
            if !is_file_of(&blob, file.size) {
                self.fetch(blob.clone())?;
            }
            link(&blob, &pointer, file.path.as_str()).map_err(|source| io(&pointer, source))?;
        }
        self.progress(file.size)
    }

    /// The lock that Python's library takes, too. A file system without locks goes without:
    /// whatever two processes then do to one file, its checksum tells.
    fn lock(&self) -> Result<File, HubError> {
        let path = self.plan.folder.lock(&self.file.checksum);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(|source| io(&path, source))?;
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            (self.notify)(Event::Waiting { file: self.index });
            lock.lock().map_err(|source| io(&path, source))?;
        }
        Ok(lock)
    }

    /// Completes the partial file and makes it the blob. Content with the wrong checksum is thrown
    /// away; it may have been wrong since an earlier day, so the whole is fetched once more before
    /// that is an error.
    fn fetch(&self, blob: PathBuf) -> Result<(), Halt> {
        let (file, partial) = (self.file, self.plan.folder.partial(&self.file.checksum));
        let mut part = Part::open(partial, file.size, file.checksum.clone())?;
        let mut buffer = vec![0; CHUNK];
        while part.take_in(&mut buffer)? {
            self.tell(Event::Checking { file: self.index, bytes: part.bytes() })?;
        }
        for is_last in [false, true] {
            self.complete(&mut part, &mut buffer)?;
            let found = part.digits();
            let expected = file.checksum.as_str();
            if found == expected {
                return Ok(part.settle(blob)?);
            }
            if is_last {
                part.remove()?;
                let (file, expected) = (file.path.to_string(), expected.to_owned());
                let algorithm = self.file.checksum.algorithm();
                return Err(HubError::Corrupt { file, algorithm, expected, found }.into());
            }
            (self.notify)(Event::Damaged { file: self.index });
            part.restart()?;
        }
        Ok(())
    }

    /// Fetches until the size is reached, over as many connections as it takes.
    fn complete(&self, part: &mut Part, buffer: &mut [u8]) -> Result<(), Halt> {
        let mut patience = Patience::new(self.hub.first_wait);
        let mut furthest = part.bytes();
        while part.missing() > 0 {
            let Err(halt) = self.transfer(part, buffer) else { continue };
            let Halt::Fault(fault) = halt else { return Err(halt) };
            // Only what is new counts: a server that always begins again and always breaks off
            // gets nowhere.
            if part.bytes() > furthest {
                furthest = part.bytes();
                patience.renew();
            }
            patience.bear(fault, self.notify)?;
        }
        Ok(())
    }

    /// One request, from what is here to the end or until the connection breaks.
    fn transfer(&self, part: &mut Part, buffer: &mut [u8]) -> Result<(), Halt> {
        let Plan { repo, revision, commit, .. } = self.plan;
        let path = &self.file.path;
        let url = self.hub.client.endpoint.file(repo, commit, path);
        let subject = Subject { repo, revision, file: Some(path) };
        let response = self.hub.client.file(&url, part.bytes(), subject).map_err(Halt::Fault)?;
        match self.first_byte(&response)? {
            Some(first) if first == part.bytes() => {}
            Some(0) => part.restart()?,
            _ => {
                part.restart()?;
                return Err(self.broken("it has not the range asked for"));
            }
        }
        let mut body = response.into_body().into_reader();
        while part.missing() > 0 {
            let room = usize::try_from(part.missing()).unwrap_or(CHUNK).min(CHUNK);
            match body.read(&mut buffer[..room]) {
                Ok(0) => return Err(self.broken("the connection was cut")),
                Ok(bytes) => part.push(&buffer[..bytes])?,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.broken(&error.to_string())),
            }
            self.progress(part.bytes())?;
        }
        Ok(())
    }

    /// Where the answer begins; `None` where the server has no such byte.
    fn first_byte(&self, response: &Response<Body>) -> Result<Option<u64>, HubError> {
        let headers = response.headers();
        let (first, total) = match response.status() {
            StatusCode::RANGE_NOT_SATISFIABLE => return Ok(None),
            StatusCode::PARTIAL_CONTENT => {
                match header(headers, "content-range").and_then(content_range) {
                    Some((first, total)) => (first, Some(total)),
                    None => return Ok(None),
                }
            }
            _ => (0, header(headers, "content-length").and_then(|text| text.trim().parse().ok())),
        };
        match total {
            Some(found) if found != self.file.size => {
                let (file, expected) = (self.file.path.to_string(), self.file.size);
                Err(HubError::WrongSize { file, expected, found })
            }
            _ => Ok(Some(first)),
        }
    }

    fn broken(&self, reason: &str) -> Halt {
        let error =
            HubError::BrokenOff { file: self.file.path.to_string(), reason: reason.to_owned() };
        Halt::Fault(Fault::Passing { error, wait: None })
    }

    fn progress(&self, bytes: u64) -> Result<(), Halt> {
        self.tell(Event::Progress { file: self.index, bytes })
    }

    fn tell(&self, event: Event<'_>) -> Result<(), Halt> {
        (self.notify)(event);
        if self.stop.load(Ordering::Relaxed) { Err(Halt::Stopped) } else { Ok(()) }
    }
}

/// First byte and size of the whole, from `bytes FIRST-LAST/TOTAL`.
fn content_range(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, total.trim().parse().ok()?))
}

/// Puts a link to a blob into the snapshot, in place of one that leads nowhere. Where there are no
/// links the blob itself moves there, as in Python's library.
fn link(blob: &Path, pointer: &Path, name: &str) -> std::io::Result<()> {
    if let Some(folder) = pointer.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(pointer) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Out of the file's folders, the commit's and `snapshots`.
    let up = "../".repeat(name.matches('/').count() + 2);
    let target = Path::new(&up).join("blobs").join(blob.file_name().unwrap_or_default());
    symlink(&target, pointer).or_else(|_| fs::rename(blob, pointer))
}

#[cfg(unix)]
use std::os::unix::fs::symlink;

#[cfg(windows)]
use std::os::windows::fs::symlink_file as symlink;

fn io(path: &Path, source: std::io::Error) -> HubError {
    HubError::Io { path: path.to_owned(), source }
}
