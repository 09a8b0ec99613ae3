//! Log-probabilities as the two endpoints write them.

use serde_json::{Map, Value, json};
use throng_chat::Tokenizer;
use throng_engine::TokenLogprobs;

/// JSON has no infinity: what is impossible is written as this, as vLLM does.
pub(crate) const LEAST: f32 = -9999.0;

/// One token of a text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scored {
    /// Its id.
    pub(crate) id: u32,
    /// Where its text begins, in characters.
    pub(crate) offset: usize,
    /// `None` for the first token of a prompt, which nothing predicts.
    pub(crate) scores: Option<TokenLogprobs>,
}

/// Tokens of a text of which the end may be held back, because it may become a stop string.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(Vec<Scored>);

impl Held {
    /// One more token.
    pub(crate) fn push(&mut self, token: Scored) {
        self.0.push(token);
    }

    /// The tokens that begin within the first `shown` characters.
    pub(crate) fn release(&mut self, shown: usize) -> Vec<Scored> {
        let kept = self.0.partition_point(|token| token.offset < shown);
        self.0.drain(..kept).collect()
    }

    /// All of them: the text has ended.
    pub(crate) fn release_all(&mut self) -> Vec<Scored> {
        std::mem::take(&mut self.0)
    }
}

/// Writes log-probabilities.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    /// Names tokens.
    pub(crate) tokenizer: Tokenizer,
    /// Write `token_id:123` in the place of a token's text.
    pub(crate) tokens_as_ids: bool,
}

impl Writer {
    fn name(&self, id: u32) -> String {
        if self.tokens_as_ids { format!("token_id:{id}") } else { self.tokenizer.token_text(id) }
    }

    /// The `logprobs` of `/v1/completions`.
    pub(crate) fn columns(&self, tokens: &[Scored]) -> Value {
        json!({
            "tokens": tokens.iter().map(|token| self.name(token.id)).collect::<Vec<_>>(),
            "token_logprobs": tokens
                .iter()
                .map(|token| token.scores.as_ref().map(|scores| finite(scores.logprob)))
                .collect::<Vec<_>>(),
            "top_logprobs": tokens.iter().map(|token| self.top_map(token)).collect::<Vec<_>>(),
            "text_offset": tokens.iter().map(|token| token.offset).collect::<Vec<_>>(),
        })
    }

    /// The token itself is in its map even where it is not among the most probable.
    fn top_map(&self, token: &Scored) -> Value {
        let Some(scores) = &token.scores else { return Value::Null };
        let mut map = Map::new();
        for &(id, logprob) in scores.top.iter().chain([&(token.id, scores.logprob)]) {
            // Different tokens may be incomplete characters and look alike; the best stays.
            map.entry(self.name(id)).or_insert_with(|| json!(finite(logprob)));
        }
        Value::Object(map)
    }

    /// An element of the `logprobs.content` of `/v1/chat/completions`.
    pub(crate) fn element(&self, id: u32, scores: &TokenLogprobs) -> Value {
        let mut element = self.entry(id, scores.logprob);
        let top = scores.top.iter().map(|&(id, logprob)| Value::Object(self.entry(id, logprob)));
        element.insert("top_logprobs".to_owned(), Value::Array(top.collect()));
        Value::Object(element)
    }

    fn entry(&self, id: u32, logprob: f32) -> Map<String, Value> {
        let members = [
            ("token", json!(self.name(id))),
            ("logprob", json!(finite(logprob))),
            ("bytes", json!(self.tokenizer.token_bytes(id))),
        ];
        members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

fn finite(logprob: f32) -> f32 {
    logprob.max(LEAST)
}
