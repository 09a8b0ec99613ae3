//! What a piece of an answer means.

/// The next piece of an answer, in the order in which the model wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// More of what the model thinks.
    Reasoning(String),
    /// More of what the person reads.
    Content(String),
    /// A call begins; `index` counts the answer's calls from 0.
    ToolCallStart {
        /// Which call.
        index: usize,
        /// Unique.
        id: String,
        /// The function's name.
        name: String,
    },
    /// More of a call's arguments.
    ToolCallArguments {
        /// Which call.
        index: usize,
        /// JSON text, as the model wrote it.
        text: String,
    },
}
