//! What `-m` names: a path, or a model of the hub that was pulled.

use std::path::{Path, PathBuf};

use anyhow::Result;
use throng_hub::{Cache, Reference, Settings};

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
    /// The reference is not in the cache, or the cache cannot be read.
    pub fn resolve(model: &Path) -> Result<Self> {
        let reference = || model.to_str()?.parse::<Reference>().ok();
        if let Some(reference) = (!model.exists()).then(reference).flatten() {
            let settings = Settings::from_vars(|name| std::env::var_os(name))?;
            let path = Cache::new(settings.cache).find(&reference)?;
            return Ok(Self { path, name: reference.repo.to_string() });
        }
        let name = name(&std::path::absolute(model)?);
        Ok(Self { path: model.to_owned(), name })
    }
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
}
