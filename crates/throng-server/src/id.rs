//! Names for answers, that none had before.

use std::hash::{BuildHasher, RandomState};

/// 64 random bits from the system. Good for names and for seeds that nobody chose, not for secrets.
pub(crate) fn random() -> u64 {
    // The standard library keys each `RandomState` differently, from the system's randomness.
    RandomState::new().hash_one(())
}

/// A new name such as `chatcmpl-0123456789abcdef0123456789abcdef`.
pub(crate) fn unique(prefix: &str) -> String {
    format!("{prefix}-{:016x}{:016x}", random(), random())
}

/// The same as newer endpoints write it, such as `resp_0123456789abcdef0123456789abcdef`.
pub(crate) fn underscored(prefix: &str) -> String {
    format!("{prefix}_{:016x}{:016x}", random(), random())
}
