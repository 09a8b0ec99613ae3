//! Where in its frame an answer is, and what a token does there.

/// Where in its frame an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Within one of the ways that begin with the first `passed` symbols of way `way`. At their
    /// beginning, newlines may come yet, and it may be that of an answer or behind a thought.
    Way { way: usize, passed: usize, newlines: u8, thought: bool },
    /// In a thought of which so many bytes may be those of the tag that ends it.
    Thought { tag: usize },
    /// In a call.
    Call,
    /// In the text.
    Text,
    /// Nothing may come.
    Over,
}

/// What becomes of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It belongs to the frame, and the answer goes on so.
    To(Phase),
    /// It is one for the text, or one that ends the answer.
    Text,
    /// It may not come.
    No,
}
