//! `throng bench conversations`: many turns over one system prompt.

use std::io::{Write, stdout};

use anyhow::Result;
use throng_bench::load::Conversations;

use super::{open, progress};
use crate::args::{ConversationsArgs, EndpointName, PromptArgs};

/// Holds the conversations and prints a line a turn, or JSON.
///
/// # Errors
/// The server does not answer, or standard output is gone.
pub fn run(args: &ConversationsArgs) -> Result<()> {
    let prompt = PromptArgs {
        endpoint: EndpointName::Chat,
        prompt_tokens: args.prompt_tokens,
        token_ids: false,
    };
    let opened = open(&args.target, &args.answer, &prompt)?;
    let plan = Conversations {
        count: args.conversations,
        turns: args.turns,
        system_tokens: args.system_tokens,
        users: args.concurrency,
    };
    let bar = progress(args.conversations * args.turns, &opened.model)?;
    let talk = opened.session.talk(plan, |_| bar.inc(1))?;
    bar.finish_and_clear();
    let mut out = stdout().lock();
    if args.answer.json {
        writeln!(out, "{}", talk.json(args.pool_tokens))?;
    } else {
        write!(out, "{}", talk.table(args.pool_tokens))?;
    }
    Ok(())
}
