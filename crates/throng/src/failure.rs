//! Errors as a person sees them: one line, then a hint with the way out.

use std::error::Error;
use std::io::ErrorKind;
use std::process::ExitCode;

use throng_bench::{OfflineError, QualityError, ReadError};
use throng_chat::{ChatError, TokenizerError};
use throng_checkpoint::quantised::QuantiseError;
use throng_checkpoint::synth::SynthError;
use throng_checkpoint::{CheckpointError, WriteError};
use throng_engine::{DraftMismatch, InvalidSampling, StartError, SubmitError};
use throng_hub::HubError;
use throng_model::{CpuError, LoadError};
use throng_server::ServeError;
use throng_spec::QuantisationError;

use crate::memory::DoesNotFit;

/// What helps where nothing else is known to.
const RELEASE: &str = "take all files of the checkpoint from one release again";

/// Characters of an error line at most: some quote what a file says.
const MAX_LINE: usize = 1000;

/// An error of the command itself, with a way out.
#[derive(Debug)]
pub struct Failure {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

/// Prints an error and its hint to standard error.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS; // Whoever read our output has read enough.
    }
    eprintln!("error: {}", line(error));
    if let Some(hint) = error.chain().find_map(hint) {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}

/// The error and its causes on one line. Some errors quote their cause: that is said once. Some
/// quote files, whose texts may have line breaks and codes that terminals obey: those become spaces.
fn line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    let mut characters = line.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = characters.by_ref().take(MAX_LINE).collect();
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

fn hint(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.hint.to_owned());
    }
    if let Some(error) = error.downcast_ref::<HubError>() {
        return error.hint();
    }
    #[cfg(feature = "load")]
    if let Some(error) = error.downcast_ref::<throng_bench::load::LoadError>() {
        return Some(error.hint().to_owned());
    }
    #[cfg(feature = "otlp")]
    if error.is::<throng_server::OtlpError>() {
        return Some("OpenTelemetry's variables begin with OTEL_: one of them is wrong".to_owned());
    }
    if let Some(error) = error.downcast_ref::<DoesNotFit>() {
        return Some(error.hint());
    }
    if let Some(error) = error.downcast_ref::<CheckpointError>() {
        return Some(error.hint().unwrap_or(RELEASE).to_owned());
    }
    if let Some(error) = error.downcast_ref::<SynthError>() {
        return Some(synth_hint(error).to_owned());
    }
    if let Some(error) = error.downcast_ref::<QuantiseError>() {
        return Some(quantise_hint(error).to_owned());
    }
    if let Some(error) = error.downcast_ref::<QuantisationError>() {
        return Some(error.hint().to_owned());
    }
    if let Some(StartError::Draft(error)) = error.downcast_ref() {
        return Some(draft_hint(error).to_owned());
    }
    if let Some(error) = error.downcast_ref::<DraftMismatch>() {
        return Some(draft_hint(error).to_owned());
    }
    let hint = if error.is::<ChatError>() {
        "`throng generate --raw` and `throng score` need no chat format"
    } else if error.is::<TokenizerError>() {
        "tokenizer.json comes with the weights; take both from the same release"
    } else if error.is::<InvalidSampling>() {
        "`throng help generate` says what each number does"
    } else if error.is::<CpuError>() {
        "without --isa and --threads, the machine's best and one a core compute"
    } else if let Some(LoadError::OutOfMemory(_)) = error.downcast_ref() {
        "less --kv-cache-memory leaves more for everything else"
    } else if let Some(ReadError::NotFinite) = error.downcast_ref() {
        "its weights may be damaged"
    } else if let Some(error) = error.downcast_ref::<QualityError>() {
        quality_hint(error)?
    } else if let Some(error) = error.downcast_ref::<OfflineError>() {
        offline_hint(error)?
    } else if let Some(error) = error.downcast_ref::<ServeError>() {
        listen_hint(error)
    } else {
        match error.downcast_ref::<SubmitError>()? {
            SubmitError::TooLong { .. } => "shorten the prompt; --kv-cache-memory may be the limit",
            SubmitError::EmptyPrompt => "say something",
            _ => return None,
        }
    };
    Some(hint.to_owned())
}

fn draft_hint(error: &DraftMismatch) -> &'static str {
    match error {
        DraftMismatch::Context { .. } => {
            "less --kv-cache-memory bounds prompt and answer together by less; ngram has no bound"
        }
        _ => {
            "a draft model has the vocabulary of the model that it drafts for; ngram needs no model"
        }
    }
}

fn synth_hint(error: &SynthError) -> &'static str {
    match error {
        SynthError::Write(WriteError::NoRoom { .. }) => "fewer layers need less: --layers 4",
        SynthError::Write(error) => write_hint(error),
        SynthError::NotInGguf { .. } => "without --gguf, the model is written as safetensors",
        error => error.hint(),
    }
}

fn quantise_hint(error: &QuantiseError) -> &'static str {
    match error {
        QuantiseError::NotReleased { .. } => "--quantize TYPES quantises it while it is loaded",
        QuantiseError::Write(error) => write_hint(error),
        error => error.hint().unwrap_or(RELEASE),
    }
}

fn write_hint(error: &WriteError) -> &'static str {
    match error {
        WriteError::Exists { .. } => "name another place; --force replaces what is there",
        error => error.hint(),
    }
}

fn offline_hint(error: &OfflineError) -> Option<&'static str> {
    match error {
        OfflineError::TooLong { .. } => {
            Some("--prompt-tokens, and --context with --generate-tokens, must fit the model")
        }
        OfflineError::NoRoom { .. } => Some(
            "more --kv-cache-memory has room for them, fewer --users or less --context need less",
        ),
        OfflineError::Crowded { .. } | OfflineError::TooSmall(_) => Some(
            "--roofline needs more of --kv-cache-memory, or less --context, than measuring does",
        ),
        OfflineError::Clock => Some("more --generate-tokens take longer"),
        OfflineError::Run(_) | OfflineError::Submit(_) => None,
    }
}

fn quality_hint(error: &QualityError) -> Option<&'static str> {
    match error {
        QualityError::NothingCounts { .. } => Some(
            "a token counts that has one before it; of --windows disjoint only whole windows do, \
             which a smaller --context makes shorter",
        ),
        QualityError::NoRoom { .. } => {
            Some("--context makes windows shorter, and more --kv-cache-memory may have room")
        }
        QualityError::Vocabularies { .. } => Some("a reference has the model's tokens"),
        QualityError::Read(_) => None,
    }
}

fn listen_hint(error: &ServeError) -> &'static str {
    let kind = match error {
        ServeError::Listen { source, .. } | ServeError::Runtime(source) => source.kind(),
    };
    match kind {
        ErrorKind::AddrInUse => "another program listens there: --port 0 takes a free port",
        ErrorKind::AddrNotAvailable => "--host is an address of this machine, or 0.0.0.0 for all",
        ErrorKind::PermissionDenied => "ports below 1024 are the system's: --port 8000 is not",
        _ => "`throng help serve` says what --host and --port may be",
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn Error + 'static)| match cause.downcast_ref::<std::io::Error>() {
        Some(cause) => Some(cause.kind()),
        // It prints its cause but does not give it away as such.
        None => cause.downcast_ref::<serde_json::Error>()?.io_error_kind(),
    };
    error.chain().any(|cause| kind(cause) == Some(ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use throng_model::LoadError;
    use throng_ops::OutOfMemory;

    use super::{MAX_LINE, hint, line};

    #[test]
    fn an_error_is_one_line_whatever_it_quotes() {
        let error = anyhow::anyhow!("tensor a\nb\u{1b}[31m\u{9b}é").context("m.gguf");
        assert_eq!(line(&error), "m.gguf: tensor a b [31m é");
        let long = line(&anyhow::anyhow!("x".repeat(MAX_LINE + 1)));
        assert_eq!(long.chars().count(), MAX_LINE + 1);
        assert!(long.ends_with("x…"));
    }

    #[test]
    fn want_of_memory_has_a_way_out() {
        let hint = hint(&LoadError::OutOfMemory(OutOfMemory { blocks: 1 }));
        assert!(hint.is_some_and(|hint| hint.contains("--kv-cache-memory")));
    }
}
