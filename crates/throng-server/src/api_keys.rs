//! The keys that clients may ask with, and whose they are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use throng_engine::Tenant;

/// Bytes of a key or a name at most.
const MAX_WORD: usize = 256;
/// A tenant's weight at most: what one weighs more than another is bounded too.
const MAX_WEIGHT: u32 = 1000;
/// What a line begins with that has a key's SHA-256 in the key's place.
const HASHED: &str = "sha256:";
/// No name in a file can begin so.
const NAMELESS: &str = "key#";

/// SHA-256 of a key. Keys are drawn at random, so none can be found by trying likely ones, and a
/// hash that is slow on purpose would only slow the server.
type KeyDigest = [u8; 32];

/// Keys and their tenants; clones share them. Only digests are kept: looking one up takes a time
/// that tells nothing of the keys, and nothing that prints this can print one.
#[derive(Clone)]
pub struct ApiKeys(Arc<RwLock<Ring>>);

/// The keys of a moment.
struct Ring {
    tenants: HashMap<KeyDigest, Tenant>,
    /// Numbers that nameless keys had so far.
    numbers: usize,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "ApiKeys({})", ring.tenants.len())
    }
}

impl ApiKeys {
    /// Reads lines of the form `KEY [NAME [WEIGHT]]`, or with `sha256:` and the hexadecimal digest
    /// of a key in its place; `#` begins a comment. Keys with one name are one tenant. Without a
    /// name, the tenant of the first key is `key#1`; without a weight, it is 1.
    ///
    /// # Errors
    /// A line is not of this form, says what another contradicts, or no line has a key. Errors name
    /// the line, never the key.
    pub fn parse(text: &str) -> Result<Self, ApiKeysError> {
        let tenants = read(text)?;
        let numbers = tenants.len();
        Ok(Self(Arc::new(RwLock::new(Ring { tenants, numbers }))))
    }

    /// From now on, all clones have the keys of this text. A nameless key keeps the name that it
    /// had, and no other gets it: what a tenant left in the prefix cache is found by its name.
    ///
    /// # Errors
    /// As [`ApiKeys::parse`]; then the keys stay as they are.
    pub fn replace(&self, text: &str) -> Result<(), ApiKeysError> {
        let mut tenants = read(text)?;
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let count = tenants.len();
        for (digest, tenant) in &mut tenants {
            let Some(number) = number_of(&tenant.name) else { continue };
            let known = ring.tenants.get(digest).filter(|known| number_of(&known.name).is_some());
            tenant.name = match known {
                Some(known) => known.name.clone(),
                None => nameless(ring.numbers + number),
            };
        }
        *ring = Ring { tenants, numbers: ring.numbers + count };
        Ok(())
    }

    /// Whose key it is.
    pub(crate) fn tenant(&self, key: &str) -> Option<Tenant> {
        let digest: KeyDigest = Sha256::digest(key).into();
        self.0.read().unwrap_or_else(PoisonError::into_inner).tenants.get(&digest).cloned()
    }
}

/// The tenants of the keys that a text lists.
fn read(text: &str) -> Result<HashMap<KeyDigest, Tenant>, ApiKeysError> {
    let mut keys = HashMap::new();
    let mut weights = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let at = |flaw| ApiKeysError::Line { line: index + 1, flaw };
        let words: Vec<&str> =
            line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
        let Some((key, rest)) = words.split_first() else { continue };
        let tenant = tenant(rest, keys.len() + 1).map_err(at)?;
        let digest = digest(key).map_err(at)?;
        let weight = *weights.entry(tenant.name.clone()).or_insert(tenant.weight);
        if weight != tenant.weight {
            return Err(at(KeyFlaw::TwoWeights));
        }
        match keys.entry(digest) {
            Entry::Vacant(free) => free.insert(tenant),
            Entry::Occupied(_) => return Err(at(KeyFlaw::Again)),
        };
    }
    if keys.is_empty() { Err(ApiKeysError::None) } else { Ok(keys) }
}

/// The digest of the key that a line begins with, as itself or as its digest.
fn digest(word: &str) -> Result<KeyDigest, KeyFlaw> {
    let Some(digits) = word.strip_prefix(HASHED) else {
        let sendable = word.len() <= MAX_WORD && word.bytes().all(|byte| byte.is_ascii_graphic());
        return if sendable { Ok(Sha256::digest(word).into()) } else { Err(KeyFlaw::Key) };
    };
    let mut digest = KeyDigest::default();
    if digits.len() != 2 * digest.len() {
        return Err(KeyFlaw::Digest);
    }
    for (byte, pair) in digest.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        for &digit in pair {
            let value = char::from(digit).to_digit(16).ok_or(KeyFlaw::Digest)?;
            *byte = (*byte << 4) | value as u8;
        }
    }
    Ok(digest)
}

/// The name of a key without one.
fn nameless(number: usize) -> Arc<str> {
    format!("{NAMELESS}{number}").into()
}

/// The number of a key without a name.
fn number_of(name: &str) -> Option<usize> {
    name.strip_prefix(NAMELESS)?.parse().ok()
}

/// The tenant that the words after a key say, which is the file's key number `number`.
fn tenant(words: &[&str], number: usize) -> Result<Tenant, KeyFlaw> {
    let (name, weight) = match words {
        [] => (None, "1"),
        [name] => (Some(*name), "1"),
        [name, weight] => (Some(*name), *weight),
        _ => return Err(KeyFlaw::Words),
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if name.is_some_and(|name| name.len() > MAX_WORD || !name.bytes().all(plain)) {
        return Err(KeyFlaw::Name);
    }
    let name = name.map_or_else(|| nameless(number), Arc::from);
    let weight = weight.parse::<NonZeroU32>().ok().filter(|weight| weight.get() <= MAX_WEIGHT);
    Ok(Tenant { name, weight: weight.ok_or(KeyFlaw::Weight)? })
}

/// A list of keys that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeysError {
    /// With no key nobody could ask anything.
    #[error("there is no key in it")]
    None,
    /// A line is not as it should be.
    #[error("line {line}: {flaw}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        flaw: KeyFlaw,
    },
}

/// What is wrong with a line of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFlaw {
    /// The key cannot be sent in a header, or is too long.
    #[error("a key is up to {MAX_WORD} printable ASCII characters")]
    Key,
    /// `sha256:` and no digest.
    #[error("sha256: is followed by the 64 hexadecimal digits of a key's SHA-256")]
    Digest,
    /// The name would not be one in metrics.
    #[error("a name is up to {MAX_WORD} letters, digits and any of - _ . @")]
    Name,
    /// The weight is no whole number, or out of range.
    #[error("a weight is a whole number from 1 to {MAX_WEIGHT}")]
    Weight,
    /// There are more than three words.
    #[error("something follows the weight")]
    Words,
    /// The key was in an earlier line.
    #[error("the key is there already")]
    Again,
    /// The same tenant has another weight in an earlier line.
    #[error("the tenant has another weight in an earlier line")]
    TwoWeights,
}

#[cfg(test)]
mod tests {
    use super::{ApiKeys, ApiKeysError, KeyFlaw};

    fn of(keys: &ApiKeys, key: &str) -> Option<(String, u32)> {
        keys.tenant(key).map(|tenant| (tenant.name.to_string(), tenant.weight.get()))
    }

    #[test]
    fn a_digest_stands_for_its_key_and_is_none_itself() {
        // By sha256sum.
        let digits = "cb026fa8b5113bf6f9e2e757b1c244fb6be715cb824a0c9bcd78b68ee16060ce";
        let digest = format!("sha256:{digits}");
        for line in [format!("{digest} eve 5"), format!("sha256:{} eve 5", digits.to_uppercase())] {
            let keys = ApiKeys::parse(&line).unwrap();
            assert_eq!(of(&keys, "sk-five"), Some(("eve".to_owned(), 5)));
            assert_eq!((of(&keys, &digest), of(&keys, digits)), (None, None));
        }
        let twice = ApiKeys::parse(&format!("sk-five\n{digest}")).unwrap_err();
        assert_eq!(twice, ApiKeysError::Line { line: 2, flaw: KeyFlaw::Again });
    }

    #[test]
    fn keys_are_replaced_in_all_clones_and_no_name_passes_to_another_key() {
        let keys = ApiKeys::parse("sk-a\nsk-b\nsk-c carol").unwrap();
        let clone = keys.clone();
        keys.replace("sk-b\nsk-new\nsk-c carol 3\nsk-a anna").unwrap();
        let name = |key: &str| of(&clone, key).map(|(name, _)| name);
        assert_eq!(name("sk-a"), Some("anna".to_owned()));
        assert_eq!(name("sk-b"), Some("key#2".to_owned()));
        assert_eq!(name("sk-new"), Some("key#5".to_owned()), "3 were there, and it is the second");
        assert_eq!(of(&clone, "sk-c"), Some(("carol".to_owned(), 3)));
        keys.replace("sk-a\nsk-other").unwrap();
        assert_eq!(name("sk-b"), None);
        let (one, other) = (name("sk-a").unwrap(), name("sk-other").unwrap());
        let before = ["key#1", "key#2", "key#5", one.as_str()];
        assert!(!before[..3].contains(&&*one) && !before.contains(&&*other), "{one} {other}");
        assert_eq!(keys.replace("# nobody"), Err(ApiKeysError::None));
        assert_eq!(name("sk-a"), Some(one), "as it was");
    }

    #[test]
    fn a_line_is_a_key_a_name_and_a_weight() {
        let text = "# ours\n\nsk-one\nsk-two alice # her first\n\tsk-three  alice\r\nsk-4 bob 10";
        let keys = ApiKeys::parse(text).unwrap();
        let of = |key: &str| of(&keys, key);
        assert_eq!(of("sk-one"), Some(("key#1".to_owned(), 1)));
        assert_eq!(of("sk-two"), Some(("alice".to_owned(), 1)));
        assert_eq!(of("sk-three"), of("sk-two"));
        assert_eq!(of("sk-4"), Some(("bob".to_owned(), 10)));
        for other in ["", "sk-", "sk-one ", "SK-ONE", "#", "alice"] {
            assert_eq!(of(other), None, "{other:?}");
        }
        assert_eq!(format!("{keys:?}"), "ApiKeys(4)");
    }

    #[test]
    fn every_line_is_checked_and_no_error_says_a_key() {
        let long = "x".repeat(300);
        let cases = [
            ("sécret".to_owned(), KeyFlaw::Key),
            ("secret\u{7f}".to_owned(), KeyFlaw::Key),
            (long.clone(), KeyFlaw::Key),
            ("sha256:secret".to_owned(), KeyFlaw::Digest),
            (format!("sha256:{}g", "0".repeat(63)), KeyFlaw::Digest),
            (format!("sha256:+{}", "0".repeat(63)), KeyFlaw::Digest),
            ("secret a\"b".to_owned(), KeyFlaw::Name),
            (format!("secret {long}"), KeyFlaw::Name),
            ("secret a 0".to_owned(), KeyFlaw::Weight),
            ("secret a -1".to_owned(), KeyFlaw::Weight),
            ("secret a 1.5".to_owned(), KeyFlaw::Weight),
            ("secret a 1001".to_owned(), KeyFlaw::Weight),
            ("secret a 1 2".to_owned(), KeyFlaw::Words),
            ("first b".to_owned(), KeyFlaw::Again),
            ("secret one 3".to_owned(), KeyFlaw::TwoWeights),
        ];
        for (line, flaw) in cases {
            let error = ApiKeys::parse(&format!("first one 2\n{line}\n")).unwrap_err();
            assert_eq!(error, ApiKeysError::Line { line: 2, flaw }, "{line}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert_eq!(ApiKeys::parse("# none\n \n").unwrap_err(), ApiKeysError::None);
    }
}
