//! What holds of the reply to any tokens whatever.
//!
//! - The same tokens give the same pieces, and the same text in other tokens the same whole.
//! - All of a message's text comes out once, as soon as its characters are complete. Of text where a
//!   header should be an end comes out, or nothing; no more than [`MAX_WAITING`] bytes wait.
//! - Calls are numbered from 0, begin once, and their arguments come before another begins.
//! - Tokens of reasoning are counted, each once.
//! - All of that holds wherever the answer is cut off.

use throng_chat::{Chat, Delta, Detokenizer, Opening, Reply};

/// Names of the tokens that structure an answer: first those that end a text.
const NAMES: [&str; 7] = [
    "<|start|>",
    "<|channel|>",
    "<|end|>",
    "<|return|>",
    "<|call|>",
    "<|message|>",
    "<|constrain|>",
];
/// How many of them end a text.
const ENDS: usize = 5;
/// Bytes that wait at most, or were a header: 256, and the rest of a character.
const MAX_WAITING: usize = 256 + 3;

/// What was checked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub tokens: u64,
    pub reasoning_bytes: u64,
    pub content_bytes: u64,
    pub argument_bytes: u64,
    pub calls: u64,
}

impl Figures {
    /// Adds others.
    pub fn add(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.reasoning_bytes += other.reasoning_bytes;
        self.content_bytes += other.content_bytes;
        self.argument_bytes += other.argument_bytes;
        self.calls += other.calls;
    }
}

/// Checks answers in a chat whose tokenizer has a token for each byte.
pub struct Checker {
    chat: Chat,
    /// Harmony's tokens.
    pub names: [u32; 7],
    /// The token of each byte.
    pub bytes: Vec<u32>,
}

impl Checker {
    /// Looks the tokens up.
    pub fn new(chat: Chat) -> Self {
        let tokenizer = chat.tokenizer();
        let names = NAMES.map(|name| tokenizer.special(name).expect("Harmony's token"));
        let ids = 0..u32::try_from(tokenizer.vocab_size()).expect("a vocabulary");
        let byte = |byte: u8| ids.clone().find(|&id| tokenizer.token_bytes(id) == [byte]);
        let bytes = (0..=u8::MAX).map(|b| byte(b).expect("a token for each byte")).collect();
        Self { chat, names, bytes }
    }

    /// Panics unless all holds of the reply to these tokens.
    pub fn check(&self, ids: &[u32]) -> Figures {
        let whole = self.read(ids, true);
        assert_eq!(self.read(ids, false).pieces, whole.pieces, "the same tokens again");
        let bytes = self.byte_by_byte(ids);
        let finest = self.read(&bytes, false);
        assert_eq!(finest.deltas, whole.deltas, "byte by byte");
        let reasoning = whole.text(|delta| matches!(delta, Delta::Reasoning(_)));
        if !reasoning.contains(char::REPLACEMENT_CHARACTER) {
            assert_eq!(finest.reasoning_tokens, reasoning.len(), "a token for each byte");
        }
        assert!(whole.reasoning_tokens > 0 || reasoning.is_empty());
        assert!(whole.reasoning_tokens <= ids.len());
        Figures {
            tokens: ids.len() as u64,
            reasoning_bytes: reasoning.len() as u64,
            content_bytes: whole.text(|delta| matches!(delta, Delta::Content(_))).len() as u64,
            argument_bytes: whole
                .text(|delta| matches!(delta, Delta::ToolCallArguments { .. }))
                .len() as u64,
            calls: whole.calls as u64,
        }
    }

    /// The same text, a token for each byte.
    fn byte_by_byte(&self, ids: &[u32]) -> Vec<u32> {
        let tokenizer = self.chat.tokenizer();
        let mut finest = Vec::with_capacity(4 * ids.len());
        for &id in ids {
            if tokenizer.is_special(id) {
                finest.push(id);
            } else {
                let bytes = tokenizer.token_bytes(id).iter();
                finest.extend(bytes.map(|&byte| self.bytes[usize::from(byte)]));
            }
        }
        finest
    }

    /// Reads an answer; `cuts`: and what it comes to if it is cut off after any token.
    fn read(&self, ids: &[u32], cuts: bool) -> Answer {
        let mut reply = Reply::chat(&self.chat, Opening::Answer, vec![], "t");
        let mut run = Run::new(&self.chat);
        let mut answer = Answer::default();
        for &id in ids {
            let piece = reply.push(id);
            run.push(id, self.names.iter().position(|&name| name == id), &piece);
            answer.take(piece);
            if cuts {
                let mut cut = reply.clone();
                let piece = cut.finish();
                run.clone().end(&piece);
                let mut end = Answer { calls: answer.calls, ..Answer::default() };
                end.take(piece);
                end.check(&cut);
            }
        }
        let piece = reply.finish();
        run.end(&piece);
        answer.take(piece);
        answer.check(&reply);
        assert_eq!(reply.finish(), [], "an answer ends once");
        answer.reasoning_tokens = reply.reasoning_tokens();
        answer
    }
}

/// What came of an answer so far.
#[derive(Default)]
struct Answer {
    /// What each token gave.
    pieces: Vec<Vec<Delta>>,
    /// The same, joined.
    deltas: Vec<Delta>,
    calls: usize,
    reasoning_tokens: usize,
}

impl Answer {
    fn take(&mut self, piece: Vec<Delta>) {
        for delta in &piece {
            match delta {
                Delta::ToolCallStart { index, id, name } => {
                    assert_eq!(*index, self.calls, "calls are numbered");
                    assert_eq!(*id, format!("call_t_{index}"), "by unique ids");
                    assert!(!name.is_empty() && !name.contains(char::is_whitespace), "{name:?}");
                    self.calls += 1;
                }
                Delta::ToolCallArguments { index, .. } => {
                    assert_eq!(index + 1, self.calls, "arguments are those of the last call");
                }
                Delta::Reasoning(_) | Delta::Content(_) => {}
            }
            assert!(text(delta).is_none_or(|text| !text.is_empty()), "a piece says something");
            self.join(delta);
        }
        self.pieces.push(piece);
    }

    fn join(&mut self, delta: &Delta) {
        match (self.deltas.last_mut(), delta) {
            (Some(Delta::Reasoning(last)), Delta::Reasoning(text))
            | (Some(Delta::Content(last)), Delta::Content(text)) => last.push_str(text),
            (
                Some(Delta::ToolCallArguments { index: open, text: last }),
                Delta::ToolCallArguments { index, text },
            ) if open == index => last.push_str(text),
            _ => self.deltas.push(delta.clone()),
        }
    }

    fn check(&self, reply: &Reply) {
        assert_eq!(reply.tool_calls(), self.calls, "calls are counted");
    }

    fn text(&self, is: impl Fn(&Delta) -> bool) -> String {
        self.deltas.iter().filter(|delta| is(delta)).filter_map(text).collect()
    }
}

fn text(delta: &Delta) -> Option<&str> {
    match delta {
        Delta::Reasoning(text) | Delta::Content(text) => Some(text),
        Delta::ToolCallArguments { text, .. } => Some(text),
        Delta::ToolCallStart { .. } => None,
    }
}

/// Text between two of Harmony's tokens.
#[derive(Clone)]
struct Run {
    /// Whether it is certainly a message's text: `<|message|>` came before it.
    is_body: bool,
    detokenizer: Detokenizer,
    /// What the model has written of it.
    written: String,
    /// What has come of it.
    sent: String,
}

impl Run {
    fn new(chat: &Chat) -> Self {
        let detokenizer = Detokenizer::new(chat.tokenizer().clone());
        Self { is_body: false, detokenizer, written: String::new(), sent: String::new() }
    }

    /// Takes a token, one of [`NAMES`] or another, and what it gave.
    fn push(&mut self, id: u32, name: Option<usize>, piece: &[Delta]) {
        let Some(name) = name else {
            self.detokenizer.push(id, &mut self.written);
            self.sent.extend(piece.iter().filter_map(text));
            return self.check();
        };
        self.end(piece);
        self.is_body = name >= ENDS && (self.is_body || NAMES[name] == "<|message|>");
        self.written.clear();
        self.sent.clear();
    }

    fn end(&mut self, piece: &[Delta]) {
        self.detokenizer.finish(&mut self.written);
        self.sent.extend(piece.iter().filter_map(text));
        self.check();
    }

    fn check(&self) {
        let Self { written, sent, .. } = self;
        if self.is_body {
            assert_eq!(sent, written, "a message's text comes out at once");
        } else if NAMES.iter().any(|name| written.contains(name)) {
            let mut rest = written.chars();
            let in_order = sent.chars().all(|c| rest.any(|other| other == c));
            assert!(in_order, "{sent:?} of {written:?}");
        } else {
            assert!(written.ends_with(sent.as_str()), "{sent:?} of {written:?}");
            assert!(written.len() - sent.len() <= MAX_WAITING, "{sent:?} of {written:?}");
        }
    }
}
