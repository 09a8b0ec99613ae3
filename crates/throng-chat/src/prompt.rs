//! What is asked of a model, and where its answer begins.

/// A rendered conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Token ids.
    pub ids: Vec<u32>,
    /// For [`crate::Reply::chat`].
    pub opening: Opening,
}

/// What the first token of an answer belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// The answer: if it begins with a thought, it says so.
    #[default]
    Answer,
    /// A thought that the prompt has opened.
    Thought,
}
