//! A conversation to the prompt that a template makes of it.

use std::error::Error as _;
use std::io;

use minijinja::{Environment, Error};

use super::Template;
use super::compile::{NAME, Raised, compile};
use super::context::{THINKING, context};
use super::guard::{Guard, Span, plain};
use crate::chat::ChatError;
use crate::conversation::{Conversation, Effort};
use crate::prompt::{Opening, Prompt};
use crate::tagged::{self, Tags};
use crate::tokenizer::Tokenizer;

/// Bytes of rendered text at most.
const MAX_TEXT_BYTES: usize = 64 << 20;

/// A compiled template.
#[derive(Debug)]
pub(crate) struct Renderer {
    template: Template,
    environment: Environment<'static>,
    guard: Guard,
    tags: Tags,
}

impl Renderer {
    /// Compiles a template for a tokenizer.
    ///
    /// # Errors
    /// [`ChatError::Template`] if it is no Jinja.
    pub fn new(template: Template, tokenizer: &Tokenizer) -> Result<Self, ChatError> {
        let environment = compile(&template.source)?;
        let guard = Guard::new(tokenizer, &template.source, &[tagged::THINK]);
        let tags = Tags::of(&template.source);
        Ok(Self { template, environment, guard, tags })
    }

    /// The tags that a model with this template writes into its answers.
    pub fn tags(&self) -> Tags {
        self.tags
    }

    /// The efforts that the template tells apart: whether the model thinks is all it can say.
    pub fn efforts(&self) -> &'static [Effort] {
        let switches = self.template.source.contains(THINKING);
        if switches { &[Effort::Low, Effort::Medium] } else { &[] }
    }

    /// The prompt for a conversation's next turn, of at most about `limit` tokens; see
    /// [`crate::Chat::render_within`].
    ///
    /// # Errors
    /// The template refuses the conversation or fails, or the prompt is too long.
    pub fn render(
        &self,
        conversation: &Conversation,
        tokenizer: &Tokenizer,
        limit: usize,
    ) -> Result<Prompt, ChatError> {
        let text = self.text(conversation, true)?;
        let ids = self.encode(&text, tokenizer, limit)?;
        let thinks = self.tags.thoughts && text.trim_end().ends_with(tagged::THINK);
        let opening = if thinks { Opening::Thought } else { Opening::Answer };
        Ok(Prompt { ids, opening })
    }

    /// The conversation alone; see [`crate::Chat::render_history`].
    ///
    /// # Errors
    /// As [`Renderer::render`].
    pub fn render_history(
        &self,
        conversation: &Conversation,
        tokenizer: &Tokenizer,
        limit: usize,
    ) -> Result<Vec<u32>, ChatError> {
        self.encode(&self.text(conversation, false)?, tokenizer, limit)
    }

    /// Token ids of what the template wrote.
    fn encode(
        &self,
        text: &str,
        tokenizer: &Tokenizer,
        limit: usize,
    ) -> Result<Vec<u32>, ChatError> {
        let mut ids = Vec::new();
        for span in self.guard.split(text) {
            let text = match span {
                Span::Token(id) => {
                    ids.push(id);
                    continue;
                }
                Span::Text(text) => plain(text),
            };
            let least = ids.len() + tokenizer.least_tokens(&text);
            if least > limit {
                return Err(ChatError::TooLong(least));
            }
            ids.extend(tokenizer.encode(&text)?);
        }
        Ok(ids)
    }

    /// What the template writes, sentinels included.
    fn text(&self, conversation: &Conversation, asks: bool) -> Result<String, ChatError> {
        let context = context(conversation, &self.template, &self.guard, asks)?;
        let template = self.environment.get_template(NAME).map_err(|error| failure(&error))?;
        let mut text = Bounded(Vec::new());
        template.render_captured_to(context, &mut text).map_err(|error| failure(&error))?;
        String::from_utf8(text.0).map_err(|error| ChatError::Template(error.to_string()))
    }
}

/// Why nothing was rendered: the template's own words, or the engine's.
fn failure(error: &Error) -> ChatError {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(Raised(message)) = error.downcast_ref() {
            return ChatError::Refused(plain(message));
        }
        cause = error.source();
    }
    ChatError::Template(plain(&error.to_string()))
}

/// Text that does not grow without end.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > MAX_TEXT_BYTES - self.0.len() {
            return Err(io::Error::other("the text has no end"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
