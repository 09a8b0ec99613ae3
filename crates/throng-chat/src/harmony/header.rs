//! Headers of messages as models write them, which is not always as they should be.

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

/// Authors other than the model itself.
const OTHERS: [&str; 4] = ["user", "system", "developer", "tool"];
/// The model.
const ASSISTANT: &str = "assistant";
/// Before the name of a recipient.
const TO: &str = "to=";
/// The namespace of the caller's functions.
const FUNCTIONS: &str = "functions.";
/// Words that name the form of a text and not its recipient.
const FORMS: [&str; 6] = ["json", "code", "text", "markdown", "python", "response"];
/// A section of a header that is longer than this is none.
const MAX_SECTION_BYTES: usize = 256;
/// An author, channel or form that is longer than this is none.
const MAX_NAME_BYTES: usize = 64;

/// The parts of a header, divided by special tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// From the beginning.
    Author,
    /// From `<|channel|>`.
    Channel,
    /// From `<|constrain|>`.
    Form,
}

/// A header while it is being read.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// Whether `<|start|>` began it, so that its first word is the author. Otherwise the model
    /// is: the prompt ends with its name.
    started: bool,
    section: Section,
    /// Text of the section.
    text: String,
    author: Option<String>,
    channel: Option<String>,
    recipient: Option<String>,
    /// A word after the channel that says neither `to=` nor a known form.
    bare: Option<String>,
}

/// How the text of a section goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It may go on: the last word may be incomplete.
    Open,
    /// A special token that belongs to the header ends the section.
    Closed,
    /// The message ends, without a text of its own.
    Ended,
}

impl Header {
    pub fn new(started: bool) -> Self {
        Self {
            started,
            section: Section::Author,
            text: String::new(),
            author: None,
            channel: None,
            recipient: None,
            bare: None,
        }
    }

    /// The text of the present section, to append to.
    pub fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// Where the message's text would belong if the header ended here.
    pub fn kind(&self) -> Kind {
        let author = self.author.as_deref().unwrap_or(ASSISTANT);
        let recipient = self.recipient.as_deref().unwrap_or_default();
        let named = author != ASSISTANT;
        let foreign = OTHERS.contains(&author) || author.starts_with(FUNCTIONS);
        if foreign || named && recipient == ASSISTANT {
            return Kind::Reasoning;
        }
        let name = recipient.strip_prefix(FUNCTIONS).unwrap_or(recipient);
        let person =
            recipient == ASSISTANT || recipient == "all" || OTHERS[..3].contains(&recipient);
        if !name.is_empty() && !person {
            return Kind::Call(name.to_owned());
        }
        if let (Some("commentary"), Some(name)) = (self.channel.as_deref(), &self.bare) {
            return Kind::Call(name.clone());
        }
        match self.channel.as_deref() {
            Some("analysis") => Kind::Reasoning,
            _ => Kind::Content,
        }
    }

    /// Whether the message is a call, text or not.
    pub fn is_call(&self) -> bool {
        matches!(self.kind(), Kind::Call(_))
    }

    /// Closes the section and begins another.
    pub fn enter(&mut self, section: Section) {
        self.absorb(self.text.len());
        self.text.clear();
        self.section = section;
        if section == Section::Channel {
            self.channel = None;
        }
    }

    /// Closes the header.
    pub fn close(&mut self) -> Kind {
        self.absorb(self.text.len());
        self.kind()
    }

    /// Closes the header before the first word that cannot belong to it and gives back the text
    /// from there on, which is the message's. `None` if all words may belong to it.
    pub fn split(&mut self, next: Next) -> Option<String> {
        let at = self.misfit(next)?;
        self.absorb(at);
        Some(self.text.split_off(at))
    }

    /// Where the first word begins that cannot belong to a header.
    fn misfit(&self, next: Next) -> Option<usize> {
        let mut addressed = self.recipient.is_some();
        let mut first_bare = None;
        let mut last = 0;
        for (index, (start, word)) in words(&self.text).enumerate() {
            last = start;
            let partial = next == Next::Open && start + word.len() == self.text.len();
            if begins(word, TO, partial) || begins(word, FUNCTIONS, partial) {
                let name = word.strip_prefix(TO).unwrap_or(word);
                if let Some(end) = name.find(|c| !is_name_character(c)) {
                    return Some(start + word.len() - name.len() + end);
                }
                addressed |= !partial;
                continue;
            }
            let fits = match (self.section, index) {
                (Section::Author, 0) if self.started => is_name(word),
                (Section::Author, 0) => is_role(word, partial),
                (Section::Author, _) => addressed && is_name(word),
                (Section::Channel, 0) => is_name(word),
                _ if !is_name(word) => false,
                _ if is_form(word, partial) => true,
                _ if first_bare.is_some() => false,
                _ => {
                    first_bare = Some(start);
                    next != Next::Ended || addressed || self.section == Section::Form
                }
            };
            if !fits && self.section == Section::Author && !addressed && !self.names_author() {
                return Some(0);
            }
            if !fits {
                return Some(first_bare.unwrap_or(start));
            }
        }
        (self.text.len() > MAX_SECTION_BYTES).then_some(last)
    }

    /// Whether the section begins with an author for certain.
    fn names_author(&self) -> bool {
        self.started && words(&self.text).next().is_some_and(|(_, word)| is_role(word, false))
    }

    /// Takes the meaning of the section's first `end` bytes.
    fn absorb(&mut self, end: usize) {
        for (index, (_, word)) in words(&self.text[..end]).enumerate() {
            let authors = self.section == Section::Author && index == 0 && self.started;
            if let Some(name) = word.strip_prefix(TO) {
                self.recipient = Some(name.to_owned());
            } else if authors {
                self.author = Some(word.to_owned());
            } else if word.starts_with(FUNCTIONS) {
                self.recipient = Some(word.to_owned());
            } else if self.section == Section::Channel && index == 0 {
                self.channel = Some(word.to_owned());
            } else if self.section == Section::Author && index == 0 {
                self.author = Some(word.to_owned());
            } else if self.section == Section::Channel && !FORMS.contains(&word) {
                self.bare = Some(word.to_owned());
            }
        }
    }
}

/// Words and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = 0;
    text.split_inclusive(char::is_whitespace).filter_map(move |piece| {
        let start = end;
        end += piece.len();
        let word = piece.trim_end();
        (!word.is_empty()).then_some((start, word))
    })
}

/// Whether the word begins so, or may once it is complete.
fn begins(word: &str, with: &str, partial: bool) -> bool {
    word.starts_with(with) || partial && with.starts_with(word)
}

/// Whether the word is an author that a model may repeat after the prompt, or may become one.
fn is_role(word: &str, partial: bool) -> bool {
    let is = |role: &str| word == role || partial && role.starts_with(word);
    is(ASSISTANT) || OTHERS.into_iter().any(is)
}

/// Whether the word names a form, or may once it is complete.
fn is_form(word: &str, partial: bool) -> bool {
    FORMS.into_iter().any(|form| word == form || partial && form.starts_with(word))
}

/// Whether the word may be a name.
fn is_name(word: &str) -> bool {
    word.len() <= MAX_NAME_BYTES && word.chars().all(is_name_character)
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-.:/+".contains(character)
}
