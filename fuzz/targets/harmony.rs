//! Any tokens are an answer in Harmony, and what comes of them keeps the rules that the tests of
//! `throng-chat` check. A byte below 7 is one of Harmony's tokens, 7 any token by the two bytes behind
//! it, another byte its own token.

#![no_main]

#[allow(dead_code, reason = "the tests add up what they have checked")]
#[path = "../../crates/throng-chat/tests/sequences/check.rs"]
mod check;

use std::sync::LazyLock;

use check::Checker;
use libfuzzer_sys::fuzz_target;
use throng_chat::{Chat, Tokenizer};

static CHECKER: LazyLock<Checker> = LazyLock::new(|| {
    let json = include_bytes!("../../models/nano/tokenizer.json");
    let tokenizer = Tokenizer::from_json(json).expect("the built-in model's tokenizer is sound");
    Checker::new(Chat::new(tokenizer, None).expect("it has Harmony's tokens"))
});

fuzz_target!(|bytes: &[u8]| {
    let mut ids = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, rest) {
            (0..7, _) => ids.push(CHECKER.names[usize::from(*first)]),
            (7, [low, high, after @ ..]) => {
                ids.push(u32::from(u16::from_le_bytes([*low, *high])));
                rest = after;
            }
            _ => ids.push(CHECKER.bytes[usize::from(*first)]),
        }
    }
    CHECKER.check(&ids);
});
