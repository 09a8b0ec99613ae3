//! What `-m` names: a path, a built-in model, or a model of the hub that was pulled.

use std::path::{Path, PathBuf};

use anyhow::Result;
use throng_checkpoint::Checkpoint;
use throng_hub::{Cache, Reference, Settings};
use throng_spec::builtin;

use crate::failure::Failure;
use crate::nano;

/// A model's files, and what it is called.
pub struct Source {
    pub files: Files,
    /// The name it is served under.
    pub name: String,
}

/// Where a model's files are.
pub enum Files {
    /// A folder, or a GGUF file.
    Path(PathBuf),
    /// In this binary.
    BuiltIn(&'static nano::Files),
}

impl Source {
    /// The built-in model.
    pub fn built_in() -> Self {
        Self { files: Files::BuiltIn(&nano::FILES), name: nano::NAME.to_owned() }
    }

    /// A path that exists wins, then the name of a built-in model. What is neither, and reads as a
    /// reference such as `openai/gpt-oss-20b`, is looked up in the hub's cache; nothing is fetched.
    ///
    /// # Errors
    /// The reference is not in the cache, or the cache cannot be read; or it is the name of a
    /// released model, which says nothing of where its weights are.
    pub fn resolve(model: &Path) -> Result<Self> {
        if !model.exists() {
            let built_in = |name| Some((name, nano::files(name)?));
            if let Some((name, files)) = model.to_str().and_then(built_in) {
                return Ok(Self { files: Files::BuiltIn(files), name: name.to_owned() });
            }
            if let Some(reference) = reference(model) {
                let settings = Settings::from_vars(|name| std::env::var_os(name))?;
                let path = Cache::new(settings.cache).find(&reference)?;
                return Ok(Self { files: Files::Path(path), name: reference.repo.to_string() });
            }
            if model.to_str().is_some_and(|name| builtin::config(name).is_some()) {
                let message = format!("{} is a shape without weights", model.display());
                let hint = "`throng pull ORG/NAME` fetches a released model, `throng synth NAME \
                            DIR` makes one of random weights";
                return Err(Failure { message, hint }.into());
            }
        }
        let name = name(&std::path::absolute(model)?);
        Ok(Self { files: Files::Path(model.to_owned()), name })
    }

    /// Opens the files.
    ///
    /// # Errors
    /// One is missing, truncated or corrupt, or says what cannot be.
    pub fn open(&self) -> Result<Checkpoint> {
        Ok(match &self.files {
            Files::Path(path) => Checkpoint::open(path)?,
            Files::BuiltIn(files) => Checkpoint::embedded(*files)?,
        })
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
        assert!(matches!(source.files, Files::Path(path) if path == Path::new("src/command")));
        assert_eq!(source.name, "command");
    }

    #[test]
    fn a_file_that_is_not_there_is_no_model_of_the_hub() {
        assert!(reference(Path::new("org/x")).is_some());
        assert!(reference(Path::new("org/x:y.gguf")).is_some());
        assert!(reference(Path::new("models/x.gguf")).is_none());
    }
}
