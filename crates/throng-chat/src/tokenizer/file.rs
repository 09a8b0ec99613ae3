//! What is read of a `tokenizer.json`: byte-level BPE in the layout of Hugging Face `tokenizers`.
//!
//! Added tokens are kept apart from the model on purpose: the encoder is built without them, so
//! that text cannot become one of them whatever it says.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use throng_spec::byte_level;
use tokenizers::models::bpe::BPE;
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, TokenizerImpl};

use super::TokenizerError;

/// Ids must lie below this: the table of bytes is as long as the greatest id.
const MAX_VOCABULARY: usize = 1 << 22;

/// The encoder of ordinary text.
pub(super) type Encoder = TokenizerImpl<
    BPE,
    NormalizerWrapper,
    PreTokenizerWrapper,
    tokenizers::PostProcessorWrapper,
    tokenizers::DecoderWrapper,
>;

#[derive(Deserialize)]
pub(super) struct File {
    #[serde(default)]
    pub(super) added_tokens: Vec<AddedToken>,
    #[serde(default)]
    normalizer: Option<Value>,
    #[serde(default)]
    pre_tokenizer: Option<Value>,
    #[serde(default)]
    pub(super) post_processor: Option<Value>,
    pub(super) model: Model,
}

/// A token beside the model's vocabulary.
#[derive(Clone, Deserialize)]
pub(crate) struct AddedToken {
    pub(crate) id: u32,
    pub(crate) content: String,
    /// A control token rather than text.
    #[serde(default)]
    pub(crate) special: bool,
    /// Takes the white space on its left with it.
    #[serde(default)]
    pub(crate) lstrip: bool,
    /// Takes the white space on its right with it.
    #[serde(default)]
    pub(crate) rstrip: bool,
}

#[derive(Deserialize)]
pub(super) struct Model {
    /// Absent in the oldest files, which are all BPE.
    #[serde(rename = "type", default)]
    kind: Option<String>,
    pub(super) vocab: HashMap<String, u32>,
    #[serde(default)]
    merges: Vec<Merge>,
    #[serde(default)]
    ignore_merges: bool,
}

/// Both spellings of a merge: `"a b"` and `["a", "b"]`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Line(String),
}

impl Merge {
    fn into_pair(self) -> Result<(String, String), TokenizerError> {
        match self {
            Self::Pair(left, right) => Ok((left, right)),
            Self::Line(line) => match line.split_once(' ') {
                Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
                None => Err(TokenizerError::Merge(line)),
            },
        }
    }
}

impl File {
    /// Reads and checks a file.
    pub(super) fn parse(json: &[u8]) -> Result<Self, TokenizerError> {
        let mut file: Self = serde_json::from_slice(json)?;
        match file.model.kind.as_deref() {
            None | Some("BPE") => {}
            Some(kind) => return Err(TokenizerError::Unsupported("model", kind.to_owned())),
        }
        if let Some(normalizer) = &file.normalizer {
            check_kinds("normalizer", normalizer, &["NFC", "NFD", "NFKC", "NFKD"])?;
        }
        let pre_tokenizer = file.pre_tokenizer.as_ref().ok_or(TokenizerError::NotByteLevel)?;
        check_kinds("pre-tokenizer", pre_tokenizer, &["ByteLevel", "Split", "Digits"])?;
        if !kinds(pre_tokenizer).any(|kind| kind == Some("ByteLevel")) {
            return Err(TokenizerError::NotByteLevel);
        }
        // Some files repeat the added tokens in the model's vocabulary. Text must not reach them.
        // (With another id it is another token: one that is written so in the bytes' alphabet.)
        for token in &file.added_tokens {
            if file.model.vocab.get(&token.content) == Some(&token.id) {
                file.model.vocab.remove(&token.content);
            }
        }
        file.check_ids()?;
        Ok(file)
    }

    /// Each id belongs to one token and is small enough for a table; ordinary bytes have tokens.
    fn check_ids(&self) -> Result<(), TokenizerError> {
        let model = self.model.vocab.iter().map(|(text, &id)| (text.as_str(), id));
        let added = self.added_tokens.iter().map(|token| (token.content.as_str(), token.id));
        let mut owners: HashMap<u32, &str> = HashMap::new();
        for (text, id) in model.chain(added) {
            if id as usize >= MAX_VOCABULARY {
                return Err(TokenizerError::IdTooLarge { token: text.to_owned(), id });
            }
            if let Some(other) = owners.insert(id, text)
                && other != text
            {
                let (a, b) = (other.min(text).to_owned(), other.max(text).to_owned());
                return Err(TokenizerError::SharedId { id, a, b });
            }
        }
        // Text is made of these; some real vocabularies lack bytes that hardly any has.
        match (b' '..=b'~').chain([b'\n']).find(|&byte| !self.has_byte(byte)) {
            Some(byte) => Err(TokenizerError::MissingByte(byte)),
            None => Ok(()),
        }
    }

    /// Whether a byte has a token of its own. Where it has none, and is part of no other token in
    /// a text, encoding leaves it out.
    pub(super) fn has_byte(&self, byte: u8) -> bool {
        let mut buffer = [0; 4];
        self.model.vocab.contains_key(&*byte_level::character(byte).encode_utf8(&mut buffer))
    }

    /// Whether text may lose bytes before it is encoded: to a normaliser, or to a split that drops
    /// what it splits at.
    pub(super) fn may_shorten(&self) -> bool {
        let drops = |split: &Value| split.to_string().contains("\"Removed\"");
        self.normalizer.is_some() || self.pre_tokenizer.as_ref().is_some_and(drops)
    }

    /// Builds the encoder of ordinary text, which knows no added token.
    pub(super) fn into_encoder(self) -> Result<Encoder, TokenizerError> {
        let merges =
            self.model.merges.into_iter().map(Merge::into_pair).collect::<Result<Vec<_>, _>>()?;
        let vocab: tokenizers::models::bpe::Vocab = self.model.vocab.into_iter().collect();
        let model = BPE::builder()
            .vocab_and_merges(vocab, merges)
            .ignore_merges(self.model.ignore_merges)
            .build()
            .map_err(|error| TokenizerError::Model(error.to_string()))?;
        let mut encoder = Encoder::new(model);
        if let Some(value) = self.normalizer {
            let normalizer: NormalizerWrapper = serde_json::from_value(value)?;
            encoder
                .with_normalizer(Some(normalizer))
                .map_err(|error| TokenizerError::Model(error.to_string()))?;
        }
        if let Some(value) = self.pre_tokenizer {
            let pre_tokenizer: PreTokenizerWrapper = serde_json::from_value(value)?;
            encoder.with_pre_tokenizer(Some(pre_tokenizer));
        }
        Ok(encoder)
    }
}

/// The `type`s of a component and, if it is a sequence, of its parts.
fn kinds(component: &Value) -> impl Iterator<Item = Option<&str>> {
    let parts = ["pretokenizers", "normalizers"]
        .into_iter()
        .filter_map(|name| component.get(name)?.as_array())
        .flatten();
    std::iter::once(component).chain(parts).map(|part| part.get("type")?.as_str())
}

/// Refuses a component of another kind than those named, or a sequence of such.
fn check_kinds(
    what: &'static str,
    component: &Value,
    allowed: &[&str],
) -> Result<(), TokenizerError> {
    for (depth, kind) in kinds(component).enumerate() {
        let kind = kind.unwrap_or("without a type");
        if !(allowed.contains(&kind) || depth == 0 && kind == "Sequence") {
            return Err(TokenizerError::Unsupported(what, kind.to_owned()));
        }
    }
    Ok(())
}
