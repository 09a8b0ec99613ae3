//! A line of a file of keys: `KEY [NAME [WEIGHT]] [rpm=N] [tpm=N] [models=NAME,…]`.

use std::num::NonZeroU32;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::KeyDigest;
use crate::rate_limits::RateLimits;

/// Bytes of a key or a name at most.
const MAX_WORD: usize = 256;
/// A tenant's weight at most: what one weighs more than another is bounded too.
const MAX_WEIGHT: u32 = 1000;
/// What a line begins with that has a key's SHA-256 in the key's place.
const HASHED: &str = "sha256:";

/// What a line says.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) digest: KeyDigest,
    /// Whose key it is.
    pub(super) name: Option<Arc<str>>,
    pub(super) weight: NonZeroU32,
    pub(super) limits: RateLimits,
    /// Names of models that it may ask; `None`: all.
    pub(super) models: Option<Arc<[String]>>,
}

impl Line {
    /// A key with nothing else said of it.
    ///
    /// # Errors
    /// It is no key.
    pub(super) fn bare(key: &str) -> Result<Self, KeyFlaw> {
        let (limits, models) = (RateLimits::default(), None);
        Ok(Self { digest: digest(key)?, name: None, weight: NonZeroU32::MIN, limits, models })
    }

    /// Reads a line; `None`: there is no key in it.
    ///
    /// # Errors
    /// It is not of the form.
    pub(super) fn parse(line: &str) -> Result<Option<Self>, KeyFlaw> {
        let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        let Some(key) = words.next() else { return Ok(None) };
        // Neither names nor weights have an equals sign.
        let (settings, tenant): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
        let mut line = Self::bare(key)?;
        match tenant.as_slice() {
            [] => {}
            [name] => line.name = Some(self::name(name)?),
            [name, weight] => {
                line.name = Some(self::name(name)?);
                line.weight = self::weight(weight)?;
            }
            _ => return Err(KeyFlaw::Words),
        }
        for setting in settings {
            line.set(setting)?;
        }
        Ok(Some(line))
    }

    fn set(&mut self, setting: &str) -> Result<(), KeyFlaw> {
        let (name, value) = setting.split_once('=').ok_or(KeyFlaw::Setting)?;
        let twice = match name {
            "rpm" => self.limits.requests.replace(rate(value)?).is_some(),
            "tpm" => self.limits.tokens.replace(rate(value)?).is_some(),
            "models" => self.models.replace(models(value)?).is_some(),
            _ => return Err(KeyFlaw::Setting),
        };
        if twice { Err(KeyFlaw::SettingTwice) } else { Ok(()) }
    }
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

fn name(word: &str) -> Result<Arc<str>, KeyFlaw> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    let fits = word.len() <= MAX_WORD && word.bytes().all(plain);
    if fits { Ok(word.into()) } else { Err(KeyFlaw::Name) }
}

fn weight(word: &str) -> Result<NonZeroU32, KeyFlaw> {
    let weight = word.parse::<NonZeroU32>().ok().filter(|weight| weight.get() <= MAX_WEIGHT);
    weight.ok_or(KeyFlaw::Weight)
}

fn rate(word: &str) -> Result<NonZeroU32, KeyFlaw> {
    word.parse().map_err(|_| KeyFlaw::Rate)
}

fn models(word: &str) -> Result<Arc<[String]>, KeyFlaw> {
    let fits = |name: &&str| {
        (1..=MAX_WORD).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let names = word.split(',').map(|name| Some(name).filter(fits).map(str::to_owned));
    names.collect::<Option<_>>().ok_or(KeyFlaw::Models)
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
    /// A word with an equals sign has another name before it.
    #[error("a setting is rpm=N, tpm=N or models=NAME,NAME")]
    Setting,
    /// A setting is there twice.
    #[error("a setting is there twice")]
    SettingTwice,
    /// A limit is no whole number, or out of range.
    #[error("rpm and tpm are whole numbers from 1 to {}", u32::MAX)]
    Rate,
    /// A model's name is empty, too long or cannot be one.
    #[error("models are names of up to {MAX_WORD} printable ASCII characters, with commas between")]
    Models,
    /// The key was in an earlier line.
    #[error("the key is there already")]
    Again,
    /// The same tenant has another weight in an earlier line.
    #[error("the tenant has another weight in an earlier line")]
    TwoWeights,
}
