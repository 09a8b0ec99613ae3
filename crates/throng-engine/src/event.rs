//! What the engine tells a client.

/// Every accepted request yields its events in this order: `Started` once it is admitted, `Prompt`
/// if prompt log-probabilities were asked for, any number of `Token`s, then exactly one `Finish`,
/// whatever happens and however early.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It waits no longer.
    Started {
        /// Tokens of the prompt whose keys and values were in the cache already.
        cached_tokens: usize,
    },
    /// One entry for each token of the prompt but the first.
    Prompt(Vec<TokenLogprobs>),
    /// The next token of the answer.
    Token {
        /// Its id.
        id: u32,
        /// If asked for.
        logprobs: Option<TokenLogprobs>,
    },
    /// Nothing follows.
    Finish {
        /// Why the answer ended.
        reason: FinishReason,
        /// Tokens in and out.
        usage: Usage,
    },
}

/// Natural logarithms of a position's probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprobs {
    /// Of the token that is there.
    pub logprob: f32,
    /// How many tokens are more probable than it.
    pub rank: usize,
    /// The most probable tokens, best first, ties by lower id.
    pub top: Vec<(u32, f32)>,
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// One of the request's stop tokens, which was the last token sent.
    Stop,
    /// `max_tokens` or the end of the context.
    Length,
    /// The client dropped its stream, or the engine shut down.
    Cancelled,
    /// The request's deadline has passed.
    Expired,
    /// The model could not be run; the text says why.
    Failed(String),
}

/// Tokens counted for one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the answer, the stop token included.
    pub completion_tokens: usize,
}
