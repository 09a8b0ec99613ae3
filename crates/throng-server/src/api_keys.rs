//! The keys that clients may ask with, and whose they are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use throng_engine::Tenant;

/// Bytes of a key or a name at most.
const MAX_WORD: usize = 256;
/// A tenant's weight at most: what one weighs more than another is bounded too.
const MAX_WEIGHT: u32 = 1000;

/// Keys and their tenants. Only digests are kept: looking one up takes a time that tells nothing of
/// the keys, and nothing that prints this can print one.
#[derive(Clone)]
pub struct ApiKeys(HashMap<[u8; 32], Tenant>);

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKeys({})", self.0.len())
    }
}

impl ApiKeys {
    /// Reads lines of the form `KEY [NAME [WEIGHT]]`; `#` begins a comment. Keys with one name are
    /// one tenant. Without a name, the tenant of the first key is `key#1`; without a weight, it is 1.
    ///
    /// # Errors
    /// A line is not of this form, says what another contradicts, or no line has a key. Errors name
    /// the line, never the key.
    pub fn parse(text: &str) -> Result<Self, ApiKeysError> {
        let mut keys = HashMap::new();
        let mut weights = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let at = |flaw| ApiKeysError::Line { line: index + 1, flaw };
            let words: Vec<&str> =
                line.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
            let Some((key, rest)) = words.split_first() else { continue };
            let tenant = tenant(rest, keys.len() + 1).map_err(at)?;
            if key.len() > MAX_WORD || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(at(KeyFlaw::Key));
            }
            let weight = *weights.entry(tenant.name.clone()).or_insert(tenant.weight);
            if weight != tenant.weight {
                return Err(at(KeyFlaw::TwoWeights));
            }
            match keys.entry(digest(key)) {
                Entry::Vacant(free) => free.insert(tenant),
                Entry::Occupied(_) => return Err(at(KeyFlaw::Again)),
            };
        }
        if keys.is_empty() { Err(ApiKeysError::None) } else { Ok(Self(keys)) }
    }

    /// Whose key it is.
    pub(crate) fn tenant(&self, key: &str) -> Option<&Tenant> {
        self.0.get(&digest(key))
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key).into()
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
    // No name in the file can be this one.
    let name = name.map_or_else(|| format!("key#{number}"), str::to_owned);
    let weight = weight.parse::<NonZeroU32>().ok().filter(|weight| weight.get() <= MAX_WEIGHT);
    Ok(Tenant { name: Arc::from(name), weight: weight.ok_or(KeyFlaw::Weight)? })
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

    #[test]
    fn a_line_is_a_key_a_name_and_a_weight() {
        let text = "# ours\n\nsk-one\nsk-two alice # her first\n\tsk-three  alice\r\nsk-4 bob 10";
        let keys = ApiKeys::parse(text).unwrap();
        let of = |key: &str| keys.tenant(key).map(|one| (one.name.to_string(), one.weight.get()));
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
