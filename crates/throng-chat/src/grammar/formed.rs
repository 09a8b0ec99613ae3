//! Answers with a form, token by token.

use super::form::{Form, FormError};
use super::frame::Setting;
use super::matcher::Matcher;
use super::phase::Phase;
use super::vocabulary::Ids;

/// One answer that is held to a form. What it allows depends on the form and the tokens so far, and
/// on nothing else.
#[derive(Debug)]
pub struct Formed {
    form: Form,
    phase: Phase,
    /// The text with a form that is being written, or may begin, once it was looked at.
    live: Option<Matcher>,
    allowed: Ids,
}

impl Formed {
    pub(super) fn new(form: Form) -> Self {
        let phase = form.frame.first();
        Self { form, phase, live: None, allowed: Ids::new() }
    }

    /// Whether any token may come next, so that one that was drawn is looked at: that is far less
    /// than to look at all of them, and a model that is held to a form mostly keeps to it.
    pub fn is_loose(&self) -> bool {
        self.phase != Phase::Over
    }

    /// Whether this token may come next.
    ///
    /// # Errors
    /// [`FormError::Grammar`].
    pub fn allows(&mut self, id: u32) -> Result<bool, FormError> {
        let mut may_end = false;
        if let Some(matcher) = self.matcher()? {
            if matcher.allows(id)? {
                return Ok(true);
            }
            may_end = matcher.may_end()?;
        }
        Ok(self.form.frame.step(self.phase, id, &self.setting(may_end)).is_some())
    }

    /// The tokens that may come next, among them those that end the answer if it may end here: bit
    /// `id % 32` of word `id / 32`. Ids beyond the last word may not come.
    ///
    /// # Errors
    /// [`FormError::Grammar`].
    pub fn allowed(&mut self) -> Result<&[u32], FormError> {
        let mut allowed = std::mem::take(&mut self.allowed);
        allowed.clear();
        allowed.resize(self.form.vocabulary.text().len(), 0);
        let mut may_end = false;
        if let Some(matcher) = self.matcher()? {
            let next = matcher.next()?;
            allowed.iter_mut().zip(&next.tokens).for_each(|(word, text)| *word |= text);
            may_end = next.end;
        }
        self.form.frame.allow(self.phase, &self.setting(may_end), &mut allowed);
        self.allowed = allowed;
        Ok(&self.allowed)
    }

    /// Takes the next token.
    ///
    /// # Errors
    /// [`FormError::NotAllowed`], or [`FormError::Grammar`].
    pub fn push(&mut self, id: u32) -> Result<(), FormError> {
        let mut may_end = false;
        let mut formed = false;
        if let Some(matcher) = self.matcher()? {
            formed = matcher.push(id)?;
            may_end = !formed && matcher.may_end()?;
        }
        let frame = &self.form.frame;
        let next = match self.phase {
            Phase::At { place, .. } if formed => frame.within(frame.inner(place)),
            phase => {
                let next = frame.step(phase, id, &self.setting(may_end));
                next.ok_or(FormError::NotAllowed(id))?
            }
        };
        self.phase = next;
        if !formed {
            self.live = None;
        }
        Ok(())
    }

    /// The text with a form that is being written, or may begin, here.
    fn matcher(&mut self) -> Result<Option<&mut Matcher>, FormError> {
        let Some(grammar) = self.form.frame.grammar(self.phase) else { return Ok(None) };
        let begin = || self.form.grammars[grammar].begin();
        Ok(Some(self.live.get_or_insert_with(begin)))
    }

    fn setting(&self, may_end: bool) -> Setting<'_> {
        let Form { vocabulary, ends, .. } = &self.form;
        Setting { vocabulary, ends, may_end }
    }
}
