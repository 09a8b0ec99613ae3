//! What comes out of an offline measurement, and who watches it.

use crate::statistics::Samples;

/// One line of the result: what was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// One user's prompt was read, and gave the logits of its last token.
    Prefill {
        /// Tokens of the prompt.
        tokens: usize,
    },
    /// Each of some users got some tokens, a step a token.
    Decode {
        /// Rows of each step.
        users: usize,
    },
}

/// What a case took.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// What was done.
    pub case: Case,
    /// Tokens computed each time.
    pub tokens: usize,
    /// Steps each time.
    pub steps: usize,
    /// Seconds of each time.
    pub seconds: Samples,
    /// Bytes a second that memory was read at before and after each decoding, in the order in which
    /// they were measured; empty where that was not asked for or cannot be measured.
    pub bandwidth: Vec<[f64; 2]>,
}

/// What goes on while a plan is measured.
pub struct Watch<'a> {
    /// Gets steps done and steps in all.
    pub progress: &'a mut dyn FnMut(usize, usize),
    /// Measures how many bytes a second memory is read at, if that is wanted around each decoding.
    pub bandwidth: Option<&'a mut dyn FnMut() -> Option<f64>>,
}

impl Watch<'_> {
    pub(super) fn bandwidth(&mut self) -> Option<f64> {
        self.bandwidth.as_mut()?()
    }
}

impl Measurement {
    /// Tokens per second, those of all users together.
    pub fn rates(&self) -> Option<Samples> {
        self.seconds.map(|seconds| self.tokens as f64 / seconds)
    }
}
