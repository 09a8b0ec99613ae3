//! What the environment says about the hub, by the variables that Python's `huggingface_hub` reads.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::HubError;

const DEFAULT_ENDPOINT: &str = "https://huggingface.co";

/// Bytes of a token file that are looked at. A token has about 40.
const MAX_TOKEN_BYTES: u64 = 4096;

/// Who someone is to the hub. It prints as dots, wherever it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Checks a token; white space around it is not part of it. `None` where that is all there is.
    ///
    /// # Errors
    /// It has characters that would not fit into one line of a request.
    pub fn new(text: &str, origin: &str) -> Result<Option<Self>, HubError> {
        let text = text.trim();
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(HubError::InvalidToken { origin: origin.to_owned() });
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The secret itself.
    #[cfg(feature = "fetch")]
    pub(crate) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Where the hub and the cache are, and who asks.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `HF_ENDPOINT`: the hub's address, without a slash at its end.
    pub endpoint: String,
    /// `HF_HUB_CACHE`, or the folder `hub` in `HF_HOME`, or that in `~/.cache/huggingface`.
    pub cache: PathBuf,
    /// `HF_TOKEN`, or what is in `HF_TOKEN_PATH` or the file `token` in `HF_HOME`.
    pub token: Option<Token>,
    /// `HF_HUB_OFFLINE`: whether nothing may be fetched.
    pub offline: bool,
    /// `SSL_CERT_FILE`: certificates to trust in place of those that come with us.
    pub certificates: Option<PathBuf>,
    /// How long after its first failure a request is made again; no variable says. Each further
    /// failure doubles it.
    pub first_wait: Duration,
}

impl Settings {
    /// Reads them from variables, such as those of [`std::env::var_os`]. An empty variable counts
    /// as none.
    ///
    /// # Errors
    /// No variable leads to a cache, or the token is none.
    pub fn from_vars(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let variables = Variables(|name: &str| variable(name).filter(|value| !value.is_empty()));
        let home = variables.home();
        let cache = match variables.path(&["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"]) {
            Some(cache) => cache,
            None => home.as_ref().ok_or(HubError::NoCacheFolder)?.join("hub"),
        };
        let endpoint = variables.text("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            cache,
            token: variables.token(home.as_deref())?,
            offline: variables.is_true("HF_HUB_OFFLINE")
                || variables.is_true("TRANSFORMERS_OFFLINE"),
            certificates: variables.path(&["SSL_CERT_FILE"]),
            first_wait: Duration::from_secs(1),
        })
    }
}

/// Variables by name, none of them empty.
struct Variables<F>(F);

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    /// The hub's folder, which holds the cache and the token.
    fn home(&self) -> Option<PathBuf> {
        self.path(&["HF_HOME"]).or_else(|| {
            let caches = self
                .path(&["XDG_CACHE_HOME"])
                .or_else(|| Some(self.user_home()?.join(".cache")))?;
            Some(caches.join("huggingface"))
        })
    }

    fn user_home(&self) -> Option<PathBuf> {
        (self.0)("HOME").or_else(|| (self.0)("USERPROFILE")).map(PathBuf::from)
    }

    /// The first of these variables that is set. A `~` at its start is the person's home.
    fn path(&self, names: &[&str]) -> Option<PathBuf> {
        let path = PathBuf::from(names.iter().find_map(|name| (self.0)(name))?);
        match (path.strip_prefix("~"), self.user_home()) {
            (Ok(rest), Some(home)) => Some(home.join(rest)),
            _ => Some(path),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn is_true(&self, name: &str) -> bool {
        let value = self.text(name).unwrap_or_default().to_ascii_uppercase();
        ["1", "ON", "YES", "TRUE"].contains(&value.as_str())
    }

    fn token(&self, home: Option<&Path>) -> Result<Option<Token>, HubError> {
        for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
            if let Some(token) = self.text(name).map_or(Ok(None), |text| Token::new(&text, name))? {
                return Ok(Some(token));
            }
        }
        if self.is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
            return Ok(None);
        }
        let file = self.path(&["HF_TOKEN_PATH"]).or_else(|| home.map(|home| home.join("token")));
        // Most people have no such file, and one that cannot be read is as good as none.
        let text = file.as_deref().and_then(read_short).unwrap_or_default();
        Token::new(&text, &file.unwrap_or_default().display().to_string())
    }
}

fn read_short(file: &Path) -> Option<String> {
    let metadata = std::fs::metadata(file).ok()?;
    (metadata.is_file() && metadata.len() <= MAX_TOKEN_BYTES)
        .then(|| std::fs::read_to_string(file).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, HubError> {
        Settings::from_vars(|name| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_cache_is_where_python_has_it() {
        let cache = |variables: &[(&str, &str)]| {
            settings(&[variables, &[("HOME", "/h")]].concat()).unwrap().cache
        };
        assert_eq!(cache(&[]), Path::new("/h/.cache/huggingface/hub"));
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(cache(&[("HF_HOME", "~/hf"), ("XDG_CACHE_HOME", "/x")]), Path::new("/h/hf/hub"));
        assert_eq!(cache(&[("HF_HOME", "")]), Path::new("/h/.cache/huggingface/hub"));
        let old = ("HUGGINGFACE_HUB_CACHE", "/old");
        assert_eq!(cache(&[old, ("HF_HOME", "/hf")]), Path::new("/old"));
        assert_eq!(cache(&[old, ("HF_HUB_CACHE", "/c"), ("HF_HOME", "/hf")]), Path::new("/c"));
        assert!(matches!(settings(&[]), Err(HubError::NoCacheFolder)));
    }

    #[test]
    fn the_token_is_a_variable_or_a_file_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let home = ("HF_HOME", folder.path().to_str().unwrap());
        assert_eq!(settings(&[home]).unwrap().token, None);
        std::fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        let secret = |variables: &[(&str, &str)]| {
            let token = settings(variables).unwrap().token;
            token.map(|token| token.0)
        };
        assert_eq!(secret(&[home]).as_deref(), Some("hf_file"));
        assert_eq!(secret(&[home, ("HF_TOKEN", " hf_variable ")]).as_deref(), Some("hf_variable"));
        assert_eq!(secret(&[home, ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]), None);
        assert!(!format!("{:?}", settings(&[home]).unwrap()).contains("hf_file"));
        let split = settings(&[home, ("HF_TOKEN", "a\r\nHost: b")]);
        assert!(matches!(split, Err(HubError::InvalidToken { .. })));
    }

    #[test]
    fn offline_is_what_python_takes_for_true() {
        let offline =
            |value| settings(&[("HF_HOME", "/h"), ("HF_HUB_OFFLINE", value)]).unwrap().offline;
        assert!(offline("1") && offline("true") && offline("On"));
        assert!(!offline("0") && !offline("") && !offline("false"));
    }

    #[test]
    fn an_endpoint_may_have_a_path_and_loses_its_slash() {
        let endpoint =
            |value| settings(&[("HF_HOME", "/h"), ("HF_ENDPOINT", value)]).unwrap().endpoint;
        assert_eq!(endpoint("http://mirror/hf/"), "http://mirror/hf");
        assert_eq!(endpoint(""), DEFAULT_ENDPOINT);
    }
}
