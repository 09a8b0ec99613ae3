//! `throng generate`: one prompt, one answer.

use std::io::Read;
use std::sync::Arc;

use anyhow::{Context, Result};
use throng_chat::{Conversation, Message, Prompt, Reply};
use throng_engine::{EngineConfig, Logprobs, Request, SubmitError, Tenant};

use crate::answer;
use crate::args::{ConversationArgs, GenerateArgs};
use crate::loading::Model;
use crate::settings::Settings;
use crate::terminal::Terminal;

/// Answers and ends.
///
/// # Errors
/// The model cannot be loaded, the prompt does not fit, or the terminal is gone.
pub fn run(args: &GenerateArgs) -> Result<()> {
    let prompt = text_or_stdin(&args.prompt)?;
    let model = Model::open(&args.model)?;
    let settings = Settings::new(&args.sampling, &model.generation)?;
    let (prompt, stop_tokens, reply) = if args.raw {
        let reply = Reply::plain(&model.tokenizer, settings.stop.clone());
        (model.tokenizer.encode_alone(&prompt)?, model.generation.stop_tokens.clone(), reply)
    } else {
        let chat = model.chat()?;
        if prompt.trim().is_empty() {
            return Err(SubmitError::EmptyPrompt.into());
        }
        let mut conversation = conversation(&args.conversation);
        conversation.messages.push(Message::User(prompt));
        let Prompt { ids, opening } = chat.render(&conversation)?;
        let reply = Reply::chat(&chat, opening, settings.stop.clone(), "0");
        (ids, model.stop_tokens(&chat), reply)
    };
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let engine = model.engine(&args.model, &args.speculation, config, Some(1))?;
    let request = Request {
        prompt,
        limits: settings.limits(stop_tokens),
        sampling: settings.sampling,
        constraint: None,
        prediction: None,
        logprobs: Logprobs::default(),
        tenant: Tenant::default(),
        cache_salt: Arc::default(),
    };
    let mut terminal = Terminal::new();
    let answer = answer::stream(&engine, request, reply, &mut terminal, None)?;
    terminal.remark(&answer.remark())?;
    Ok(())
}

/// A conversation that has not begun.
pub fn conversation(args: &ConversationArgs) -> Conversation {
    Conversation {
        messages: args.system.iter().cloned().map(Message::Instructions).collect(),
        effort: args.effort,
        date: args.date.text(),
        ..Conversation::default()
    }
}

/// The text itself, or standard input for `-`.
///
/// # Errors
/// Standard input is not UTF-8 or cannot be read.
pub fn text_or_stdin(text: &str) -> Result<String> {
    if text != "-" {
        return Ok(text.to_owned());
    }
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).context("standard input cannot be read")?;
    Ok(input)
}
