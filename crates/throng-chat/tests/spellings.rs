//! `HARMONY.md` says what becomes of each spelling of a header: here each of its rows is tried.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{chat, documented, forms, join, small};
use throng_chat::{Chat, Delta, Opening, Reply, Tokenizer};

/// What the document says of a spelling in these deltas' words.
fn events(deltas: &[Delta]) -> Vec<String> {
    let mut events: Vec<String> = Vec::new();
    for delta in deltas {
        match delta {
            Delta::Reasoning(text) => events.push(format!("reasoning: {text}")),
            Delta::Content(text) => events.push(format!("content: {text}")),
            Delta::ToolCallStart { name, .. } => events.push(format!("call {name}:")),
            Delta::ToolCallArguments { text, .. } => {
                let call = events.last_mut().unwrap();
                call.push_str(&format!(" {text}"));
            }
        }
    }
    events
}

fn read(chat: &Chat, ids: &[u32]) -> Vec<String> {
    let mut reply = Reply::chat(chat, Opening::Answer, vec![], "t");
    let mut deltas = Vec::new();
    for &id in ids {
        join(&mut deltas, reply.push(id));
    }
    join(&mut deltas, reply.finish());
    events(&deltas)
}

/// The same text, a token for each byte.
fn byte_by_byte(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<u32> {
    let byte = |byte: &u8| (0..).find(|&id| tokenizer.token_bytes(id) == [*byte]).unwrap();
    let tokens = |&id: &u32| match tokenizer.is_special(id) {
        true => vec![id],
        false => tokenizer.token_bytes(id).iter().map(byte).collect(),
    };
    ids.iter().flat_map(tokens).collect()
}

#[test]
fn every_spelling_comes_to_what_the_document_says() {
    let rows = documented::rows();
    assert!(rows.len() >= 150, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for chat in [chat(&small()), forms::nano()] {
        let tokenizer = chat.tokenizer();
        for row in &rows {
            let ids = row.ids(tokenizer);
            for ids in [byte_by_byte(tokenizer, &ids), ids] {
                let events = read(&chat, &ids);
                if events != row.events {
                    wrong.push(format!("{}: {events:?}, not {:?}", row.spelling, row.events));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_spelling_is_there_twice() {
    let mut spellings: Vec<String> =
        documented::rows().into_iter().map(|row| row.spelling).collect();
    spellings.sort();
    let rows = spellings.len();
    spellings.dedup();
    assert_eq!(spellings.len(), rows);
}
