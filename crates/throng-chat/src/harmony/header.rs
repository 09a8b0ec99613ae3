//! Headers of messages as models write them, which is not always as they should be.

use super::scan::{Next, Scanner, Section};
use super::spelled::{self, Spelled};
use super::tokens::Tokens;
use super::words::{
    ANALYSIS, ASSISTANT, COMMENTARY, FUNCTIONS, OTHERS, TO, channel, is_callable, is_form,
    is_person, own, words,
};
use crate::tokenizer::Detokenizer;

/// Where a message's text belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What the model thinks.
    Reasoning,
    /// What the person reads.
    Content,
    /// Arguments of a call of this function.
    Call(String),
}

/// A section of a header that is longer than this is none, so no more text than this is held back.
const MAX_SECTION_BYTES: usize = 256;

/// A header while it is being read.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Whether `<|start|>` began it, so that its first word is the author. Otherwise the model
    /// is: the prompt ends with its name.
    started: bool,
    section: Section,
    /// Text of the section.
    text: String,
    /// Where in it the text of each of its tokens begins.
    tokens: Vec<usize>,
    author: Option<String>,
    channel: Option<String>,
    recipient: Option<String>,
    /// A word after the channel that says neither `to=` nor a known form.
    bare: Option<String>,
}

/// What there is to say of a section that may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Nothing,
    /// From here on it is the message's text.
    Text(usize),
    /// One of Harmony's tokens, written out.
    Token(Spelled),
}

impl Header {
    pub fn new(started: bool) -> Self {
        Self {
            started,
            section: Section::Author,
            text: String::new(),
            tokens: Vec::new(),
            author: None,
            channel: None,
            recipient: None,
            bare: None,
        }
    }

    /// Takes a token of text.
    pub fn push(&mut self, id: u32, detokenizer: &mut Detokenizer) {
        self.tokens.push(self.text.len());
        detokenizer.push(id, &mut self.text);
    }

    /// Takes what follows a token that was written out.
    pub fn resume(&mut self, rest: &str) {
        self.tokens.push(self.text.len());
        self.text.push_str(rest);
    }

    /// A special token follows: a character that is still incomplete stays so.
    pub fn end_text(&mut self, detokenizer: &mut Detokenizer) {
        detokenizer.finish(&mut self.text);
    }

    /// What there is to say of the section so far. It does not depend on the pieces in which the
    /// text came: it is what the shortest beginning of the text says that says something.
    pub fn found(&self, tokens: &Tokens) -> Found {
        let mut ends = self.text.char_indices().map(|(at, _)| at);
        let end = ends.find(|&at| at > MAX_SECTION_BYTES).unwrap_or(self.text.len());
        let text = &self.text[..end];
        if let Some(spelled) = spelled::first(text, tokens) {
            let before = self.scanner().scan(&text[..spelled.at], Next::Closed);
            return before.misfit.map_or(Found::Token(spelled), Found::Text);
        }
        let scan = self.scanner().scan(spelled::without_beginning(text), Next::Open);
        let overflow = (end > MAX_SECTION_BYTES).then(|| scan.loose.unwrap_or(scan.last));
        scan.misfit.or(overflow).map_or(Found::Nothing, Found::Text)
    }

    /// Where the message's text begins in a section that ends; `None` if all of it is header.
    pub fn text_at(&self, next: Next) -> Option<usize> {
        let text = match next {
            Next::Cut => spelled::without_beginning(&self.text),
            _ => self.text.as_str(),
        };
        let scan = self.scanner().scan(text, next);
        let ended = matches!(next, Next::Ended | Next::Cut);
        scan.misfit.or(if ended { scan.loose } else { None })
    }

    fn scanner(&self) -> Scanner {
        let Self { section, started, .. } = *self;
        Scanner { section, started, addressed: self.recipient.is_some() }
    }

    /// Takes a token out that is written out, and what follows it, which is given back.
    pub fn cut(&mut self, spelled: Spelled) -> String {
        let rest = self.text.split_off(spelled.end);
        self.text.truncate(spelled.at);
        self.tokens.retain(|&start| start < spelled.at);
        rest
    }

    /// Closes the section and begins another.
    pub fn enter(&mut self, section: Section) {
        self.absorb(self.text.len());
        self.text.clear();
        self.tokens.clear();
        self.section = section;
    }

    /// Closes the header, to which all of the section belongs.
    pub fn close(&mut self) -> Kind {
        self.enter(Section::Form);
        self.kind()
    }

    /// Closes the header before this place and gives back the message's first text, with the
    /// number of tokens that it is made of.
    pub fn close_at(&mut self, at: usize) -> (Kind, String, usize) {
        self.absorb(at);
        let text = self.text.split_off(at);
        let after = self.tokens.iter().filter(|&&start| start >= at).count();
        // One more has its beginning in the header and its end in the text.
        let across = at > 0 && !text.is_empty() && !self.tokens.contains(&at);
        (self.kind(), text, after + usize::from(across))
    }

    /// Where the message's text belongs.
    fn kind(&self) -> Kind {
        let author = self.author.as_deref().unwrap_or(ASSISTANT);
        let recipient = self.recipient.as_deref().unwrap_or_default();
        let named = author != ASSISTANT;
        let foreign = OTHERS.contains(&author) || author.starts_with(FUNCTIONS);
        if foreign || named && recipient == ASSISTANT {
            return Kind::Reasoning;
        }
        let name = recipient.strip_prefix(FUNCTIONS).unwrap_or(recipient);
        if !name.is_empty() && !is_person(recipient) {
            return Kind::Call(name.to_owned());
        }
        match (self.channel.as_deref(), &self.bare) {
            (Some(COMMENTARY), Some(name)) if is_callable(name) => Kind::Call(name.clone()),
            (Some(ANALYSIS), _) => Kind::Reasoning,
            _ => Kind::Content,
        }
    }

    /// Takes the meaning of the section's first `end` bytes.
    fn absorb(&mut self, end: usize) {
        let text = std::mem::take(&mut self.text);
        for (index, (_, word)) in words(&text[..end]).enumerate() {
            let author = self.section == Section::Author && index == 0;
            if let Some(name) = word.strip_prefix(TO) {
                self.recipient = Some(name.to_owned());
            } else if word.starts_with(FUNCTIONS) && !(author && self.started) {
                self.recipient = Some(word.to_owned());
            } else if author {
                match own(word) {
                    Some(channel) => self.channel = channel.map(str::to_owned),
                    None => self.author = Some(word.to_owned()),
                }
            } else if self.section == Section::Channel {
                self.absorb_channel(index, word);
            }
        }
        self.text = text;
    }

    /// Takes the meaning of a word after `<|channel|>`.
    fn absorb_channel(&mut self, index: usize, word: &str) {
        match channel(word) {
            Some((name, end)) if index == 0 || end == word.len() => {
                // What the channel was called before was the name of a function.
                let before = self.channel.take().filter(|before| channel(before).is_none());
                self.bare = self.bare.take().or(before);
                self.channel = Some(name.to_owned());
            }
            _ if index == 0 => self.channel = Some(word.to_owned()),
            _ if !is_form(word, false) => self.bare = Some(word.to_owned()),
            _ => {}
        }
    }
}
