//! A model that knows a few answers by heart.

use throng_testkit::{SPECIALS, Script, special};

/// What the user's last words, or the last result of a function, are answered by. `*` stands for
/// anything else.
const ANSWERS: [(&str, &str); 8] = [
    (
        "think",
        "<|channel|>analysis<|message|>Hmm.<|end|><|start|>assistant\
         <|channel|>final<|message|>Done: né!<|return|>",
    ),
    (
        "calculate",
        "<|channel|>analysis<|message|>A tool.<|end|><|start|>assistant to=functions.calculator\
         <|channel|>commentary <|constrain|>json<|message|>{\"expression\":\"6*7\"}<|call|>",
    ),
    ("42", "<|channel|>final<|message|>It is 42.<|return|>"),
    ("list", "<|channel|>final<|message|>one, two, three<|return|>"),
    ("markup", "<|channel|>final<|message|><b>bold</b><|return|>"),
    // Of the raw completions.
    ("Once", " upon a time.<|endoftext|>"),
    ("Two", " and three<|return|>"),
    ("*", "<|channel|>final<|message|>What?<|return|>"),
];

/// After these words the model never stops. In a chat it writes a header first.
pub const ENDLESS: &str = "forever";

/// Logits that make the answer's next token nearly certain.
pub fn script(vocab: usize) -> Script {
    let answers: Vec<(Vec<u32>, Vec<u32>)> =
        ANSWERS.iter().map(|(words, answer)| (tokens(words), tokens(answer))).collect();
    let endless = tokens(ENDLESS);
    let header = tokens("<|channel|>final<|message|>");
    Box::new(move |history| {
        let (question, said) = split(history, &answers);
        let next = if question == endless {
            let header = if history.contains(&special("<|start|>")) { &header[..] } else { &[] };
            let letter = u32::from(b'a') + (said.len() % 26) as u32;
            header.get(said.len()).copied().unwrap_or(letter)
        } else {
            let known = answers.iter().find(|(words, _)| words == question);
            let (_, answer) = known.unwrap_or_else(|| answers.last().expect("answers"));
            answer.get(said.len()).copied().unwrap_or(special("<|return|>"))
        };
        let mut logits = vec![0.0; vocab];
        logits[next as usize] = 20.0;
        logits
    })
}

/// The last words before the answer, and the answer so far.
fn split<'a>(history: &'a [u32], answers: &[(Vec<u32>, Vec<u32>)]) -> (&'a [u32], &'a [u32]) {
    // In a chat: another's message, its end, and the model's name.
    let turn: Vec<u32> = tokens("<|end|><|start|>assistant");
    let ends = (0..history.len().saturating_sub(turn.len() - 1))
        .rev()
        .filter(|&at| history[at..].starts_with(&turn));
    for end in ends {
        let before = &history[..end];
        let begins = |at: &usize| before[*at] == special("<|start|>");
        let Some(start) = (0..end).rev().find(begins) else { continue };
        if before[start + 1..].starts_with(&tokens("assistant")) {
            continue;
        }
        let Some(text) = before.iter().rposition(|id| *id == special("<|message|>")) else {
            continue;
        };
        return (&before[text + 1..], &history[end + turn.len()..]);
    }
    // Raw text: the known words that it begins with.
    let known = answers.iter().find(|(words, _)| history.starts_with(words));
    history.split_at(known.map_or(history.len(), |(words, _)| words.len()))
}

/// Token ids of a text that may name special tokens.
pub fn tokens(text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.bytes().next() {
        if let Some(name) = SPECIALS.iter().find(|name| rest.starts_with(**name)) {
            ids.push(special(name));
            rest = &rest[name.len()..];
        } else {
            ids.push(u32::from(first));
            // Byte by byte, through characters of several bytes too.
            let width = rest.chars().next().map_or(1, char::len_utf8);
            ids.extend(rest.bytes().take(width).skip(1).map(u32::from));
            rest = &rest[width..];
        }
    }
    ids
}
