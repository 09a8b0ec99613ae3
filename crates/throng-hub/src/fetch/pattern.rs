//! Files chosen by patterns rather than by what a model needs.

use crate::error::HubError;
use crate::reference::{RepoId, RepoPath};
use crate::selection::{MAX_CHOICES, Selection};

/// The files that any of the patterns match: `*` is any text, slashes included, `?` any character.
///
/// # Errors
/// A pattern matches none.
pub(crate) fn include(
    repo: &RepoId,
    files: &[RepoPath],
    patterns: &[String],
) -> Result<Selection, HubError> {
    let fits = |pattern: &String, file: &RepoPath| matches(pattern, file.as_str());
    if let Some(idle) = patterns.iter().find(|p| !files.iter().any(|file| fits(p, file))) {
        let choices = files.iter().take(MAX_CHOICES).map(ToString::to_string).collect();
        return Err(HubError::NoMatch { repo: repo.to_string(), wanted: idle.clone(), choices });
    }
    let wanted = files.iter().filter(|file| patterns.iter().any(|p| fits(p, file)));
    Ok(Selection { files: wanted.cloned().collect(), opens: None })
}

fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last star does not fit: the star takes one more.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => (p, t) = (p + 1, t + 1),
            _ => {
                let Some((star, taken)) = retry else { return false };
                retry = Some((star, taken + 1));
                (p, t) = (star + 1, taken + 1);
            }
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_a_shell() {
        for (pattern, text) in
            [("*", "a/b"), ("a?c", "abc"), ("*.json", "x/y.json"), ("a*b*c", "aXbXbc"), ("**", "")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("?", ""), ("*.json", "a.jsonl"), ("a*b", "ac")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
