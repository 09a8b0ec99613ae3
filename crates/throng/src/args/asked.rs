//! What `throng bench serve` and the scenarios beside it have in common: who is asked, and what.

use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use clap::{Args as ClapArgs, ValueEnum};
use throng_bench::load::{ApiKey, Endpoint, LoadError, Url};

/// Who is asked.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Server")]
pub struct TargetArgs {
    /// Address of an OpenAI-compatible API, with /v1 at its end or without
    #[arg(long, value_name = "URL", env = "THRONG_URL", default_value = "http://127.0.0.1:8000")]
    pub url: Url,
    /// What the server calls the model [default: the first that it names]
    #[arg(
        short = 'm',
        long,
        visible_alias = "model",
        value_name = "NAME",
        env = "THRONG_SERVED_MODEL_NAME",
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub served_model_name: Option<String>,
    /// API keys, separated by commas, each KEY or NAME=KEY; requests are dealt to them in turn
    #[arg(
        long,
        value_name = "KEYS",
        env = "THRONG_API_KEY",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub api_key: Vec<String>,
    /// Time without a single byte after which a request has failed
    #[arg(
        long,
        value_name = "TIME",
        env = "THRONG_TIMEOUT",
        default_value = "10m",
        value_parser = duration
    )]
    pub timeout: Duration,
}

impl TargetArgs {
    /// The API keys. They are read here and not by the parser of arguments, which would show one
    /// that is malformed.
    ///
    /// # Errors
    /// One is malformed.
    pub fn keys(&self) -> Result<Vec<ApiKey>, LoadError> {
        self.api_key.iter().map(|key| key.parse()).collect()
    }
}

/// How answers are drawn, and how long they may be.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Requests")]
pub struct AnswerArgs {
    /// Tokens of an answer at most
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_MAX_TOKENS",
        default_value_t = 64,
        value_parser = tokens()
    )]
    pub max_tokens: usize,
    /// Ask the server not to end answers before that; vLLM, llama-server and throng know how
    #[arg(long, env = "THRONG_IGNORE_EOS")]
    pub ignore_eos: bool,
    /// Divides the logits [default: as the server has it]
    #[arg(long, value_name = "T", env = "THRONG_TEMPERATURE")]
    pub temperature: Option<f64>,
    /// The same seed asks the same
    #[arg(long, value_name = "N", env = "THRONG_SEED", default_value_t = 0)]
    pub seed: u64,
    /// Print JSON, unrounded and in seconds
    #[arg(long, env = "THRONG_JSON")]
    pub json: bool,
}

/// What is asked.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Requests")]
pub struct PromptArgs {
    /// Which API answers
    #[arg(long, value_name = "API", env = "THRONG_ENDPOINT", default_value = "chat")]
    pub endpoint: EndpointName,
    /// Tokens of a prompt, about: words, as many as come to this by the server's own count
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_PROMPT_TOKENS",
        default_value_t = 128,
        value_parser = tokens()
    )]
    pub prompt_tokens: usize,
    /// Send prompts as token ids, which makes their length exact; only --endpoint completions
    #[arg(long, env = "THRONG_TOKEN_IDS")]
    pub token_ids: bool,
}

/// An API by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EndpointName {
    /// POST /v1/chat/completions
    Chat,
    /// POST /v1/completions
    Completions,
}

impl From<EndpointName> for Endpoint {
    fn from(name: EndpointName) -> Self {
        match name {
            EndpointName::Chat => Self::Chat,
            EndpointName::Completions => Self::Completions,
        }
    }
}

/// Tokens of a text.
pub(super) fn tokens() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=1 << 20)
}

/// A number of seconds, minutes or hours.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 0,
    };
    let number = digits.parse::<u32>().ok().filter(|number| (1..=100_000).contains(number));
    number
        .filter(|_| seconds > 0)
        .map(|number| Duration::from_secs(u64::from(number) * seconds))
        .ok_or_else(|| "expected a time such as 90s, 10m or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7200)));
        for text in ["", "s", "10", "0s", "-1s", "1.5m", "1d", "ms", "9999999s", "10é"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
