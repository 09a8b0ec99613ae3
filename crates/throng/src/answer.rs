//! One answer: from the engine's tokens to the terminal.

use std::time::{Duration, Instant};

use anyhow::Result;
use throng_chat::{Delta, Reply};
use throng_engine::{Engine, Event, FinishReason, Request, Usage};

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::terminal::Terminal;

/// What came of a request.
pub struct Answer {
    /// What the person read.
    pub content: String,
    /// Why it ended; `None` where a stop string or Ctrl-C ended it.
    pub reason: Option<FinishReason>,
    usage: Usage,
    first_token: Duration,
    total: Duration,
}

/// Runs a request and writes its answer as it comes.
///
/// # Errors
/// The engine refuses the request or fails, or the terminal is gone.
pub fn stream(
    engine: &Engine,
    request: Request,
    mut reply: Reply,
    terminal: &mut Terminal,
    interrupt: Option<&Interrupt>,
) -> Result<Answer> {
    let start = Instant::now();
    let prompt_tokens = request.prompt.len();
    let mut events = engine.submit(request)?;
    if let Some(interrupt) = interrupt {
        interrupt.aim(events.canceller());
    }
    let mut answer = Answer {
        content: String::new(),
        reason: None,
        usage: Usage { prompt_tokens, completion_tokens: 0 },
        first_token: Duration::ZERO,
        total: Duration::ZERO,
    };
    while let Some(event) = events.next_blocking() {
        match event {
            Event::Started { .. } | Event::Prompt(_) => {}
            Event::Token { id, .. } => {
                if answer.usage.completion_tokens == 0 {
                    answer.first_token = start.elapsed();
                }
                answer.usage.completion_tokens += 1;
                answer.write(reply.push(id), terminal)?;
                if reply.stopped() {
                    break;
                }
            }
            Event::Finish { reason, .. } => answer.reason = Some(reason),
        }
    }
    drop(events);
    if let Some(interrupt) = interrupt {
        interrupt.take();
    }
    answer.write(reply.finish(), terminal)?;
    terminal.end()?;
    answer.total = start.elapsed();
    if answer.reason == Some(FinishReason::Length) {
        let tokens = answer.usage.completion_tokens;
        terminal.note(&format!("cut off after {tokens} tokens, by --max-tokens or the context"))?;
    }
    match answer.reason {
        Some(FinishReason::Failed(message)) => {
            Err(Failure { message, hint: "its weights may be damaged" }.into())
        }
        _ => Ok(answer),
    }
}

impl Answer {
    fn write(&mut self, deltas: Vec<Delta>, terminal: &mut Terminal) -> Result<()> {
        for delta in deltas {
            match delta {
                Delta::Reasoning(text) => terminal.reasoning(&text)?,
                Delta::Content(text) => {
                    terminal.content(&text)?;
                    self.content.push_str(&text);
                }
                Delta::ToolCallStart { name, .. } => terminal.content(&format!("{name} "))?,
                Delta::ToolCallArguments { text, .. } => terminal.content(&text)?,
            }
        }
        Ok(())
    }

    /// What it took, for a person: tokens and tokens per second.
    pub fn remark(&self) -> String {
        let decode = self.total.saturating_sub(self.first_token).as_secs_f64();
        let Usage { prompt_tokens, completion_tokens } = self.usage;
        let mut remark = format!("{prompt_tokens} tokens in, {completion_tokens} out");
        if completion_tokens > 1 && decode > 0.0 {
            let rate = (completion_tokens - 1) as f64 / decode;
            remark += &format!(", {rate:.0} tokens/s, the first after {:.0?}", self.first_token);
        }
        remark
    }
}
