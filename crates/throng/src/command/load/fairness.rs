//! `throng bench fairness`: one tenant's questions beside another's queue.

use std::io::{Write, stdout};

use anyhow::Result;
use throng_bench::load::{Fairness, LoadError};

use super::{open, progress};
use crate::args::FairnessArgs;

/// Measures both and prints a line for each, or JSON.
///
/// # Errors
/// There are not two API keys, the server does not answer, or standard output is gone.
pub fn run(args: &FairnessArgs) -> Result<()> {
    let given = args.target.api_key.len();
    if given < 2 {
        return Err(LoadError::TwoTenants { given }.into());
    }
    let opened = open(&args.target, &args.answer, &args.prompt)?;
    let plan = Fairness { queued: args.queued, questions: args.questions };
    let bar = progress(2 * args.questions, &opened.model)?;
    let shares = opened.session.share(plan, |_| bar.inc(1))?;
    bar.finish_and_clear();
    let mut out = stdout().lock();
    if args.answer.json {
        writeln!(out, "{}", shares.json())?;
    } else {
        write!(out, "{}", shares.table())?;
    }
    Ok(())
}
