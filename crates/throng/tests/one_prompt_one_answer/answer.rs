//! What a client is told, down to the bits.

use throng_engine::{Event, EventStream, FinishReason, TokenLogprobs, Usage};

/// An event, its floating-point numbers as bits: compared as numbers, both zeros would be equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Log-probabilities of the prompt.
    Prompt(Vec<Bits>),
    /// A token.
    Token(u32, Option<Bits>),
    /// The end.
    Finish(FinishReason, Usage),
}

/// The bits of log-probabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    logprob: u32,
    rank: usize,
    top: Vec<(u32, u32)>,
}

impl From<TokenLogprobs> for Bits {
    fn from(TokenLogprobs { logprob, rank, top }: TokenLogprobs) -> Self {
        let top = top.into_iter().map(|(id, logprob)| (id, logprob.to_bits())).collect();
        Self { logprob: logprob.to_bits(), rank, top }
    }
}

/// One answer, and how it came.
#[derive(Debug)]
pub struct Answer {
    /// All that depends on the request alone.
    pub told: Vec<Told>,
    /// Tokens of the prompt that were not computed again.
    pub cached_tokens: usize,
}

impl Answer {
    /// Reads a stream to its end, or up to token `leaves_after`.
    pub fn read(mut stream: EventStream, leaves_after: Option<usize>) -> Self {
        let mut answer = Self { told: Vec::new(), cached_tokens: 0 };
        let mut tokens = 0;
        while leaves_after != Some(tokens) {
            match stream.next_blocking() {
                Some(Event::Started { cached_tokens }) => answer.cached_tokens = cached_tokens,
                Some(Event::Prompt(scores)) => {
                    answer.told.push(Told::Prompt(scores.into_iter().map(Bits::from).collect()));
                }
                Some(Event::Token { id, logprobs }) => {
                    answer.told.push(Told::Token(id, logprobs.map(Bits::from)));
                    tokens += 1;
                }
                Some(Event::Finish { reason, usage }) => {
                    answer.told.push(Told::Finish(reason, usage));
                }
                None => break,
            }
        }
        answer.check(leaves_after.is_some());
        answer
    }

    /// One `Finish`, at the end and by no failure; none if the client has gone before.
    fn check(&self, left: bool) {
        let finishes: Vec<_> =
            self.told.iter().filter(|told| matches!(told, Told::Finish(..))).collect();
        match (&finishes[..], self.told.last()) {
            ([], _) if left => (),
            ([Told::Finish(FinishReason::Stop | FinishReason::Length, _)], Some(last))
                if !left && *last == *finishes[0] => {}
            _ => panic!("ends with {finishes:?}"),
        }
    }

    /// Panics with the first difference from the answer that the client should have got.
    pub fn expect(&self, expected: &Self, whose: &str) {
        let differs =
            self.told.iter().zip(&expected.told).position(|(ours, theirs)| ours != theirs);
        let lens = (self.told.len(), expected.told.len());
        if let Some(at) = differs {
            let (ours, theirs) = (&self.told[at], &expected.told[at]);
            panic!("{whose}: event {at} of {lens:?} is {ours:?}, alone it was {theirs:?}");
        }
        assert_eq!(lens.0, lens.1, "{whose}: events");
    }
}
