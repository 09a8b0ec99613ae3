//! GGUF models by their file names: which parts belong together, and which model a person means.

use std::collections::BTreeMap;

use crate::reference::RepoPath;

/// A model in one file or in several parts.
#[derive(Debug)]
pub(crate) struct GgufModel<'a> {
    /// Its path without the part's number and without `.gguf`.
    pub(crate) stem: String,
    /// Its files, the first part first.
    pub(crate) parts: Vec<&'a RepoPath>,
    /// How many files its names promise.
    pub(crate) expected: usize,
}

/// The models among these files, in the order of their names. Projectors of vision models
/// (`mmproj`) and importance matrices are no models.
pub(crate) fn models(files: &[RepoPath]) -> Vec<GgufModel<'_>> {
    let mut models: BTreeMap<(String, usize), BTreeMap<usize, &RepoPath>> = BTreeMap::new();
    for file in files {
        let Some(stem) = strip_extension(file.as_str()) else { continue };
        let name = file.file_name().to_ascii_lowercase();
        if name.contains("mmproj") || name.contains("imatrix") {
            continue;
        }
        let (stem, part, parts) = split(stem).unwrap_or((stem, 1, 1));
        models.entry((stem.to_owned(), parts)).or_default().insert(part, file);
    }
    models
        .into_iter()
        .map(|((stem, expected), parts)| GgufModel {
            stem,
            parts: parts.into_values().collect(),
            expected,
        })
        .collect()
}

impl GgufModel<'_> {
    /// Whether `wanted` names it: a path of one of its files, or its type, in any case of letters.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        let wanted = wanted.strip_prefix("./").unwrap_or(wanted);
        let is_path = self.parts.iter().any(|part| part.as_str() == wanted);
        is_path || self.stem.eq_ignore_ascii_case(wanted) || has_word(&self.stem, wanted)
    }

    /// The type that its name ends in, such as `Q4_K_M`.
    pub(crate) fn type_name(&self) -> Option<&str> {
        let name = self.stem.rsplit('/').next()?;
        name.rsplit(['-', '.']).find(|word| is_type(word))
    }
}

fn strip_extension(path: &str) -> Option<&str> {
    let (stem, extension) = path.rsplit_once('.')?;
    extension.eq_ignore_ascii_case("gguf").then_some(stem)
}

/// `NAME-00002-of-00003` is part 2 of 3 of NAME.
fn split(stem: &str) -> Option<(&str, usize, usize)> {
    let (head, parts) = stem.rsplit_once("-of-")?;
    let (name, part) = head.rsplit_once('-')?;
    let number = |digits: &str| {
        let is_number = digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.parse::<usize>().ok()).flatten()
    };
    let (part, parts) = (number(part)?, number(parts)?);
    (1..=parts).contains(&part).then_some((name, part, parts))
}

/// Whether `word` stands in `text` by itself: `Q4_K` does not stand in `IQ4_K` or in `Q4_K_M`.
fn has_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.to_ascii_lowercase(), word.to_ascii_lowercase());
    !word.is_empty()
        && text.match_indices(&word).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric)
                && !after.is_some_and(|c| c.is_alphanumeric() || c == '_')
        })
}

fn is_type(word: &str) -> bool {
    let word = word.to_ascii_uppercase();
    let quantised = ["IQ", "TQ", "Q"].iter().any(|kind| {
        word.strip_prefix(kind).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    quantised || ["F32", "F16", "BF16", "MXFP4"].contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Vec<RepoPath> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn parts_make_one_model() {
        let files = files(&[
            "b-Q8_0-00002-of-00002.gguf",
            "README.md",
            "a-f16.GGUF",
            "mmproj-a-f16.gguf",
            "b-Q8_0-00001-of-00002.gguf",
            "c-00001-of-00009.gguf",
            "odd-00009-of-00002.gguf",
        ]);
        let models = models(&files);
        let found: Vec<_> =
            models.iter().map(|m| (m.stem.as_str(), m.parts.len(), m.expected)).collect();
        let expected =
            [("a-f16", 1, 1), ("b-Q8_0", 2, 2), ("c", 1, 9), ("odd-00009-of-00002", 1, 1)];
        assert_eq!(found, expected);
        assert_eq!(models[1].parts[0].as_str(), "b-Q8_0-00001-of-00002.gguf");
        assert_eq!(models[1].type_name(), Some("Q8_0"));
        assert_eq!(models[0].type_name(), Some("f16"));
        assert_eq!(models[2].type_name(), None);
    }

    #[test]
    fn a_type_is_a_whole_word() {
        let files = files(&["UD-Q4_K_XL/m-UD-Q4_K_XL-00001-of-00001.gguf"]);
        let model = &models(&files)[0];
        assert!(model.is("Q4_K_XL") && model.is("ud-q4_k_xl"));
        assert!(model.is("UD-Q4_K_XL/m-UD-Q4_K_XL-00001-of-00001.gguf"));
        assert!(!model.is("Q4_K") && !model.is("4_K_XL") && !model.is(""));
    }
}
