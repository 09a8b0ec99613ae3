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

impl Delta {
    /// The text that the piece adds; none for the beginning of a call.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Reasoning(text) | Self::Content(text) | Self::ToolCallArguments { text, .. } => {
                Some(text)
            }
            Self::ToolCallStart { .. } => None,
        }
    }
}

/// Appends a piece: joined to the last one if it goes on with the same, left out if it is empty.
pub(crate) fn append(deltas: &mut Vec<Delta>, delta: Delta) {
    if delta.text().is_some_and(str::is_empty) {
        return;
    }
    match (deltas.last_mut(), &delta) {
        (Some(Delta::Reasoning(last)), Delta::Reasoning(text))
        | (Some(Delta::Content(last)), Delta::Content(text)) => last.push_str(text),
        (
            Some(Delta::ToolCallArguments { index: last_index, text: last }),
            Delta::ToolCallArguments { index, text },
        ) if last_index == index => last.push_str(text),
        _ => deltas.push(delta),
    }
}
