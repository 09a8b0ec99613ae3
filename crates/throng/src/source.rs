//! What `-m` names: a path, or a model of the hub that was pulled.

use std::path::{Path, PathBuf};

use anyhow::Result;
use throng_hub::{Cache, Reference, Settings};
use throng_spec::builtin;

use crate::failure::Failure;

/// A model's files, and what it is called.
pub struct Source {
    /// A folder, or a GGUF file.
    pub path: PathBuf,
    /// The name it is served under.
    pub name: String,
}

impl Source {
    /// A path that exists wins. What does not, and reads as a reference such as
    /// `openai/gpt-oss-20b`, is looked up in the hub's cache; nothing is fetched.
    ///
    /// # Errors
    /// The reference is not in the cache, or the cache cannot be read; or it is the name of a
    /// released model, which says nothing of where its weights are.
    pub fn resolve(model: &Path) -> Result<Self> {
        if !model.exists() {
            if let Some(reference) = reference(model) {
                let settings = Settings::from_vars(|name| std::env::var_os(name))?;
                let path = Cache::new(settings.cache).find(&reference)?;
                return Ok(Self { path, name: reference.repo.to_string() });
            }
            if model.to_str().is_some_and(|name| builtin::config(name).is_some()) {
                let message = format!("{} is a shape without weights", model.display());
                let hint = "`throng pull ORG/NAME` fetches a released model, `throng synth NAME \
                            DIR` makes one of random weights";
                return Err(Failure { message, hint }.into());
            }
        }
        let name = name(&std::path::absolute(model)?);
        Ok(Self { path: model.to_owned(), name })
    }
}

/// What reads as a model of the hub. `models/x.gguf` does too, but no repository ends so.
fn reference(model: &Path) -> Option<Reference> {
    let reference: Reference = model.to_str()?.parse().ok()?;
    let is_file = reference.repo.to_string().to_ascii_lowercase().ends_with(".gguf");
    (!is_file).then_some(reference)
}

/// The last part of a path; the repository's name where that is the hash of a commit.
fn name(path: &Path) -> String {
    let part = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut folders = path.ancestors().skip(1).map(part);
    match (folders.next().as_deref(), folders.next()) {
        (Some("snapshots"), Some(repo)) if repo.starts_with("models--") => {
            repo.trim_start_matches("models--").replace("--", "/")
        }
        _ => part(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_called_as_its_folder_or_its_repository() {
        assert_eq!(name(Path::new("/a/models--b/c")), "c");
        assert_eq!(name(Path::new("/a/c.gguf")), "c.gguf");
        assert_eq!(name(Path::new("/a/models--org--n-1/snapshots/0123")), "org/n-1");
        assert_eq!(name(Path::new("/a/models--org--n/snapshots/0123/q/x.gguf")), "x.gguf");
        assert_eq!(name(Path::new("/")), "");
    }

    #[test]
    fn a_path_that_exists_wins() {
        // Relative to the crate, where tests run.
        let source = Source::resolve(Path::new("src/command")).unwrap();
        assert_eq!((source.path.to_str(), source.name.as_str()), (Some("src/command"), "command"));
    }

    #[test]
    fn a_file_that_is_not_there_is_no_model_of_the_hub() {
        assert!(reference(Path::new("org/x")).is_some());
        assert!(reference(Path::new("org/x:y.gguf")).is_some());
        assert!(reference(Path::new("models/x.gguf")).is_none());
    }
}
