//! An answer while it is being generated: tokens in, pieces of meaning out.

use crate::chat::{Chat, Format};
use crate::delta::{Delta, append};
use crate::harmony;
use crate::prompt::Opening;
use crate::stop::Stops;
use crate::tagged;
use crate::tokenizer::{Detokenizer, Tokenizer};

/// Turns the tokens of one answer into [`Delta`]s and watches for stop strings.
///
/// Push every token of the answer, the stop token included; after the last one, call
/// [`Reply::finish`]. If [`Reply::stopped`] turns true, the answer ends there: the rest need not
/// be generated.
#[derive(Clone, Debug)]
pub struct Reply {
    source: Source,
    stops: Stops,
    /// So many tokens complete no stop string.
    min_tokens: usize,
    /// Tokens so far.
    tokens: usize,
}

#[derive(Clone, Debug)]
enum Source {
    Harmony(Box<harmony::Parser>),
    Tagged(Box<tagged::Parser>),
    Plain(Detokenizer),
}

impl Reply {
    fn new(source: Source, stops: Vec<String>) -> Self {
        Self { source, stops: Stops::new(stops), min_tokens: 0, tokens: 0 }
    }

    /// The answer to a prompt rendered by `chat`, with the opening that it came with.
    ///
    /// Stop strings apply to the content that the person reads, not to reasoning or arguments,
    /// and not across a call or a thought in between. The answer's calls get the ids
    /// `call_{call_prefix}_{n}` with n from 0: give each answer of a conversation another prefix.
    pub fn chat(
        chat: &Chat,
        opening: Opening,
        stops: Vec<String>,
        call_prefix: impl Into<String>,
    ) -> Self {
        let (tokenizer, prefix) = (chat.tokenizer().clone(), call_prefix.into());
        let source = match chat.format() {
            Format::Harmony(tokens) => {
                Source::Harmony(Box::new(harmony::Parser::new(tokenizer, *tokens, prefix)))
            }
            Format::Template(renderer) => {
                let tags = renderer.tags();
                Source::Tagged(Box::new(tagged::Parser::new(tokenizer, tags, opening, prefix)))
            }
        };
        Self::new(source, stops)
    }

    /// The same answer when it is held to a form: its content ends it, whatever that looks like.
    pub fn formed(mut self) -> Self {
        if let Source::Tagged(parser) = &mut self.source {
            parser.expect_form();
        }
        self
    }

    /// The same answer when the model was told of functions with these names.
    #[must_use]
    pub fn with_functions(mut self, names: impl IntoIterator<Item = String>) -> Self {
        if let Source::Tagged(parser) = &mut self.source {
            parser.expect_calls(names.into_iter());
        }
        self
    }

    /// The continuation of a raw text: all of it is content; special tokens are left out.
    pub fn plain(tokenizer: &Tokenizer, stops: Vec<String>) -> Self {
        let source = Source::Plain(Detokenizer::new(tokenizer.clone()));
        Self::new(source, stops)
    }

    /// The same, where no stop string is completed by one of the first `min_tokens` tokens.
    #[must_use]
    pub fn with_min_tokens(self, min_tokens: usize) -> Self {
        Self { min_tokens, ..self }
    }

    /// Takes the next token; gives back what it makes certain, neighbouring pieces of one kind
    /// joined. Often nothing: within headers, characters and possible stop strings.
    pub fn push(&mut self, id: u32) -> Vec<Delta> {
        if self.stopped() {
            return Vec::new();
        }
        self.tokens += 1;
        self.stops.suspend(self.tokens <= self.min_tokens);
        let mut deltas = Vec::new();
        match &mut self.source {
            Source::Harmony(parser) => parser.push(id, &mut deltas),
            Source::Tagged(parser) => parser.push(id, &mut deltas),
            Source::Plain(detokenizer) => {
                let mut text = String::new();
                detokenizer.push(id, &mut text);
                append(&mut deltas, Delta::Content(text));
            }
        }
        self.watch(deltas)
    }

    /// Ends the answer; gives back what was held back.
    pub fn finish(&mut self) -> Vec<Delta> {
        if self.stopped() {
            return Vec::new();
        }
        let mut deltas = Vec::new();
        match &mut self.source {
            Source::Harmony(parser) => parser.finish(&mut deltas),
            Source::Tagged(parser) => parser.finish(&mut deltas),
            Source::Plain(detokenizer) => {
                let mut text = String::new();
                detokenizer.finish(&mut text);
                append(&mut deltas, Delta::Content(text));
            }
        }
        let mut shown = self.watch(deltas);
        append(&mut shown, Delta::Content(self.stops.flush()));
        shown
    }

    /// Whether a stop string was completed. Neither it nor anything after it is given back.
    pub fn stopped(&self) -> bool {
        self.stops.stopped()
    }

    /// How many tokens so far were text of reasoning.
    pub fn reasoning_tokens(&self) -> usize {
        match &self.source {
            Source::Harmony(parser) => parser.reasoning_tokens(),
            Source::Tagged(parser) => parser.reasoning_tokens(),
            Source::Plain(_) => 0,
        }
    }

    /// How many functions the answer has called so far. An answer with calls waits for their
    /// results (`finish_reason` `tool_calls`).
    pub fn tool_calls(&self) -> usize {
        match &self.source {
            Source::Harmony(parser) => parser.calls(),
            Source::Tagged(parser) => parser.calls(),
            Source::Plain(_) => 0,
        }
    }

    /// Whether tokens that have given nothing out may still turn out to be content. If not, they were
    /// tags or what sets them off.
    pub fn holds_back(&self) -> bool {
        match &self.source {
            Source::Tagged(parser) => parser.holds_back(),
            Source::Harmony(_) | Source::Plain(_) => true,
        }
    }

    /// Passes content through the stop strings.
    fn watch(&mut self, deltas: Vec<Delta>) -> Vec<Delta> {
        let mut shown = Vec::new();
        for delta in deltas {
            if let Delta::Content(text) = delta {
                append(&mut shown, Delta::Content(self.stops.push(&text)));
                if self.stops.stopped() {
                    break;
                }
            } else {
                append(&mut shown, Delta::Content(self.stops.flush()));
                append(&mut shown, delta);
            }
        }
        shown
    }
}
