//! `throng bench serve` and the scenarios beside it: what clients see of a server under load.

mod conversations;
mod fairness;
mod serve;
mod soak;

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use throng_bench::load::{Client, Endpoint, Session, Workload};

use crate::args::{AnswerArgs, LoadCommand, PromptArgs, TargetArgs};
use crate::stop::Stop;

/// How often a progress bar moves though nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// Measures, and prints what came out.
///
/// # Errors
/// The server does not answer, nothing was measured, or standard output is gone.
pub fn run(command: &LoadCommand) -> Result<()> {
    match command {
        LoadCommand::Serve(args) => serve::run(args),
        LoadCommand::Conversations(args) => conversations::run(args),
        LoadCommand::Fairness(args) => fairness::run(args),
        LoadCommand::Soak(args) => soak::run(args),
    }
}

/// A server that answered, what it is asked, and who may stop that.
struct Opened {
    session: Session,
    stop: Stop,
    model: String,
}

/// Asks the server what it needs to be asked first.
fn open(target: &TargetArgs, answer: &AnswerArgs, prompt: &PromptArgs) -> Result<Opened> {
    let keys = target.keys()?;
    let client = Client::new(target.url.clone(), target.timeout);
    let model = match &target.served_model_name {
        Some(model) => model.clone(),
        None => client.first_model(keys.first())?,
    };
    let endpoint = Endpoint::from(prompt.endpoint);
    let workload = Workload {
        endpoint,
        model: model.clone(),
        keys,
        prompt_tokens: prompt.prompt_tokens,
        token_ids: prompt.token_ids,
        max_tokens: answer.max_tokens,
        ignore_eos: answer.ignore_eos,
        temperature: answer.temperature,
        seed: answer.seed,
    };
    let stop = Stop::install()?;
    let session = Session::open(client, workload, stop.flag())?;
    Ok(Opened { session, stop, model })
}

/// How far it is, of so many requests.
fn progress(requests: usize, what: &str) -> Result<ProgressBar> {
    let style = "{msg} {wide_bar} {pos}/{len} requests, {eta}";
    bar(ProgressBar::new(requests as u64), style, what)
}

/// How many requests there were, where nobody knows how many there will be.
fn counter(what: &str) -> Result<ProgressBar> {
    bar(ProgressBar::no_length(), "{msg} {spinner} {pos} requests in {elapsed}", what)
}

fn bar(bar: ProgressBar, style: &str, what: &str) -> Result<ProgressBar> {
    let bar = bar.with_style(ProgressStyle::with_template(style)?).with_message(what.to_owned());
    bar.enable_steady_tick(TICK);
    Ok(bar)
}
