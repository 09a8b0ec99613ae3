//! The two checksums by which the hub names a file's content.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// A checksum in small hexadecimal letters. It is the name of the content in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// Of a file that git itself holds: SHA-1 of `blob SIZE\0` and the content.
    Git(String),
    /// Of a large file: SHA-256 of the content.
    Sha256(String),
}

impl Checksum {
    /// From an `ETag`, quoted or not, or a field of the hub's list: which of the two it is, its
    /// length says. `None` where it is neither.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().trim_start_matches("W/").trim_matches('"');
        if !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        match digits.len() {
            40 => Some(Self::Git(digits.to_owned())),
            64 => Some(Self::Sha256(digits.to_owned())),
            _ => None,
        }
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Git(digits) | Self::Sha256(digits) => digits,
        }
    }

    /// Its name, for messages.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Git(_) => "git SHA-1",
            Self::Sha256(_) => "SHA-256",
        }
    }

    /// Begins to compute it for a content of `size` bytes.
    pub(crate) fn hasher(&self, size: u64) -> Hasher {
        match self {
            Self::Git(_) => Hasher::Git(Sha1::new_with_prefix(format!("blob {size}\0"))),
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
        }
    }
}

/// A checksum in the making.
pub(crate) enum Hasher {
    Git(Sha1),
    Sha256(Sha256),
}

impl Hasher {
    /// The next bytes of the content.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Git(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The digits.
    pub(crate) fn finish(self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Git(hasher) => hex(&hasher.finalize()),
            Self::Sha256(hasher) => hex(&hasher.finalize()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(checksum: &Checksum, content: &[u8]) -> String {
        let mut hasher = checksum.hasher(content.len() as u64);
        content.chunks(3).for_each(|chunk| hasher.update(chunk));
        hasher.finish()
    }

    #[test]
    fn they_are_what_git_and_sha256sum_print() {
        // `printf 'hello\n' | git hash-object --stdin`, and `| sha256sum`.
        let git = Checksum::parse("W/\"ce013625030ba8dba906f756967f9e9ca394464a\"").unwrap();
        assert_eq!(digits(&git, b"hello\n"), git.as_str());
        let hash = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let sha256 = Checksum::parse(hash).unwrap();
        assert_eq!(digits(&sha256, b"hello\n"), sha256.as_str());
        assert_eq!((git.algorithm(), sha256.algorithm()), ("git SHA-1", "SHA-256"));
    }

    #[test]
    fn what_is_no_checksum() {
        let other = ["", "\"\"", "abc", &"0".repeat(41), &"F".repeat(40), &"../".repeat(20)];
        assert!(other.iter().all(|text| Checksum::parse(text).is_none()));
    }
}
