//! The keys that clients may ask with, whose they are, and what each may do.

mod line;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use throng_engine::Tenant;

pub use self::line::KeyFlaw;
use self::line::Line;
use crate::rate_limits::{RateLimits, Used};

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
    /// Those that no file has to list.
    own: Vec<KeyDigest>,
    keys: HashMap<KeyDigest, Key>,
    /// Numbers that nameless keys had so far.
    numbers: usize,
}

/// What is known of a key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key {
    /// Whose it is.
    pub(crate) tenant: Tenant,
    /// How much it may ask.
    pub(crate) limits: RateLimits,
    /// What it has asked. A key that stays when others change keeps it.
    pub(crate) used: Arc<Used>,
    /// Names of models that it may ask; `None`: all.
    pub(crate) models: Option<Arc<[String]>>,
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        write!(f, "ApiKeys({})", ring.keys.len())
    }
}

impl ApiKeys {
    /// Reads lines of the form `KEY [NAME [WEIGHT]] [rpm=N] [tpm=N] [models=NAME,…]`, or with
    /// `sha256:` and the hexadecimal digest of a key in its place; `#` begins a comment. Keys with
    /// one name are one tenant. Without a name, the tenant of the first key is `key#1`; without a
    /// weight, it is 1. `rpm` and `tpm` are requests and tokens a minute; what is not said is not
    /// limited.
    ///
    /// # Errors
    /// A line is not of this form, says what another contradicts, or no line has a key. Errors name
    /// the line, never the key.
    pub fn parse(text: &str) -> Result<Self, ApiKeysError> {
        Self::with_own(&[], Some(text))
    }

    /// The keys of a text, and others besides, which stay when it is replaced. They have neither
    /// names nor limits, unless the text says some.
    ///
    /// # Errors
    /// As [`ApiKeys::parse`], or one of the others is no key.
    pub fn with_own(own: &[String], text: Option<&str>) -> Result<Self, ApiKeysError> {
        let digest = |key: &String| match Line::bare(key) {
            Ok(_) if key.is_empty() => Err(ApiKeysError::Own(KeyFlaw::Key)),
            Ok(line) => Ok(line.digest),
            Err(flaw) => Err(ApiKeysError::Own(flaw)),
        };
        let own = own.iter().map(digest).collect::<Result<Vec<_>, _>>()?;
        let keys = read(text.unwrap_or_default(), &own)?;
        let numbers = keys.len();
        Ok(Self(Arc::new(RwLock::new(Ring { own, keys, numbers }))))
    }

    /// From now on, all clones have the keys of this text. A key that stays keeps what it used of
    /// its limits. A nameless one keeps the name that it had, and no other gets it: what a tenant
    /// left in the prefix cache is found by its name.
    ///
    /// # Errors
    /// As [`ApiKeys::parse`]; then the keys stay as they are.
    pub fn replace(&self, text: &str) -> Result<(), ApiKeysError> {
        let mut ring = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut keys = read(text, &ring.own)?;
        let count = keys.len();
        for (digest, key) in &mut keys {
            let known = ring.keys.get(digest);
            if let Some(known) = known {
                key.used = known.used.clone();
            }
            let Some(number) = number_of(&key.tenant.name) else { continue };
            let known = known.filter(|known| number_of(&known.tenant.name).is_some());
            key.tenant.name = match known {
                Some(known) => known.tenant.name.clone(),
                None => nameless(ring.numbers + number),
            };
        }
        ring.keys = keys;
        ring.numbers += count;
        Ok(())
    }

    /// What is known of a key; `None`: it may ask nothing.
    pub(crate) fn find(&self, key: &str) -> Option<Key> {
        let digest: KeyDigest = Sha256::digest(key).into();
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys.get(&digest).cloned()
    }
}

/// The keys that a text lists, and others.
fn read(text: &str, own: &[KeyDigest]) -> Result<HashMap<KeyDigest, Key>, ApiKeysError> {
    let mut keys = HashMap::new();
    let mut weights = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let at = |flaw| ApiKeysError::Line { line: index + 1, flaw };
        let Some(line) = Line::parse(line).map_err(at)? else { continue };
        let name = line.name.unwrap_or_else(|| nameless(keys.len() + 1));
        if *weights.entry(name.clone()).or_insert(line.weight) != line.weight {
            return Err(at(KeyFlaw::TwoWeights));
        }
        let key = Key {
            tenant: Tenant { name, weight: line.weight },
            limits: line.limits,
            models: line.models,
            ..Key::default()
        };
        match keys.entry(line.digest) {
            Entry::Vacant(free) => free.insert(key),
            Entry::Occupied(_) => return Err(at(KeyFlaw::Again)),
        };
    }
    for digest in own {
        let name = nameless(keys.len() + 1);
        let tenant = Tenant { name, ..Tenant::default() };
        keys.entry(*digest).or_insert(Key { tenant, ..Key::default() });
    }
    if keys.is_empty() { Err(ApiKeysError::None) } else { Ok(keys) }
}

/// The name of a key without one.
fn nameless(number: usize) -> Arc<str> {
    format!("{NAMELESS}{number}").into()
}

/// The number of a key without a name.
fn number_of(name: &str) -> Option<usize> {
    name.strip_prefix(NAMELESS)?.parse().ok()
}

/// A list of keys that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeysError {
    /// With no key nobody could ask anything.
    #[error("there is no key in it")]
    None,
    /// One that was given by itself is none.
    #[error("{0}")]
    Own(KeyFlaw),
    /// A line is not as it should be.
    #[error("line {line}: {flaw}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        flaw: KeyFlaw,
    },
}
