//! Errors as a person sees them: one line, then a hint with the way out.

use std::process::ExitCode;

use throng_chat::ChatError;
use throng_checkpoint::CheckpointError;
use throng_engine::SubmitError;

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

impl std::error::Error for Failure {}

/// Prints an error and its hint to standard error.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS; // Whoever read our output has read enough.
    }
    eprintln!("error: {error:#}");
    if let Some(hint) = error.chain().find_map(hint) {
        eprintln!("hint: {hint}");
    }
    ExitCode::FAILURE
}

fn hint(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    if let Some(failure) = error.downcast_ref::<Failure>() {
        return Some(failure.hint.to_owned());
    }
    if let Some(error) = error.downcast_ref::<CheckpointError>() {
        return error.hint().map(Into::into);
    }
    if error.is::<ChatError>() {
        return Some("`throng generate --raw` and `throng score` need no chat format".to_owned());
    }
    match error.downcast_ref::<SubmitError>()? {
        SubmitError::TooLong { .. } => Some(
            "shorten the prompt, or give --kv-cache-memory more if the model allows".to_owned(),
        ),
        _ => None,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
