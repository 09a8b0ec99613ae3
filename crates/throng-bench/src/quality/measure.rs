//! Documents through one model, or through two side by side, and what comes of it.

use std::num::NonZeroUsize;

use throng_model::Runner;

use super::distribution::Distribution;
use super::reader::{ReadError, Reader};
use super::windows::{Document, Window, Windows};
use crate::statistics::Samples;

/// How documents are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QualityPlan {
    /// Which tokens are read together, and which count.
    pub windows: Windows,
    /// Tokens of a step at most; no result depends on it.
    pub chunk: NonZeroUsize,
}

/// How well a model predicts.
#[derive(Clone, Debug, PartialEq)]
pub struct Quality {
    /// Windows that were read.
    pub windows: usize,
    /// `-ln p(token | what is before it in the window)` of each token that counts, in nats.
    pub surprises: Samples,
    /// Beside a reference.
    pub agreement: Option<Agreement>,
}

/// How near a model's predictions are to a reference's, at the tokens that count.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The reference's [`Quality::surprises`].
    pub surprises: Samples,
    /// The model's surprise less the reference's, token by token.
    pub differences: Samples,
    /// `KL(reference ‖ model)` of the distributions of each token, in nats.
    pub divergences: Samples,
    /// Tokens at which both have the same most probable one.
    pub same_best: usize,
}

/// What cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// A document too short, or windows in which nothing is behind anything.
    #[error("of {tokens} tokens none counts")]
    NothingCounts {
        /// Of all documents.
        tokens: usize,
    },
    /// Windows past a model's context, or past its KV cache.
    #[error("windows of {context} tokens are more than the {room} that the model has room for")]
    NoRoom {
        /// Of the plan.
        context: usize,
        /// Tokens of a text that the model can read.
        room: usize,
    },
    /// Distributions over different tokens.
    #[error("the model has a vocabulary of {model}, the reference one of {reference}")]
    Vocabularies {
        /// Entries of the model's logits.
        model: usize,
        /// And of the reference's.
        reference: usize,
    },
    /// A model failed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Quality {
    /// `exp` of the mean surprise.
    pub fn perplexity(&self) -> f64 {
        self.surprises.mean().exp()
    }
}

impl Agreement {
    /// The reference's perplexity.
    pub fn perplexity(&self) -> f64 {
        self.surprises.mean().exp()
    }

    /// The part of the tokens at which both have the same most probable one, from 0 to 1.
    pub fn top_1(&self) -> f64 {
        self.same_best as f64 / self.divergences.count() as f64
    }
}

/// Reads documents, whose tokens are all below the vocabulary's size, and compares what a model
/// says of each token that counts with what comes, and with a reference if there is one. `progress`
/// gets chunks read and chunks in all.
///
/// # Errors
/// Nothing counts, a window does not fit, the two models' vocabularies differ, or one fails.
pub fn measure_quality(
    model: &mut dyn Runner,
    reference: Option<&mut dyn Runner>,
    documents: &[Document],
    plan: QualityPlan,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Quality, QualityError> {
    let mut model = Reader::new(model);
    let mut reference = reference.map(Reader::new);
    let QualityPlan { windows, chunk } = plan;
    let windows = || {
        let of = move |document| windows.of(document).map(move |window| (document, window));
        documents.iter().flat_map(of)
    };
    check(&model, reference.as_ref(), windows().map(|(_, window)| window))?;
    let steps = windows().map(|(_, window)| window.steps(chunk)).sum();
    let mut sums = Sums { vocab: model.vocab(), ..Sums::default() };
    for (document, window) in windows() {
        model.begin();
        if let Some(reference) = &mut reference {
            reference.begin();
        }
        let input = window.input(document);
        let mut start = window.tokens.start;
        for tokens in input.chunks(chunk.get()) {
            let next = start + tokens.len();
            // Logits after a token are about the one behind it.
            let first = start.max(window.counted.start - 1);
            let wanted = next.saturating_sub(first);
            let logits = model.read(tokens, wanted)?;
            let others = match &mut reference {
                Some(reference) => Some(reference.read(tokens, wanted)?),
                None => None,
            };
            sums.add(logits, others, &document.tokens[(next - wanted + 1)..=next]);
            start = next;
            sums.steps += 1;
            progress(sums.steps, steps);
        }
        sums.windows += 1;
    }
    let tokens = documents.iter().map(|document| document.tokens.len()).sum();
    sums.quality().ok_or(QualityError::NothingCounts { tokens })
}

fn check(
    model: &Reader<'_>,
    reference: Option<&Reader<'_>>,
    windows: impl Iterator<Item = Window>,
) -> Result<(), QualityError> {
    let vocabularies = reference.map(|reference| (model.vocab(), reference.vocab()));
    if let Some((model, reference)) = vocabularies.filter(|(model, reference)| model != reference) {
        return Err(QualityError::Vocabularies { model, reference });
    }
    let room = reference.map_or(usize::MAX, Reader::room).min(model.room());
    let context = windows.map(|window| window.tokens.len()).max().unwrap_or(0);
    if context > room {
        return Err(QualityError::NoRoom { context, room });
    }
    Ok(())
}

/// What is known of the tokens that count so far, some numbers for each.
#[derive(Default)]
struct Sums {
    /// Entries of a vector of logits.
    vocab: usize,
    windows: usize,
    steps: usize,
    surprises: Vec<f64>,
    /// The reference's; as many, or none without one.
    references: Vec<f64>,
    divergences: Vec<f64>,
    same_best: usize,
}

impl Sums {
    /// Takes in the tokens that come after each vector of logits.
    fn add(&mut self, logits: &[f32], references: Option<&[f32]>, tokens: &[u32]) {
        let mut references = references.map(|logits| logits.chunks_exact(self.vocab));
        for (row, &token) in logits.chunks_exact(self.vocab).zip(tokens) {
            let model = Distribution::new(row);
            self.surprises.push(model.surprise(token));
            if let Some(row) = references.as_mut().and_then(Iterator::next) {
                let reference = Distribution::new(row);
                self.references.push(reference.surprise(token));
                self.divergences.push(reference.divergence(&model));
                self.same_best += usize::from(reference.best == model.best);
            }
        }
    }

    /// `None` if no token counts.
    fn quality(self) -> Option<Quality> {
        let Self { windows, surprises, references, divergences, same_best, .. } = self;
        let differences = surprises.iter().zip(&references).map(|(model, other)| model - other);
        let differences = Samples::new(differences);
        let agreement = differences.zip(Samples::new(references)).zip(Samples::new(divergences));
        let agreement = agreement.map(|((differences, surprises), divergences)| Agreement {
            surprises,
            differences,
            divergences,
            same_best,
        });
        Some(Quality { windows, surprises: Samples::new(surprises)?, agreement })
    }
}
