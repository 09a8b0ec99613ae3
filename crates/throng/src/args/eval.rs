//! Arguments of `throng eval`.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args as ClapArgs, Parser, ValueEnum};

use super::ModelArgs;

/// Arguments of `throng eval`.
#[derive(Debug, ClapArgs)]
pub struct EvalArgs {
    /// Texts to read, separated by commas: each file is a text, or, if it ends in .jsonl, has one a
    /// line, {"text": …} or {"prompt": …, "completion": …}, of which the prompt does not count;
    /// there special tokens are written by name
    #[arg(long, value_name = "FILES", env = "THRONG_TEXT", value_delimiter = ',', required = true)]
    pub text: Vec<PathBuf>,
    /// Also set the model's predictions beside those of a reference: of the same model with the
    /// settings named here, as in "--exact", or of another with the same vocabulary, as in
    /// "-m OTHER --exact"
    #[arg(
        long,
        value_name = "SETTINGS",
        env = "THRONG_AGAINST",
        allow_hyphen_values = true,
        value_parser = Reference::parse_from_one
    )]
    pub against: Option<Reference>,
    /// Tokens of a window, which is read with nothing before it [default: 512, or the model's
    /// context if that is less]
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_CONTEXT",
        value_parser = RangedU64ValueParser::<usize>::new().range(2..=1 << 24)
    )]
    pub context: Option<usize>,
    /// Tokens between the beginnings of two sliding windows [default: half of a window]
    #[arg(
        long,
        value_name = "N",
        env = "THRONG_STRIDE",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1 << 24)
    )]
    pub stride: Option<usize>,
    /// How a text is cut into windows
    #[arg(long, value_name = "HOW", env = "THRONG_WINDOWS", default_value = "sliding")]
    pub windows: WindowsName,
    /// Print one JSON object, unrounded
    #[arg(long, env = "THRONG_JSON")]
    pub json: bool,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Names of the ways to cut a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WindowsName {
    /// As HF transformers' guide to perplexity: every token counts but the first, in the first
    /// window that has it
    Sliding,
    /// As llama-perplexity: end to end, of each whole window the second half counts
    Disjoint,
}

/// The model that another is compared with.
#[derive(Clone, Debug)]
pub struct Reference {
    /// As it was typed.
    pub typed: String,
    /// What that says.
    model: ModelArgs,
}

/// The settings within `--against`.
#[derive(Parser)]
#[command(no_binary_name = true, disable_help_flag = true)]
struct Settings {
    #[command(flatten)]
    model: ModelArgs,
}

impl Reference {
    /// Of words as a shell takes them apart.
    fn parse_from_one(typed: &str) -> Result<Self, String> {
        let words = shlex::split(typed).ok_or("it has a quotation mark without its pair")?;
        let settings = Settings::try_parse_from(words).map_err(|error| {
            let said = error.to_string();
            let line = said.lines().next().unwrap_or_default();
            line.trim_start_matches("error: ").to_owned()
        })?;
        Ok(Self { typed: typed.to_owned(), model: settings.model })
    }

    /// Its arguments: what is not said about where and on what it runs is as for the model beside
    /// it, and how it computes is as it would be alone.
    pub fn args(&self, model: &ModelArgs) -> ModelArgs {
        let own = self.model.clone();
        ModelArgs {
            model: own.model.or_else(|| model.model.clone()),
            threads: own.threads.or(model.threads),
            isa: own.isa.or(model.isa),
            kv_cache_memory: own.kv_cache_memory.or(model.kv_cache_memory),
            memory: own.memory.or(model.memory),
            ..own
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn eval(words: &[&str]) -> Result<EvalArgs, clap::Error> {
        let words = [&["throng", "eval", "--text", "a.txt"], words].concat();
        let args = crate::args::Args::try_parse_from(words)?;
        match args.command {
            Some(crate::args::Command::Eval(args)) => Ok(args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_reference_is_the_same_model_unless_it_says_otherwise() {
        let words = ["-m", "a b", "--exact=false", "--threads", "3", "--against"];
        let reference = |against| {
            let args = eval(&[&words[..], &[against]].concat()).unwrap();
            args.against.unwrap().args(&args.model)
        };
        let same = reference("--exact");
        assert_eq!((same.model.as_deref(), same.exact), (Some(Path::new("a b")), Some(true)));
        assert_eq!(same.threads, Some(3));
        let other = reference("-m 'c d' --threads 1");
        assert_eq!((other.model.as_deref(), other.exact), (Some(Path::new("c d")), None));
        assert_eq!(other.threads, Some(1));
    }

    #[test]
    fn settings_that_are_none_are_named() {
        for (against, what) in [("--exat", "--exat"), ("-m 'x", "quotation"), ("x", "'x'")] {
            let error = eval(&["--against", against]).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("--against"), "{error}");
        }
    }
}
