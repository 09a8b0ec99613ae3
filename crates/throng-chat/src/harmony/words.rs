//! Words of headers: who writes, to whom, in which channel, in which form.

/// The model.
pub(super) const ASSISTANT: &str = "assistant";
/// Authors other than the model itself.
pub(super) const OTHERS: [&str; 4] = ["user", "system", "developer", "tool"];
/// Where thoughts go.
pub(super) const ANALYSIS: &str = "analysis";
/// Where calls go, and what the model says about them.
pub(super) const COMMENTARY: &str = "commentary";
/// Before the name of a recipient.
pub(super) const TO: &str = "to=";
/// The namespace of the caller's functions.
pub(super) const FUNCTIONS: &str = "functions.";
/// The format's channels.
const CHANNELS: [&str; 3] = [ANALYSIS, COMMENTARY, "final"];
/// Words that name the form of a text and not its recipient.
const FORMS: [&str; 6] = ["json", "code", "text", "markdown", "python", "response"];
/// An author, channel or form that is longer than this is none.
const MAX_NAME_BYTES: usize = 64;

/// Words and where they begin.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut end = 0;
    text.split_inclusive(is_space).filter_map(move |piece| {
        let start = end;
        end += piece.len();
        let word = piece.trim_end_matches(is_space);
        (!word.is_empty()).then_some((start, word))
    })
}

/// White space, and what shows as nothing at all: models put both behind names.
fn is_space(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}')
}

/// Whether the word begins so, or may once it is complete.
pub(super) fn begins(word: &str, with: &str, partial: bool) -> bool {
    word.starts_with(with) || partial && with.starts_with(word)
}

/// Whether the word may be a name.
pub(super) fn is_name(word: &str) -> bool {
    word.len() <= MAX_NAME_BYTES && word.chars().all(is_name_character)
}

pub(super) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_-.:/+".contains(character)
}

/// Whether a function may have the name where nothing else says that there is one.
pub(super) fn is_callable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !is_person(name)
}

/// Whether a message to this recipient is read and not executed.
pub(super) fn is_person(recipient: &str) -> bool {
    recipient == ASSISTANT || recipient == "all" || OTHERS[..3].contains(&recipient)
}

/// Whether the word is an author that a model may repeat after the prompt, or may become one.
pub(super) fn is_role(word: &str, partial: bool) -> bool {
    let rest = word.trim_start_matches(ASSISTANT);
    let may_be_own =
        || std::iter::once(ASSISTANT).chain(CHANNELS).any(|name| name.starts_with(rest));
    own(word).is_some()
        || partial && may_be_own()
        || OTHERS.into_iter().any(|role| word == role || partial && role.starts_with(word))
}

/// Whether the word says that the model itself writes: its name, once or more, or the channel where
/// the name should be, or both in one. Gives back the channel.
pub(super) fn own(word: &str) -> Option<Option<&'static str>> {
    let rest = word.trim_start_matches(ASSISTANT);
    match CHANNELS.into_iter().find(|&channel| channel == rest) {
        None if word.is_empty() || !rest.is_empty() => None,
        channel => Some(channel),
    }
}

/// Whether the word may stand where a channel's name should be: a name, with any marks around it.
pub(super) fn may_be_channel(word: &str) -> bool {
    word.len() <= MAX_NAME_BYTES && is_name(word.trim_matches(|c: char| !c.is_alphanumeric()))
}

/// The channel that a word names, and where in the word its name ends. Marks may come before it, and
/// behind it anything that makes no longer word of it.
pub(super) fn channel(word: &str) -> Option<(&'static str, usize)> {
    let name = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    CHANNELS.into_iter().find_map(|channel| {
        let rest = name.get(channel.len()..)?;
        let named = name[..channel.len()].eq_ignore_ascii_case(channel);
        (named && !rest.starts_with(char::is_lowercase)).then(|| (channel, word.len() - rest.len()))
    })
}

/// Whether the word is the beginning of a channel's name.
pub(super) fn begins_channel(word: &str) -> bool {
    CHANNELS.into_iter().any(|channel| channel.starts_with(word))
}

/// Whether the word names a form, or may once it is complete.
pub(super) fn is_form(word: &str, partial: bool) -> bool {
    FORMS.into_iter().any(|form| word == form || partial && form.starts_with(word))
}
