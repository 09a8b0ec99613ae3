//! Where drafts come from, as metrics name it.

use std::ops::{Index, IndexMut};

/// Where the drafts of an answer in a step come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// What the text says already: [`Drafter::Ngram`](crate::Drafter::Ngram).
    Ngram,
    /// A smaller model: [`Drafter::Model`](crate::Drafter::Model).
    DraftModel,
    /// What the request predicts: [`Prediction`](crate::Prediction).
    Prediction,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ngram, Self::DraftModel, Self::Prediction];

    /// Its name; vLLM has the same for the first two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ngram => "ngram",
            Self::DraftModel => "draft_model",
            Self::Prediction => "prediction",
        }
    }
}

/// One value for each method.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByMethod<T>([T; Method::ALL.len()]);

impl<T> ByMethod<T> {
    /// All of them, in the order of [`Method::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Method, &T)> {
        Method::ALL.into_iter().zip(&self.0)
    }
}

impl<T: Copy> ByMethod<T> {
    /// The same for each.
    pub(crate) fn all(value: T) -> Self {
        Self([value; Method::ALL.len()])
    }
}

impl<T> Index<Method> for ByMethod<T> {
    type Output = T;

    fn index(&self, method: Method) -> &T {
        &self.0[method as usize]
    }
}

impl<T> IndexMut<Method> for ByMethod<T> {
    fn index_mut(&mut self, method: Method) -> &mut T {
        &mut self.0[method as usize]
    }
}
