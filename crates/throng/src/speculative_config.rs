//! `--speculative-config`: a JSON object with vLLM's names, checked.

use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;
use throng_engine::{Drafter, Ngram, Speculation};

/// Tokens drafted in a row where nobody says.
const TOKENS: usize = 4;

/// Tokens drafted in a row at most: more than so many hardly ever all come.
const MOST_TOKENS: usize = 32;

/// Tokens of the ends that are looked for where nobody says, at least and at most.
const LOOKUP: Ngram = Ngram { min: 2, max: 5 };

/// Longer ends say nothing that these do not.
const MOST_LOOKUP: usize = 64;

/// How tokens are drafted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeculativeConfig {
    /// As the engine knows it.
    pub speculation: Speculation,
    /// The model that drafts, where one does: as `--model` names one.
    pub model: Option<PathBuf>,
}

/// The object as it was typed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    method: Option<Method>,
    model: Option<PathBuf>,
    num_speculative_tokens: Option<usize>,
    /// Ours: whether the number follows what is measured.
    adaptive: Option<bool>,
    prompt_lookup_max: Option<usize>,
    prompt_lookup_min: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Method {
    Ngram,
    DraftModel,
}

impl FromStr for SpeculativeConfig {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let typed: Typed = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let within = |name: &str, value: usize, most: usize| match value {
            value if (1..=most).contains(&value) => Ok(value),
            _ => Err(format!("{name} is {value}; it must be between 1 and {most}")),
        };
        let tokens = typed.num_speculative_tokens.unwrap_or(TOKENS);
        let tokens = within("num_speculative_tokens", tokens, MOST_TOKENS)?;
        let method = match (typed.method, &typed.model) {
            (Some(method), _) => method,
            (None, Some(_)) => Method::DraftModel,
            (None, None) => return Err("method is missing: ngram or draft_model".to_owned()),
        };
        let drafter = match method {
            Method::Ngram if typed.model.is_some() => {
                return Err("model is given, but ngram needs none".to_owned());
            }
            Method::Ngram => {
                let max = typed.prompt_lookup_max;
                let min = typed.prompt_lookup_min;
                // Where one is said, the other is not to contradict it.
                let max = max.unwrap_or(LOOKUP.max.max(min.unwrap_or(1)));
                let min = min.unwrap_or(LOOKUP.min.min(max));
                let max = within("prompt_lookup_max", max, MOST_LOOKUP)?;
                let min = within("prompt_lookup_min", min, max)?;
                Drafter::Ngram(Ngram { min, max })
            }
            Method::DraftModel if typed.model.is_none() => {
                return Err("model is missing: which one is to draft".to_owned());
            }
            Method::DraftModel if typed.prompt_lookup_max.or(typed.prompt_lookup_min).is_some() => {
                return Err("prompt_lookup_max and _min are for ngram".to_owned());
            }
            Method::DraftModel => Drafter::Model,
        };
        let adaptive = typed.adaptive.unwrap_or(true);
        Ok(Self { speculation: Speculation { drafter, tokens, adaptive }, model: typed.model })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Speculation, String> {
        text.parse().map(|config: SpeculativeConfig| config.speculation)
    }

    #[test]
    fn what_is_not_said_has_a_default_that_fits_what_is() {
        let ngram = |tokens, min, max| {
            Ok(Speculation { drafter: Drafter::Ngram(Ngram { min, max }), tokens, adaptive: true })
        };
        assert_eq!(parsed(r#"{"method":"ngram"}"#), ngram(TOKENS, LOOKUP.min, LOOKUP.max));
        let all = r#"{"method":"ngram","num_speculative_tokens":7,"prompt_lookup_max":4,
                      "prompt_lookup_min":3}"#;
        assert_eq!(parsed(all), ngram(7, 3, 4));
        assert_eq!(parsed(r#"{"method":"ngram","prompt_lookup_max":1}"#), ngram(TOKENS, 1, 1));
        assert_eq!(parsed(r#"{"method":"ngram","prompt_lookup_min":9}"#), ngram(TOKENS, 9, 9));
    }

    #[test]
    fn a_model_drafts_as_its_name_says() {
        for text in [
            r#"{"model":"nano-draft","num_speculative_tokens":3,"adaptive":false}"#,
            r#"{"method":"draft_model","model":"nano-draft","num_speculative_tokens":3,
                "adaptive":false}"#,
        ] {
            let config: SpeculativeConfig = text.parse().unwrap();
            let drafter = Drafter::Model;
            assert_eq!(config.speculation, Speculation { drafter, tokens: 3, adaptive: false });
            assert_eq!(config.model, Some("nano-draft".into()));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, what) in [
            ("ngram", "expected"),
            ("{}", "method is missing"),
            (r#"{"method":"draft_model"}"#, "model is missing"),
            (r#"{"method":"ngram","model":"m"}"#, "needs none"),
            (r#"{"model":"m","prompt_lookup_min":2}"#, "for ngram"),
            (r#"{"method":"medusa"}"#, "medusa"),
            (r#"{"method":"ngram","tokens":4}"#, "tokens"),
            (r#"{"method":"ngram","num_speculative_tokens":0}"#, "between 1 and 32"),
            (r#"{"method":"ngram","num_speculative_tokens":-1}"#, "-1"),
            (r#"{"method":"ngram","num_speculative_tokens":33}"#, "between 1 and 32"),
            (r#"{"method":"ngram","prompt_lookup_max":65}"#, "prompt_lookup_max is 65"),
            (
                r#"{"method":"ngram","prompt_lookup_max":2,"prompt_lookup_min":3}"#,
                "prompt_lookup_min is 3; it must be between 1 and 2",
            ),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
