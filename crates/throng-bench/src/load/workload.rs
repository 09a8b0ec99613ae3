//! What is asked: bodies of requests, each drawn by its number.

use serde_json::{Value, json};

use super::prompt;
use super::random::Random;
use super::target::{ApiKey, Endpoint};

/// Separates the draws of seeds from those of prompts.
const SEEDS: u64 = u64::MAX;

/// What is asked of whom, and how long the answers may be.
#[derive(Debug, Clone)]
pub struct Workload {
    /// Which API.
    pub endpoint: Endpoint,
    /// What the server calls the model.
    pub model: String,
    /// Those who ask, in turn; may be empty.
    pub keys: Vec<ApiKey>,
    /// Tokens of a prompt, about; exactly so with [`Workload::token_ids`].
    pub prompt_tokens: usize,
    /// Prompts are token ids, which only [`Endpoint::Completions`] takes.
    pub token_ids: bool,
    /// Tokens of an answer at most.
    pub max_tokens: usize,
    /// Answers do not end before that: a field that vLLM, llama-server and throng know.
    pub ignore_eos: bool,
    /// How tokens are drawn; `None` leaves it to the server.
    pub temperature: Option<f64>,
    /// The same seed asks the same.
    pub seed: u64,
}

/// How the peer counts words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WordCount {
    /// Tokens around the words: the template's.
    pub(crate) around: f64,
    /// Tokens a word.
    pub(crate) per_word: f64,
}

/// Where the peer does not count tokens.
pub(crate) const A_TOKEN_A_WORD: WordCount = WordCount { around: 0.0, per_word: 1.0 };

impl WordCount {
    /// From the tokens of two prompts, given as (words, tokens), the shorter one first.
    pub(crate) fn from_two(short: (usize, u64), long: (usize, u64)) -> Self {
        let words = long.0.saturating_sub(short.0).max(1) as f64;
        let per_word = (long.1.saturating_sub(short.1) as f64 / words).max(0.1);
        Self { around: (short.1 as f64 - per_word * short.0 as f64).max(0.0), per_word }
    }

    /// Words that make a prompt of so many tokens, at least one.
    pub(crate) fn words_for(&self, tokens: usize) -> usize {
        (((tokens as f64 - self.around) / self.per_word).round() as usize).max(1)
    }
}

impl Workload {
    /// The key of the request with this number.
    pub(crate) fn key(&self, index: usize) -> Option<&ApiKey> {
        self.keys.get(index.checked_rem(self.keys.len())?)
    }

    /// A single request: what a user says, or what is to be continued.
    pub(crate) fn ask(&self, text: String, seed: u64) -> Value {
        match self.endpoint {
            Endpoint::Chat => self.chat(json!([{ "role": "user", "content": text }]), seed),
            Endpoint::Completions => self.body("prompt", json!(text), seed),
        }
    }

    /// A request with these messages.
    pub(crate) fn chat(&self, messages: Value, seed: u64) -> Value {
        self.body("messages", messages, seed)
    }

    /// The request with this number: `purpose` says of which part of a run.
    pub(crate) fn request(&self, words: WordCount, purpose: u64, index: usize) -> Value {
        let mut random = Random::new(self.seed, &[purpose, index as u64]);
        let seed = self.draw_seed(purpose, index as u64);
        if self.token_ids && self.endpoint == Endpoint::Completions {
            let ids = prompt::ids(&mut random, self.prompt_tokens);
            return self.body("prompt", json!(ids), seed);
        }
        self.ask(prompt::words(&mut random, words.words_for(self.prompt_tokens)), seed)
    }

    /// The seed of the answer of the request with this number. Some peers take 32 bits.
    pub(crate) fn draw_seed(&self, purpose: u64, index: u64) -> u64 {
        Random::new(self.seed, &[SEEDS, purpose, index]).next() >> 33
    }

    fn body(&self, key: &str, prompt: Value, seed: u64) -> Value {
        let mut body = json!({
            "model": self.model,
            key: prompt,
            "max_tokens": self.max_tokens,
            "seed": seed,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        if let Some(temperature) = self.temperature {
            body["temperature"] = json!(temperature);
        }
        if self.ignore_eos {
            body["ignore_eos"] = json!(true);
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload() -> Workload {
        Workload {
            endpoint: Endpoint::Chat,
            model: "m".to_owned(),
            keys: ["a=1", "b=2"].map(|key| key.parse().unwrap()).into(),
            prompt_tokens: 50,
            token_ids: false,
            max_tokens: 7,
            ignore_eos: true,
            temperature: None,
            seed: 3,
        }
    }

    #[test]
    fn a_number_asks_the_same_again_and_no_other_does() {
        let request = |seed, purpose, index| {
            Workload { seed, ..workload() }.request(A_TOKEN_A_WORD, purpose, index)
        };
        assert_eq!(request(3, 1, 1), request(3, 1, 1));
        for other in [request(4, 1, 1), request(3, 2, 1), request(3, 1, 2)] {
            assert_ne!(request(3, 1, 1), other);
        }
    }

    #[test]
    fn bodies_have_what_was_asked_and_no_more() {
        let body = workload().request(A_TOKEN_A_WORD, 0, 0);
        let keys: Vec<&String> = body.as_object().unwrap().keys().collect();
        let expected =
            ["model", "messages", "max_tokens", "seed", "stream", "stream_options", "ignore_eos"];
        assert_eq!(keys, expected);
        let text = body["messages"][0]["content"].as_str().unwrap();
        assert_eq!(text.split(' ').count(), 50);
        let ids = Workload { token_ids: true, endpoint: Endpoint::Completions, ..workload() };
        let body = ids.request(A_TOKEN_A_WORD, 0, 0);
        assert_eq!(body["prompt"].as_array().map(Vec::len), Some(50));
        assert!(body["prompt"][0].is_u64());
    }

    #[test]
    fn keys_are_dealt_in_turn() {
        let names = |workload: &Workload| {
            [0, 1, 2].map(|index| workload.key(index).map(|key| key.tenant.clone()))
        };
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(names(&workload()), [named("a"), named("b"), named("a")]);
        assert_eq!(names(&Workload { keys: Vec::new(), ..workload() }), [None, None, None]);
    }

    #[test]
    fn words_are_as_many_as_the_tokens_need() {
        let count = WordCount { around: 20.0, per_word: 1.5 };
        assert_eq!((count.words_for(50), count.words_for(3)), (20, 1));
        assert_eq!(WordCount::from_two((10, 35), (30, 65)), count);
        // A peer that counts oddly gives no division by 0 and no endless prompt.
        let odd = WordCount::from_two((10, 35), (10, 5));
        assert_eq!(odd.words_for(50), 160);
    }
}
