//! The command line of `throng serve`.

use std::net::IpAddr;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use clap::{ArgAction, Args as ClapArgs, ValueEnum};
use throng_server::{AllowedHost, Date, LogFormat, Origin};

use super::{ModelArgs, SpeculationArgs};

/// Arguments of `throng serve`.
#[derive(Clone, Debug, ClapArgs)]
pub struct ServeArgs {
    /// Address to listen on; 0.0.0.0 lets other machines in
    #[arg(long, value_name = "IP", env = "THRONG_HOST", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(short, long, value_name = "N", env = "THRONG_PORT", default_value_t = 8000)]
    pub port: u16,
    /// Names that clients may call the model by, separated by commas; answers carry the first
    /// [default: the folder's, the GGUF file's or the repository's]
    #[arg(
        long,
        value_name = "NAMES",
        env = "THRONG_SERVED_MODEL_NAME",
        value_delimiter = ',',
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub served_model_name: Vec<String>,
    /// Requests that are answered at once, at most
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_NUM_SEQS",
        default_value_t = 64,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=4096)
    )]
    pub max_num_seqs: usize,
    /// Tokens of a step, at most: longer prompts are read in chunks. Never below --max-num-seqs
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_NUM_BATCHED_TOKENS",
        default_value_t = 512,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=65_536)
    )]
    pub max_num_batched_tokens: usize,
    /// The day that the model is told: today, none or YYYY-MM-DD
    #[arg(long, value_name = "DAY", env = "THRONG_DATE", default_value = "today")]
    pub date: Date,
    /// Requests that wait at most while others are answered; one more is told to come back
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_QUEUE",
        default_value_t = 256,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=65_536)
    )]
    pub max_queue: usize,
    /// Connections at once, at most: for one more, the one that has kept the server waiting for
    /// longest is closed
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_CONNECTIONS",
        default_value_t = 1024,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=65_536)
    )]
    pub max_connections: usize,
    /// Keep what was computed of prompts, for those that begin alike
    #[arg(
        long,
        value_name = "BOOL",
        env = "THRONG_PREFIX_CACHE",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pub prefix_cache: bool,
    /// Let tenants share what was computed of prompts; how soon an answer comes then tells one
    /// what another has asked
    #[arg(long, env = "THRONG_SHARE_PREFIX_CACHE")]
    pub share_prefix_cache: bool,
    /// Give each tenant its share of the machine; --fair-share=false serves whoever came first
    #[arg(
        long,
        value_name = "BOOL",
        env = "THRONG_FAIR_SHARE",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pub fair_share: bool,
    /// Hold the headers of gpt-oss's answers to the format's grammar; a model that writes them well
    /// writes the same without
    #[arg(
        long,
        value_name = "BOOL",
        env = "THRONG_HEADER_GRAMMAR",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = ArgAction::Set
    )]
    pub header_grammar: bool,
    /// Keys that clients must have: a line is KEY [NAME [WEIGHT]] [rpm=N] [tpm=N] [models=A,B];
    /// # begins a comment; sha256:DIGEST may stand for KEY. Keys of one name are one tenant; rpm and
    /// tpm are requests and tokens a minute, models those that the key may ask. The file is read
    /// again when it changes [default: none is needed, each key is a tenant]
    #[arg(long, visible_alias = "api-key-file", value_name = "FILE", env = "THRONG_API_KEYS")]
    pub api_keys: Option<PathBuf>,
    /// Keys that clients must have, separated by commas, where that is all there is to say of them;
    /// better in the variable than here, where other users of the machine see them
    #[arg(
        long,
        value_name = "KEYS",
        env = "THRONG_API_KEY",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub api_key: Vec<Secret>,
    /// Origins of other web pages that may ask from a browser, separated by commas, such as
    /// https://chat.example; * for all of them [default: none but the server's own page]
    #[arg(long, value_name = "ORIGINS", env = "THRONG_CORS_ALLOW_ORIGIN", value_delimiter = ',')]
    pub cors_allow_origin: Vec<Origin>,
    /// Names that requests may call the server by, besides localhost and numbers, separated by
    /// commas; a proxy's, for instance; * for all of them [default: none where it listens on
    /// loopback and needs no keys, else all]
    #[arg(long, value_name = "HOSTS", env = "THRONG_ALLOWED_HOST", value_delimiter = ',')]
    pub allowed_host: Vec<AllowedHost>,
    /// Memory for answers of /v1/responses, so that clients may ask for them again or go on behind
    /// them; the oldest go first. 0 keeps none
    #[arg(
        long,
        value_name = "SIZE",
        env = "THRONG_RESPONSE_STORE_MEMORY",
        default_value = "256MiB"
    )]
    pub response_store_memory: ByteSize,
    /// Answers of /v1/responses that are kept of each tenant, at most
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_STORED_RESPONSES",
        default_value_t = 1000,
        value_parser = RangedU64ValueParser::<usize>::new().range(..=1_000_000)
    )]
    pub max_stored_responses: usize,
    /// Answers of /v1/responses that are written at once for each tenant whoever waits for them
    /// (background), at most
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_BACKGROUND_RESPONSES",
        default_value_t = 32,
        value_parser = RangedU64ValueParser::<usize>::new().range(..=65_536)
    )]
    pub max_background_responses: usize,
    /// Write a line about each request to standard error: who asked, what it cost, how long it
    /// took; never what was said, and no key
    #[arg(long, value_name = "FORMAT", env = "THRONG_LOG_REQUESTS", default_value = "off")]
    pub log_requests: LogRequests,
    /// Where spans of requests go: an OpenTelemetry collector that takes OTLP over HTTP, such as
    /// http://localhost:4318 [default: OTEL_EXPORTER_OTLP_ENDPOINT if that is set, else nowhere]
    #[cfg(feature = "otlp")]
    #[arg(long, value_name = "URL", env = "THRONG_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<throng_server::Collector>,
    /// Seconds that running answers may go on after SIGTERM or Ctrl-C; a second one ends them
    #[arg(
        long,
        value_name = "SECONDS",
        env = "THRONG_DRAIN_TIMEOUT",
        default_value_t = 30,
        value_parser = RangedU64ValueParser::<u64>::new().range(..=86_400)
    )]
    pub drain_timeout: u64,
    #[command(flatten)]
    pub speculation: SpeculationArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// A text that is never printed. What is wrong with it the parser of arguments would say with it,
/// so it is looked at elsewhere.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn reveal(&self) -> String {
        self.0.clone()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// How each request is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogRequests {
    /// Not at all
    Off,
    /// As key=value
    Text,
    /// As JSON
    Json,
}

impl LogRequests {
    /// The format of a line; `None`: there is none.
    pub fn format(self) -> Option<LogFormat> {
        match self {
            Self::Off => None,
            Self::Text => Some(LogFormat::Text),
            Self::Json => Some(LogFormat::Json),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::{Args, Command};

    #[test]
    fn origins_and_hosts_are_lists_and_checked() {
        let serve = |list: &[&str]| Args::try_parse_from([&["throng", "serve"], list].concat());
        let typed = ["--cors-allow-origin", "https://a.example,*", "--allowed-host", "a.b,c"];
        let Some(Command::Serve(args)) = serve(&typed).unwrap().command else { panic!("serve") };
        assert_eq!((args.cors_allow_origin.len(), args.allowed_host.len()), (2, 2));
        let wrong = serve(&["--cors-allow-origin", "a.example"]).unwrap_err();
        assert!(wrong.to_string().contains("SCHEME://HOST"), "{wrong}");
        let typed = ["--api-key", "sk-1,sk-2", "--log-requests", "json"];
        let Some(Command::Serve(args)) = serve(&typed).unwrap().command else { panic!("serve") };
        assert_eq!(args.api_key.iter().map(super::Secret::reveal).collect::<String>(), "sk-1sk-2");
        assert!(!format!("{args:?}").contains("sk-"), "{args:?}");
        let wrong = serve(&["--allowed-host", "http://a.example"]).unwrap_err();
        assert!(wrong.to_string().contains("without scheme"), "{wrong}");
    }
}
