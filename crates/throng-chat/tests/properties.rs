//! What holds of replies to any tokens whatever.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{SPECIALS, chat, join, load, marked, small, tokenizer_json};
use proptest::prelude::*;
use throng_chat::{Chat, Conversation, Delta, Message, Opening, Reply, Tokenizer, Tool, ToolCall};

/// Ordinary text, weighted to what headers and answers are made of.
const TEXTS: [&str; 28] = [
    "assistant",
    "user",
    "final",
    "analysis",
    "commentary",
    " to=functions.f",
    "to=",
    "functions.",
    "json",
    " json",
    " code",
    " to=user",
    " to=assistant",
    "js",
    "name-x.y",
    " ",
    "\n",
    "Hello",
    " world",
    "{\"a\":1}",
    "é",
    "🙂",
    "STOP",
    "ST",
    "OP",
    " to=python",
    "summary",
    "t",
];

/// Xorshift: enough to choose test cases by.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }
}

/// A piece of a sequence, and its tokens in two ways: as few and as many as there can be.
struct Piece {
    structural: bool,
    /// Ends a text, if structural.
    ends: bool,
    bytes: Vec<u8>,
    few: Vec<u32>,
    many: Vec<u32>,
}

fn pieces(tokenizer: &Tokenizer) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = SPECIALS
        .iter()
        .map(|&name| Piece {
            structural: true,
            ends: !matches!(name, "<|message|>" | "<|constrain|>"),
            bytes: name.as_bytes().to_vec(),
            few: vec![tokenizer.special(name).unwrap()],
            many: vec![tokenizer.special(name).unwrap()],
        })
        .collect();
    let texts = TEXTS.iter().map(|text| text.as_bytes().to_vec());
    // Bytes that are no text by themselves.
    let bytes = [0xF0, 0x9F, 0x80, 0xFF].map(|byte| vec![byte]);
    for bytes in texts.chain(bytes) {
        let many: Vec<u32> = bytes.iter().map(|&byte| u32::from(byte)).collect();
        let whole = std::str::from_utf8(&bytes).ok().and_then(|text| tokenizer.special(text));
        let few = whole.map_or_else(|| many.clone(), |id| vec![id]);
        pieces.push(Piece { structural: false, ends: false, bytes, few, many });
    }
    // A control token that is none of Harmony's stands for nothing.
    let other = vec![tokenizer.special("<|endoftext|>").unwrap()];
    let (few, many) = (other.clone(), other);
    pieces.push(Piece { structural: false, ends: false, bytes: vec![], few, many });
    pieces
}

fn answer(mut reply: Reply, ids: impl Iterator<Item = u32>) -> (Vec<Delta>, Reply) {
    let mut deltas = Vec::new();
    for id in ids {
        join(&mut deltas, reply.push(id));
    }
    join(&mut deltas, reply.finish());
    (deltas, reply)
}

/// All text of an answer, in order.
fn text(deltas: &[Delta]) -> String {
    let text = |delta: &Delta| match delta {
        Delta::Reasoning(text) | Delta::Content(text) => text.clone(),
        Delta::ToolCallArguments { text, .. } => text.clone(),
        Delta::ToolCallStart { .. } => String::new(),
    };
    deltas.iter().map(text).collect()
}

/// The texts that no reading can lose: what follows `<|message|>` until the message's end.
fn bodies(sequence: &[&Piece], message: u32) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut within = false;
    for run in sequence.chunk_by(|a, b| !a.structural && !b.structural) {
        if run[0].structural {
            within = (within || run[0].few == [message]) && !run[0].ends;
        } else if within {
            let bytes: Vec<u8> = run.iter().flat_map(|piece| piece.bytes.clone()).collect();
            bodies.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    bodies
}

/// Calls are numbered from 0, begin once, before their arguments, and end before another begins.
fn check_calls(deltas: &[Delta], reply: &Reply) {
    let mut calls = 0;
    for delta in deltas {
        match delta {
            Delta::ToolCallStart { index, id, name } => {
                assert_eq!(*index, calls);
                assert_eq!(*id, format!("call_t_{calls}"));
                assert!(!name.is_empty() && !name.contains(char::is_whitespace));
                calls += 1;
            }
            Delta::ToolCallArguments { index, .. } => assert_eq!(*index + 1, calls),
            Delta::Reasoning(text) | Delta::Content(text) => assert!(!text.is_empty()),
        }
    }
    assert_eq!(reply.tool_calls(), calls);
}

#[test]
fn a_million_random_sequences() {
    // Each text is a token, besides its bytes.
    let mut added = SPECIALS.map(|name| (name, true)).to_vec();
    added.push(("<|endoftext|>", true));
    added.extend(TEXTS.iter().filter(|text| text.len() > 1).map(|&text| (text, false)));
    let tokenizer = load(&tokenizer_json(&[], &added));
    let chat = chat(&tokenizer);
    let pieces = pieces(&tokenizer);
    let message = tokenizer.special("<|message|>").unwrap();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..1_000_000 {
        let sequence: Vec<&Piece> = (0..random.below(9))
            .map(|_| {
                let special = random.below(2) == 0;
                &pieces[if special { random.below(7) } else { random.below(pieces.len()) }]
            })
            .collect();
        let ids = |pick: fn(&Piece) -> &Vec<u32>| {
            sequence.iter().flat_map(move |piece| pick(piece).iter().copied())
        };
        let (deltas, reply) =
            answer(Reply::chat(&chat, Opening::Answer, vec![], "t"), ids(|piece| &piece.few));
        check_calls(&deltas, &reply);
        let text = text(&deltas);
        assert!(!text.contains("<|"), "{deltas:?}");
        let mut rest = text.as_str();
        for body in bodies(&sequence, message) {
            let at = rest.find(&body).unwrap_or_else(|| panic!("{body:?} lost: {deltas:?}"));
            rest = &rest[at + body.len()..];
        }
        // However the same text is cut into tokens, it means the same.
        let (other, _) =
            answer(Reply::chat(&chat, Opening::Answer, vec![], "t"), ids(|piece| &piece.many));
        assert_eq!(deltas, other);
    }
}

fn ordinary() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ -~\n]{1,12}",
        1 => "\\PC{1,6}",
        1 => prop::sample::select(&SPECIALS[..]).prop_map(str::to_owned),
    ]
}

/// A turn: reasoning, content and calls, each of which may be missing.
fn turn() -> impl Strategy<Value = (Option<String>, String, Vec<ToolCall>)> {
    let call =
        ("[a-zA-Z0-9_.-]{1,12}", ordinary()).prop_filter_map("no prefix", |(name, arguments)| {
            let apart = !["assistant", "all", "user", "system", "developer"].contains(&&*name);
            let plain = apart && !name.starts_with("functions.");
            plain.then(|| ToolCall { id: String::new(), name, arguments })
        });
    let content = prop_oneof![Just(String::new()), ordinary()];
    (prop::option::of(ordinary()), content, prop::collection::vec(call, 0..3))
}

/// The tokens that a model writes for a turn: the rendered conversation with it, less the prompt
/// without it, less the next prompt.
fn written(chat: &Chat, turn: &(Option<String>, String, Vec<ToolCall>)) -> Vec<u32> {
    let (reasoning, content, calls) = turn.clone();
    let mut conversation = Conversation::default();
    conversation.tools.push(Tool { name: "f".into(), description: None, parameters: None });
    conversation.messages.push(Message::User("?".into()));
    let prompt = chat.render(&conversation).unwrap().ids;
    // Reasoning that an answer follows is not replayed, so it is rendered as a turn of its own.
    let marker = chat.tokenizer().special("<|start|>").unwrap();
    let mut ids = Vec::new();
    for (reasoning, content, tool_calls) in
        [(reasoning, String::new(), vec![]), (None, content, calls)]
    {
        let mut turn = conversation.clone();
        turn.messages.push(Message::Assistant { reasoning, content, tool_calls });
        let rendered = chat.render(&turn).unwrap().ids;
        let generation_prompt = rendered.iter().rposition(|&id| id == marker).unwrap();
        let start = prompt.iter().rposition(|&id| id == marker).unwrap();
        ids.extend(&rendered[start..generation_prompt]);
    }
    // The prompt has the first header's beginning already.
    let header = prompt.len() - prompt.iter().rposition(|&id| id == marker).unwrap();
    ids.drain(..header.min(ids.len()));
    ids
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_rendered_is_read_back(turn in turn()) {
        let chat = chat(&small());
        let ids = written(&chat, &turn);
        let (deltas, reply) = answer(Reply::chat(&chat, Opening::Answer, vec![], "t"), ids.into_iter());
        let (reasoning, content, calls) = turn;
        let mut expected: Vec<Delta> = reasoning.map(Delta::Reasoning).into_iter().collect();
        if !content.is_empty() {
            expected.push(Delta::Content(content));
        }
        for (index, call) in calls.into_iter().enumerate() {
            let id = format!("call_t_{index}");
            expected.push(Delta::ToolCallStart { index, id, name: call.name });
            expected.push(Delta::ToolCallArguments { index, text: call.arguments });
        }
        check_calls(&deltas, &reply);
        prop_assert_eq!(deltas, expected);
    }

    /// The text ends where the first stop string completes, however it comes in pieces.
    #[test]
    fn stop_strings_cut_where_the_first_completes(
        text in "[abc]{0,16}",
        stops in prop::collection::vec("[abc]{1,4}", 0..4),
        raw in any::<bool>(),
    ) {
        let tokenizer = small();
        let chat = chat(&tokenizer);
        let end = (0..=text.len()).find(|&end| stops.iter().any(|s| text[..end].ends_with(&**s)));
        let expected = end.map_or(&text[..], |end| {
            let longest = stops.iter().filter(|stop| text[..end].ends_with(&***stop));
            &text[..end - longest.map(String::len).max().unwrap()]
        });
        let (reply, ids) = if raw {
            (Reply::plain(&tokenizer, stops.clone()), tokenizer.encode(&text).unwrap())
        } else {
            let marked = marked(&tokenizer, &format!("<|channel|>final<|message|>{text}"));
            (Reply::chat(&chat, Opening::Answer, stops.clone(), "t"), marked)
        };
        let (deltas, reply) = answer(reply, ids.into_iter());
        prop_assert_eq!(self::text(&deltas), expected);
        prop_assert_eq!(reply.stopped(), end.is_some());
    }
}
