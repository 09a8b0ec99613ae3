//! What happens while files are fetched, for whoever watches.

use std::time::Duration;

use crate::error::HubError;

/// Something that happened. Files are named by their place in [`crate::Plan::files`].
#[derive(Debug)]
pub enum Event<'a> {
    /// So many bytes of what an earlier pull left of a file are counted into its checksum.
    Checking {
        /// Which file.
        file: usize,
        /// Bytes from its beginning.
        bytes: u64,
    },
    /// So many bytes of a file are here and counted into its checksum. It may go back to 0, where a
    /// server begins again or what arrived is damaged.
    Progress {
        /// Which file.
        file: usize,
        /// Bytes from its beginning.
        bytes: u64,
    },
    /// A file is whole, its checksum right, and it has its place in the snapshot.
    Done {
        /// Which file.
        file: usize,
    },
    /// Another process fetches the same file; this one waits for it.
    Waiting {
        /// Which file.
        file: usize,
    },
    /// A file arrived with the wrong checksum and is fetched once more.
    Damaged {
        /// Which file.
        file: usize,
    },
    /// A request failed and is made again after a while.
    Retry {
        /// What is wrong.
        error: &'a HubError,
        /// How long until then.
        wait: Duration,
    },
}
