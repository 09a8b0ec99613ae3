//! Models in several GGUF files: `NAME-00001-of-00003.gguf` and so on.

use super::EXTENSION;
use super::metadata::Metadata;
use crate::error::CheckpointError;

const NUMBER: &str = "split.no";
const COUNT: &str = "split.count";
const MAX_FILES: usize = 1 << 16;

/// The names of the other files of a model, given its first.
pub(super) fn others(metadata: &Metadata<'_>, name: &str) -> Result<Vec<String>, CheckpointError> {
    let count = metadata.index(COUNT, MAX_FILES)?.unwrap_or(1);
    if count <= 1 {
        return Ok(Vec::new());
    }
    check(metadata, 0)?;
    let ending = ending(1, count);
    let stem = name.strip_suffix(&ending).ok_or_else(|| {
        metadata.invalid(COUNT, &count.to_string(), &format!("a file whose name ends in {ending}"))
    })?;
    Ok((2..=count).map(|number| format!("{stem}{}", self::ending(number, count))).collect())
}

/// Checks that a file is the one of this number, counted from 0.
pub(super) fn check(metadata: &Metadata<'_>, number: usize) -> Result<(), CheckpointError> {
    match metadata.index(NUMBER, MAX_FILES)? {
        Some(found) if found == number => Ok(()),
        Some(found) => Err(metadata.invalid(NUMBER, &found.to_string(), &number.to_string())),
        None => Err(metadata.missing(NUMBER)),
    }
}

fn ending(number: usize, count: usize) -> String {
    format!("-{number:05}-of-{count:05}{EXTENSION}")
}

/// Whether a name is that of a file of a split model other than the first.
pub(crate) fn is_continuation(name: &str) -> bool {
    let mut parts = name.trim_end_matches(EXTENSION).rsplitn(4, '-');
    let (count, of, number) = (parts.next(), parts.next(), parts.next());
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    of == Some("of")
        && count.is_some_and(digits)
        && number.is_some_and(digits)
        && number != Some("00001")
}

#[cfg(test)]
mod tests {
    use super::is_continuation;

    #[test]
    fn the_first_file_stands_for_all() {
        assert!(is_continuation("a-b-00002-of-00003.gguf"));
        for name in ["a-00001-of-00003.gguf", "a-00002.gguf", "a.gguf", "00002-of-3.gguf"] {
            assert!(!is_continuation(name), "{name}");
        }
    }
}
