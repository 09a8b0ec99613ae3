//! `throng bench soak`: clients who misbehave for a while.

use std::io::{Write, stdout};

use anyhow::Result;
use throng_bench::load::{Process, Soak};

use super::{counter, open};
use crate::args::SoakArgs;
use crate::failure::Failure;

/// Lets them, and prints what was seen, or JSON.
///
/// # Errors
/// There is no such process, the server does not answer, or standard output is gone.
pub fn run(args: &SoakArgs) -> Result<()> {
    if let Some(pid) = args.pid.filter(|&pid| Process::look(pid).is_none()) {
        let message = format!("nothing is known of a process {pid}");
        let hint = "--pid is the server's, on this machine, and Linux alone says what it holds";
        return Err(Failure { message, hint }.into());
    }
    let opened = open(&args.target, &args.answer, &args.prompt)?;
    let plan = Soak { users: args.concurrency, duration: args.duration, pid: args.pid };
    let bar = counter(&opened.model)?;
    let endurance = opened.session.soak(plan, |_| bar.inc(1))?;
    bar.finish_and_clear();
    let mut out = stdout().lock();
    if args.answer.json {
        writeln!(out, "{}", endurance.json())?;
    } else {
        write!(out, "{}", endurance.table())?;
    }
    Ok(())
}
