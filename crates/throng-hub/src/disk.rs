//! Room on the disk.

use std::path::Path;

/// Bytes that may still be written below a folder that need not exist yet; `None` where the system
/// does not say.
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    folder.ancestors().find(|folder| folder.is_dir()).and_then(free)
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}
