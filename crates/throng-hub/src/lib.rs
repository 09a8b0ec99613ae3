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
mod gguf;
mod hint;
mod reference;
mod selection;
mod settings;

#[cfg(feature = "fetch")]
mod checksum;
#[cfg(feature = "fetch")]
mod client;
#[cfg(feature = "fetch")]
mod disk;
#[cfg(feature = "fetch")]
mod download;
#[cfg(feature = "fetch")]
mod event;
#[cfg(feature = "fetch")]
mod hub;
#[cfg(feature = "fetch")]
mod listing;
#[cfg(feature = "fetch")]
mod part;
#[cfg(feature = "fetch")]
mod patience;
#[cfg(feature = "fetch")]
mod pattern;
#[cfg(feature = "fetch")]
mod plan;
#[cfg(feature = "fetch")]
mod refusal;
#[cfg(feature = "fetch")]
mod url;

pub use cache::Cache;
pub use error::HubError;
pub use reference::{Reference, RepoId, RepoPath, Revision};
pub use settings::{Settings, Token};

#[cfg(feature = "fetch")]
pub use checksum::Checksum;
#[cfg(feature = "fetch")]
pub use event::Event;
#[cfg(feature = "fetch")]
pub use hub::Hub;
#[cfg(feature = "fetch")]
pub use plan::{Plan, PlannedFile};
