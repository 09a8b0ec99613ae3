//! Texts that mean nothing and are as long as asked, drawn by a seed.

use super::random::Random;

/// Short words that most vocabularies have as one token behind a space.
#[rustfmt::skip] // It would give each a line.
const WORDS: [&str; 64] = [
    "time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world",
    "school", "state", "family", "student", "group", "country", "problem", "hand", "part",
    "place", "case", "week", "company", "system", "program", "question", "work", "government",
    "number", "night", "point", "home", "water", "room", "mother", "area", "money", "story",
    "fact", "month", "lot", "right", "study", "book", "eye", "job", "word", "business", "issue",
    "side", "kind", "head", "house", "service", "friend", "father", "power", "hour", "game",
    "line", "end", "member", "law",
];

/// Token ids that every vocabulary of a real model has as plain text: below them are bytes and,
/// in some, control tokens; above, small vocabularies end.
const IDS: std::ops::Range<u32> = 300..1300;

/// So many words.
pub(crate) fn words(random: &mut Random, count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[random.below(WORDS.len())]);
    }
    text
}

/// So many token ids.
pub(crate) fn ids(random: &mut Random, count: usize) -> Vec<u32> {
    (0..count).map(|_| IDS.start + random.below(IDS.len()) as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_asked_and_the_same_for_a_seed() {
        let text = |seed| words(&mut Random::new(seed, &[]), 9);
        assert_eq!(text(1).split(' ').count(), 9);
        assert_eq!(text(1), text(1));
        assert_ne!(text(1), text(2));
        let ids = ids(&mut Random::new(1, &[]), 500);
        assert!(ids.len() == 500 && ids.iter().all(|id| IDS.contains(id)));
    }
}
