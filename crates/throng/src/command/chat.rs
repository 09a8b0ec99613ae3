//! `throng chat`: a conversation in the terminal.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Result;
use rustyline::error::ReadlineError;
use rustyline::{DefaultEditor, config::Configurer};
use throng_chat::{Chat, Conversation, Effort, Message, Prompt, Reply};
use throng_engine::{Engine, EngineConfig, Logprobs, Request, SubmitError, Tenant};

use crate::answer;
use crate::args::ChatArgs;
use crate::command::generate::conversation;
use crate::interrupt::Interrupt;
use crate::loading::Model;
use crate::settings::Settings;
use crate::terminal::Terminal;

const HELP: &str = "/effort low|medium|high   how long to think
/system TEXT              instructions; without text, none
/clear                    forget the conversation
/help                     this
/quit                     leave; Ctrl-D does too. Ctrl-C stops an answer.";

/// Talks until the input ends.
///
/// # Errors
/// The model cannot be loaded, or the terminal is gone.
pub fn run(args: &ChatArgs) -> Result<()> {
    let model = Model::open(&args.model)?;
    let chat = model.chat()?;
    let settings = Settings::new(&args.sampling, &model.generation)?;
    let config = EngineConfig { max_sequences: 1, ..EngineConfig::default() };
    let engine = model.engine(&args.model, &args.speculation, config, Some(1))?;
    let mut session = Session {
        stop_tokens: model.stop_tokens(&chat),
        chat,
        engine,
        settings,
        conversation: conversation(&args.conversation),
        terminal: Terminal::new(),
        interrupt: Interrupt::install()?,
    };
    let mut lines = Lines::new()?;
    let effort = session.conversation.effort.name();
    session.terminal.remark(&format!("{}, effort {effort}; /help for more", model.name))?;
    while let Some(line) = lines.next()? {
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => break,
            text => match text.strip_prefix('/') {
                Some(order) => session.obey(order),
                None => session.answer(text)?,
            },
        }
    }
    Ok(())
}

/// A conversation and all that it takes to go on with it.
struct Session {
    chat: Chat,
    stop_tokens: Vec<u32>,
    engine: Engine,
    settings: Settings,
    conversation: Conversation,
    terminal: Terminal,
    interrupt: Interrupt,
}

impl Session {
    fn obey(&mut self, order: &str) {
        let (verb, rest) = order.split_once(char::is_whitespace).unwrap_or((order, ""));
        let messages = &mut self.conversation.messages;
        match (verb, rest.trim()) {
            ("help", _) => eprintln!("{HELP}"),
            ("clear", _) => messages.retain(|message| matches!(message, Message::Instructions(_))),
            ("system", text) => {
                messages.retain(|message| !matches!(message, Message::Instructions(_)));
                if !text.is_empty() {
                    messages.insert(0, Message::Instructions(text.to_owned()));
                }
            }
            ("effort", text) => match text.parse::<Effort>() {
                Ok(effort) => self.conversation.effort = effort,
                Err(error) => eprintln!("error: {error}"),
            },
            _ => eprintln!("error: unknown command /{verb}\nhint: /help lists them"),
        }
    }

    /// Answers a turn. A turn that has no answer is taken back, and the conversation goes on.
    fn answer(&mut self, text: &str) -> Result<()> {
        self.conversation.messages.push(Message::User(text.to_owned()));
        let Prompt { ids, opening } = match self.chat.render(&self.conversation) {
            Ok(prompt) => prompt,
            Err(refused) => {
                eprintln!("error: {refused}\nhint: /clear forgets what came before");
                self.conversation.messages.pop();
                return Ok(());
            }
        };
        let request = Request {
            prompt: ids,
            limits: self.settings.limits(self.stop_tokens.clone()),
            sampling: self.settings.sampling.clone(),
            constraint: None,
            prediction: None,
            logprobs: Logprobs::default(),
            tenant: Tenant::default(),
            cache_salt: Arc::default(),
        };
        let turn = self.conversation.messages.len().to_string();
        let reply = Reply::chat(&self.chat, opening, self.settings.stop.clone(), turn);
        let (terminal, interrupt) = (&mut self.terminal, Some(&self.interrupt));
        match answer::stream(&self.engine, request, reply, terminal, interrupt) {
            Ok(answer) => {
                self.terminal.remark(&answer.remark())?;
                settle(&mut self.conversation.messages, answer.content);
                Ok(())
            }
            Err(error) => match error.downcast::<SubmitError>() {
                Ok(refused) => {
                    eprintln!("error: {refused}\nhint: /clear makes room");
                    self.conversation.messages.pop();
                    Ok(())
                }
                Err(error) => Err(error),
            },
        }
    }
}

/// Adds the answer to the last message. Where Ctrl-C or a limit left none, the message goes: the
/// next one is a question of its own.
fn settle(messages: &mut Vec<Message>, content: String) {
    if content.is_empty() {
        messages.pop();
    } else {
        messages.push(Message::Assistant { reasoning: None, content, tool_calls: Vec::new() });
    }
}

/// Lines of input: edited and remembered where a person types, plain where a pipe feeds them.
struct Lines {
    editor: DefaultEditor,
    prompt: &'static str,
}

impl Lines {
    fn new() -> Result<Self> {
        let mut editor = DefaultEditor::new()?;
        editor.set_auto_add_history(true);
        let prompt = if std::io::stdin().is_terminal() { "> " } else { "" };
        Ok(Self { editor, prompt })
    }

    /// The next line; `None` at the end of the input.
    fn next(&mut self) -> Result<Option<String>> {
        loop {
            match self.editor.readline(self.prompt) {
                Ok(line) => return Ok(Some(line)),
                Err(ReadlineError::Interrupted) => eprintln!("(Ctrl-D or /quit leaves)"),
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use throng_chat::Message;

    use super::settle;

    #[test]
    fn a_question_without_an_answer_is_forgotten() {
        let question = || Message::User("What is 2 + 3?".to_owned());
        let mut messages = vec![question()];
        settle(&mut messages, String::new());
        assert_eq!(messages, []);
        messages.push(question());
        settle(&mut messages, "5".to_owned());
        assert!(matches!(&messages[..], [Message::User(_), Message::Assistant { content, .. }]
            if content == "5"));
    }
}
