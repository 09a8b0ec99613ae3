//! Answers with a form, token by token.

use std::sync::Arc;

use super::compile::Compiled;
use super::frame::Frame;
use super::matcher::Matcher;
use super::phase::{Phase, Step};
use super::vocabulary::{Ids, insert};
use crate::chat::{Chat, Format};
use crate::conversation::Tool;
use crate::prompt::Opening;

/// A form, and where in an answer it applies. Clones share it.
#[derive(Clone, Debug)]
pub struct Form {
    grammar: Arc<Compiled>,
    frame: Arc<Frame>,
    /// Tokens that end an answer.
    ends: Arc<[u32]>,
}

/// One answer that is held to a form. What it allows depends on the form and the tokens so far, and
/// on nothing else.
#[derive(Debug)]
pub struct Formed {
    frame: Arc<Frame>,
    ends: Arc<[u32]>,
    matcher: Matcher,
    phase: Phase,
    /// For each token so far: where the answer was before it, and whether it is one of the text.
    passed: Vec<(Phase, bool)>,
    allowed: Ids,
}

/// Why an answer cannot be held to a form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// None of the tokens that are to end an answer is one of the model's.
    #[error("no token of the model ends an answer")]
    NoEnd,
    /// The grammar is too complex, or allows no token of the model's; in llguidance's words.
    #[error("{0}")]
    Grammar(String),
    /// A token that was not allowed.
    #[error("token {0} may not come here")]
    NotAllowed(u32),
    /// More tokens were to be taken back than there are.
    #[error("there are no {0} tokens to take back")]
    TooFewTokens(usize),
}

impl Form {
    /// For the answers to a prompt that `chat` has rendered, with the opening that it came with. The
    /// form is that of the content; the model may think before, and call one of `tools` instead.
    /// `ends`: tokens that end an answer.
    ///
    /// # Errors
    /// [`FormError::NoEnd`].
    pub fn of_answer(
        grammar: Arc<Compiled>,
        chat: &Chat,
        opening: Opening,
        tools: &[Tool],
        ends: &[u32],
    ) -> Result<Self, FormError> {
        let frame = match chat.format() {
            Format::Harmony(tokens) => Frame::harmony(tokens, tools, grammar.is_json()),
            Format::Template(renderer) => {
                Frame::tagged(renderer.tags(), opening, tools, chat.tokenizer())
            }
        };
        Self::new(grammar, frame, ends)
    }

    /// For continuations of a raw text, all of which has the form.
    ///
    /// # Errors
    /// [`FormError::NoEnd`].
    pub fn of_text(grammar: Arc<Compiled>, ends: &[u32]) -> Result<Self, FormError> {
        Self::new(grammar, Frame::plain(), ends)
    }

    fn new(grammar: Arc<Compiled>, frame: Frame, ends: &[u32]) -> Result<Self, FormError> {
        let beyond = grammar.vocabulary().end();
        let ends = ends.iter().copied().filter(|&id| id < beyond && Some(id) != frame.call_end());
        let ends: Arc<[u32]> = ends.collect();
        if ends.is_empty() {
            return Err(FormError::NoEnd);
        }
        Ok(Self { grammar, frame: Arc::new(frame), ends })
    }

    /// An answer before its first token.
    pub fn begin(&self) -> Formed {
        Formed {
            frame: self.frame.clone(),
            ends: self.ends.clone(),
            matcher: self.grammar.begin(),
            phase: self.frame.first(),
            passed: Vec::new(),
            allowed: Ids::new(),
        }
    }
}

impl Formed {
    /// The tokens that may come next, among them those that end the answer if it may end here: bit
    /// `id % 32` of word `id / 32`. Ids beyond the last word may not come.
    ///
    /// # Errors
    /// [`FormError::Grammar`].
    pub fn allowed(&mut self) -> Result<&[u32], FormError> {
        let vocabulary = self.matcher.vocabulary().clone();
        self.allowed.clear();
        self.allowed.resize(vocabulary.text().len(), 0);
        self.frame.allow(self.phase, &vocabulary, &self.ends, &mut self.allowed);
        if self.frame.has_text(self.phase) {
            let next = self.matcher.next()?;
            self.allowed.iter_mut().zip(&next.tokens).for_each(|(word, text)| *word |= text);
            if next.end {
                self.ends.iter().for_each(|&id| insert(&mut self.allowed, id));
            }
        }
        Ok(&self.allowed)
    }

    /// Takes the next token.
    ///
    /// # Errors
    /// [`FormError::NotAllowed`], or [`FormError::Grammar`].
    pub fn push(&mut self, id: u32) -> Result<(), FormError> {
        let is_text = self.frame.has_text(self.phase) && self.matcher.push(id)?;
        let next = if is_text { Phase::Text } else { self.step(id)? };
        self.passed.push((self.phase, is_text));
        self.phase = next;
        Ok(())
    }

    /// What comes after a token that is none of the text's.
    fn step(&mut self, id: u32) -> Result<Phase, FormError> {
        match self.frame.step(self.phase, id, self.matcher.vocabulary(), &self.ends) {
            Step::To(phase) => Ok(phase),
            Step::Text if self.ends.contains(&id) && self.matcher.may_end()? => Ok(Phase::Over),
            Step::Text | Step::No => Err(FormError::NotAllowed(id)),
        }
    }

    /// Takes the last `tokens` tokens back.
    ///
    /// # Errors
    /// [`FormError::TooFewTokens`], or [`FormError::Grammar`] if there was such an error before.
    pub fn rollback(&mut self, tokens: usize) -> Result<(), FormError> {
        let left = self.passed.len().checked_sub(tokens).ok_or(FormError::TooFewTokens(tokens))?;
        let of_text = self.passed[left..].iter().filter(|(_, is_text)| *is_text).count();
        self.matcher.rollback(of_text)?;
        if let Some(&(phase, _)) = self.passed.get(left) {
            self.phase = phase;
        }
        self.passed.truncate(left);
        Ok(())
    }
}
