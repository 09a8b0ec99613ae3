//! The KV cache's bookkeeping: which blocks are whose, and which prefixes they hold. Integers only;
//! the bytes are the model's.
//!
//! `pool.rs` counts the holders of blocks, `kept.rs` says which of those that nobody holds goes
//! first, `prefix_cache.rs` finds blocks by what they hold, `reuse.rs` learns when that comes again, and
//! `table.rs` is what one running sequence holds of it all.

mod drafted;
mod kept;
mod pool;
mod prefix;
mod prefix_cache;
mod reuse;
mod table;

pub(crate) use prefix::Salt;
pub(crate) use prefix_cache::PrefixCache;
pub(crate) use table::{BlockTable, SharedCache};
