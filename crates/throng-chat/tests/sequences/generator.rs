//! Answers at random, most of them like answers of models.

use throng_chat::Tokenizer;

use crate::common::documented::{self, Piece};
use crate::common::{SPECIALS, load, tokenizer_json};

/// Ordinary text, each a token: what headers and answers are made of, and what looks like it.
const TEXTS: [&str; 64] = [
    "assistant",
    "user",
    "system",
    "tool",
    "final",
    "analysis",
    "commentary",
    "Final",
    "assistantfinal",
    "finally",
    "comment",
    "ary",
    "anal",
    "ysis",
    " to=functions.f",
    " to=functions.get",
    "functions.get",
    " to=",
    "to=",
    "to",
    "t",
    "functions",
    "functions.",
    "f",
    " to=user",
    " to=assistant",
    " to=python",
    "browser.open",
    "get",
    "name-x.y",
    "web/search",
    "json",
    " json",
    " code",
    "js",
    "on",
    " constrain",
    "summary",
    "<|",
    "|>",
    "<",
    "<|channel|>",
    "<|message|>",
    "<|start|>assistant",
    "<|constrain|>json",
    "<|end|>",
    "<|chan",
    "nel|>final",
    "?",
    "...",
    "––",
    "2",
    " ",
    "\n",
    "\u{200b}",
    "\u{a0}",
    "Hello",
    " world",
    " We need",
    "{\"a\":1}",
    "{",
    "é",
    "🙂",
    "\u{fffd}",
];
/// Longer than a name, and than a section, may be.
const LONG: [(&str, usize); 5] = [("x", 70), (" ", 300), ("json ", 60), ("a.", 130), ("é", 140)];
/// Bytes that are no text by themselves.
const BYTES: [u8; 4] = [0xF0, 0x9F, 0x80, 0xFF];

/// Splitmix64: enough to choose test cases by, and each seed gives another.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// Makes sequences, each of its number alone.
pub struct Generator {
    tokenizer: Tokenizer,
    /// Texts and their tokens, longest first.
    texts: Vec<(Vec<u8>, u32)>,
    /// The documented spellings.
    rows: Vec<Vec<u32>>,
}

impl Generator {
    pub fn new() -> Self {
        let mut added = SPECIALS.map(|name| (name, true)).to_vec();
        added.push(("<|endoftext|>", true));
        // A text that is a token's name cannot be another token's: it is written in bytes.
        let apart = |text: &&str| text.len() > 1 && !SPECIALS.contains(text);
        let long: Vec<String> = LONG.iter().map(|(text, times)| text.repeat(*times)).collect();
        let texts: Vec<&str> = TEXTS.into_iter().filter(apart).collect();
        added.extend(
            texts.iter().copied().chain(long.iter().map(String::as_str)).map(|t| (t, false)),
        );
        let tokenizer = load(&tokenizer_json(&[], &added));
        let mut texts: Vec<(Vec<u8>, u32)> = texts
            .iter()
            .map(|text| (text.as_bytes().to_vec(), tokenizer.special(text).unwrap()))
            .collect();
        texts.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let mut generator = Self { tokenizer, texts, rows: Vec::new() };
        generator.rows =
            documented::rows().iter().map(|row| generator.row(&row.pieces())).collect();
        generator
    }

    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn row(&self, pieces: &[Piece]) -> Vec<u32> {
        let ids = |piece: &Piece| match piece {
            Piece::Token(name) => vec![self.tokenizer.special(name).unwrap()],
            Piece::Bytes(bytes) => self.ids(bytes),
        };
        pieces.iter().flat_map(ids).collect()
    }

    /// Tokens of a text, each as long as can be.
    fn ids(&self, mut bytes: &[u8]) -> Vec<u32> {
        let mut ids = Vec::new();
        while let [first, rest @ ..] = bytes {
            let longest = self.texts.iter().find(|(text, _)| bytes.starts_with(text));
            ids.push(longest.map_or(u32::from(*first), |(_, id)| *id));
            bytes = longest.map_or(rest, |(text, _)| &bytes[text.len()..]);
        }
        ids
    }

    /// The sequence of a number.
    pub fn sequence(&self, number: u64) -> Vec<u32> {
        let mut random = Random(number.wrapping_mul(0xD134_2543_DE82_EF95));
        match random.below(4) {
            0 => self.pieces(&mut random),
            1 => self.messages(&mut random),
            _ => self.mutated(&mut random),
        }
    }

    /// One of Harmony's tokens, or a text.
    fn piece(&self, random: &mut Random) -> Vec<u32> {
        match random.below(24) {
            0..12 => vec![self.tokenizer.special(random.pick(&SPECIALS)).unwrap()],
            21 if random.chance(4) => {
                let (text, times) = random.pick(&LONG);
                vec![self.tokenizer.special(&text.repeat(times)).unwrap()]
            }
            12..22 => self.ids(random.pick(&TEXTS).as_bytes()),
            22 => vec![u32::from(random.pick(&BYTES))],
            // Control tokens of others and ids without a token stand for nothing.
            _ => {
                let other = self.tokenizer.special("<|endoftext|>").unwrap();
                vec![random.pick(&[other, self.tokenizer.vocab_size() as u32, u32::MAX])]
            }
        }
    }

    fn pieces(&self, random: &mut Random) -> Vec<u32> {
        (0..random.below(10)).flat_map(|_| self.piece(random)).collect()
    }

    /// Messages in the order of the format, of which each part may be missing or another.
    fn messages(&self, random: &mut Random) -> Vec<u32> {
        let parts: [&[&str]; 9] = [
            &["<|start|>", ""],
            &["assistant", "assistant", "", "user", "functions.f"],
            &[" to=functions.f", "", "", " to=python"],
            &["<|channel|>", "<|channel|>", ""],
            &["analysis", "commentary", "commentary", "final", "summary", "get"],
            &[" to=functions.get", "", " to=assistant", " code", " json"],
            &[" <|constrain|>json", "<|constrain|>json", "", "", " json"],
            &["<|message|>", "<|message|>", "<|message|>", ""],
            &["<|end|>", "<|call|>", "<|return|>", ""],
        ];
        let mut ids = Vec::new();
        for _ in 0..=random.below(3) {
            for (index, part) in parts.iter().enumerate() {
                if random.chance(12) {
                    ids.extend(self.piece(random));
                }
                if index == 8 {
                    ids.extend((0..random.below(3)).flat_map(|_| self.piece(random)));
                }
                let text = random.pick(part);
                let name = SPECIALS.into_iter().find(|name| text.trim_start().starts_with(name));
                let Some(name) = name else {
                    ids.extend(self.ids(text.as_bytes()));
                    continue;
                };
                let (before, after) = text.split_once(name).unwrap();
                ids.extend(self.ids(before.as_bytes()));
                ids.push(self.tokenizer.special(name).unwrap());
                ids.extend(self.ids(after.as_bytes()));
            }
        }
        ids
    }

    /// A documented spelling with up to three changes.
    fn mutated(&self, random: &mut Random) -> Vec<u32> {
        let mut ids = self.rows[random.below(self.rows.len())].clone();
        for _ in 0..random.below(4) {
            let at = random.below(ids.len() + 1);
            let end = (at + 1 + random.below(3)).min(ids.len());
            match random.below(6) {
                0 => drop(ids.drain(at..end)),
                1 => {
                    let twice = ids[at..end].to_vec();
                    drop(ids.splice(at..at, twice));
                }
                2 => drop(ids.splice(at..end, self.piece(random))),
                3 => drop(ids.splice(at..at, self.piece(random))),
                4 => ids.truncate(at),
                _ => ids.extend(&self.rows[random.below(self.rows.len())]),
            }
        }
        ids
    }
}
