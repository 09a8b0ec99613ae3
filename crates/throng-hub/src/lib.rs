//! Model repositories of the Hugging Face hub, and its cache on disk.
//!
//! A repository's name goes in, a folder (or a GGUF file) of the cache comes out. The cache is laid
//! out as Python's `huggingface_hub` lays it out, so each can use what the other has fetched:
//!
//! ```text
//! models--ORG--NAME/refs/main                  the commit that `main` was when it was last asked
//! models--ORG--NAME/blobs/CHECKSUM             the content of a file
//! models--ORG--NAME/blobs/CHECKSUM.incomplete  the first part of one
//! models--ORG--NAME/snapshots/COMMIT/FILE      a link to ../../blobs/CHECKSUM
//! .locks/models--ORG--NAME/CHECKSUM.lock       held by whoever fetches that file
//! ```
//!
//! Nothing here knows what a model is, beyond which file names belong to one.

mod cache;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
mod gguf;
mod hint;
mod reference;
mod selection;
mod settings;

pub use cache::Cache;
pub use error::HubError;
#[cfg(feature = "fetch")]
pub use fetch::{Checksum, Event, Hub, Plan, PlannedFile};
pub use reference::{Reference, RepoId, RepoPath, Revision};
pub use settings::{Settings, Token};
