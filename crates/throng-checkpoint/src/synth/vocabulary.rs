//! The vocabulary of a random model: 256 bytes, a few merges, the special tokens of its chat format,
//! and fillers up to the size of its embedding.

use throng_spec::{ModelSpec, byte_level};

use super::SynthError;

/// Pairs that byte-level BPE joins, first to last; each makes a token.
const MERGES: [(&str, &str); 24] = [
    ("Ġ", "t"),
    ("h", "e"),
    ("Ġ", "a"),
    ("i", "n"),
    ("r", "e"),
    ("o", "n"),
    ("Ġt", "he"),
    ("e", "r"),
    ("Ġ", "s"),
    ("a", "t"),
    ("Ġ", "w"),
    ("Ġ", "o"),
    ("e", "n"),
    ("i", "t"),
    ("i", "s"),
    ("e", "s"),
    ("o", "r"),
    ("Ġ", "b"),
    ("in", "g"),
    ("Ġo", "f"),
    ("e", "d"),
    ("Ġ", "in"),
    ("Ġt", "o"),
    ("Ġa", "n"),
];
const BYTES: usize = 256;

/// The special tokens of a chat format.
#[derive(Debug)]
struct Format {
    /// Names, and their ids in the vocabulary that the format's models were released with.
    specials: &'static [(&'static str, u32)],
    /// Size of that vocabulary. In one of any other size they come last.
    released_vocab: usize,
    bos: &'static str,
    eos: &'static str,
    pad: &'static str,
    /// What ends an answer.
    stop: &'static [&'static str],
    /// A Jinja template, where the format is not built in.
    template: Option<&'static str>,
}

const HARMONY: Format = Format {
    specials: &[
        ("<|startoftext|>", 199_998),
        ("<|endoftext|>", 199_999),
        ("<|return|>", 200_002),
        ("<|constrain|>", 200_003),
        ("<|channel|>", 200_005),
        ("<|start|>", 200_006),
        ("<|end|>", 200_007),
        ("<|message|>", 200_008),
        ("<|call|>", 200_012),
        ("<|endofprompt|>", 200_018),
    ],
    released_vocab: 201_088,
    bos: "<|startoftext|>",
    eos: "<|return|>",
    pad: "<|endoftext|>",
    stop: &["<|return|>", "<|endoftext|>", "<|call|>"],
    template: None,
};

/// The format of Qwen3, and for want of a common one also of what is like Llama.
const CHATML: Format = Format {
    specials: &[("<|endoftext|>", 151_643), ("<|im_start|>", 151_644), ("<|im_end|>", 151_645)],
    released_vocab: 151_936,
    bos: "<|endoftext|>",
    eos: "<|im_end|>",
    pad: "<|endoftext|>",
    stop: &["<|im_end|>", "<|endoftext|>"],
    template: Some(
        "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}\
         <|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
    ),
};

/// No chat.
const PLAIN: Format = Format {
    specials: &[("<|endoftext|>", 50_256)],
    released_vocab: 50_257,
    bos: "<|endoftext|>",
    eos: "<|endoftext|>",
    pad: "<|endoftext|>",
    stop: &["<|endoftext|>"],
    template: None,
};

/// Every id's token. Texts are made when asked for.
#[derive(Debug)]
pub(super) struct Vocabulary {
    size: usize,
    merges: usize,
    format: &'static Format,
}

impl Vocabulary {
    /// A vocabulary with a token for each row of the embedding.
    pub(super) fn new(spec: &ModelSpec) -> Result<Self, SynthError> {
        let format = match spec.architecture {
            "gpt_oss" => &HARMONY,
            "gpt2" => &PLAIN,
            _ => &CHATML,
        };
        let (size, least) = (spec.vocab, BYTES + format.specials.len());
        match size.checked_sub(least) {
            Some(room) => Ok(Self { size, merges: room.min(MERGES.len()), format }),
            None => Err(SynthError::SmallVocabulary { found: size, least }),
        }
    }

    /// The merges, first to last.
    pub(super) fn merges(&self) -> &'static [(&'static str, &'static str)] {
        &MERGES[..self.merges]
    }

    /// The special tokens with their ids.
    pub(super) fn specials(&self) -> impl ExactSizeIterator<Item = (&'static str, u32)> {
        let specials = self.format.specials;
        let released = self.size == self.format.released_vocab;
        let first = (self.size - specials.len()) as u32;
        let id = move |(place, &(name, id)): (usize, &(&'static str, u32))| {
            (name, if released { id } else { first + place as u32 })
        };
        specials.iter().enumerate().map(id)
    }

    /// All tokens in the order of their ids, and whether each is special.
    pub(super) fn all(&self) -> impl ExactSizeIterator<Item = (String, bool)> {
        let specials: Vec<(&str, u32)> = self.specials().collect();
        (0..self.size).map(move |id| {
            let id = id as u32;
            match specials.iter().find(|special| special.1 == id) {
                Some((name, _)) => ((*name).to_owned(), true),
                None => (self.text(id), false),
            }
        })
    }

    /// The text of a token that is not special, in the alphabet of byte-level BPE.
    fn text(&self, id: u32) -> String {
        match (u8::try_from(id), MERGES[..self.merges].get((id as usize).wrapping_sub(BYTES))) {
            (Ok(byte), _) => byte_level::character(byte).to_string(),
            (Err(_), Some((left, right))) => format!("{left}{right}"),
            (Err(_), None) => format!("<x{id}>"),
        }
    }

    /// Begins a text, ends one, fills up a batch: key in config files, token, id.
    pub(super) fn roles(&self) -> [(&'static str, &'static str, u32); 3] {
        let Format { bos, eos, pad, .. } = *self.format;
        [("bos_token", bos), ("eos_token", eos), ("pad_token", pad)]
            .map(|(key, name)| (key, name, self.special(name)))
    }

    /// What ends an answer.
    pub(super) fn stop(&self) -> Vec<u32> {
        self.format.stop.iter().map(|name| self.special(name)).collect()
    }

    /// The chat template in Jinja, where there is one.
    pub(super) const fn template(&self) -> Option<&'static str> {
        self.format.template
    }

    fn special(&self, name: &str) -> u32 {
        let found = self.specials().find(|(other, _)| *other == name);
        found.expect("a format names its own special tokens").1
    }
}
