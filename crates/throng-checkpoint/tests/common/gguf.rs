//! A GGUF file in pieces, to be put together in sound and unsound ways.

#![allow(dead_code, reason = "each test file uses a part")]

use throng_spec::byte_level;

/// A value of the metadata: its type's number and its bytes.
pub type Value = (u32, Vec<u8>);

/// A tensor: name, dimensions with the innermost first, type, and where it says that it begins
/// (`None`: where it does).
pub type Tensor = (String, Vec<u64>, u32, Option<u64>);

/// Numbers of element types.
pub const F32: u32 = 0;
pub const Q4_1: u32 = 3;
pub const Q2_K: u32 = 10;

/// What a file is made of.
#[derive(Clone)]
pub struct Gguf {
    pub magic: [u8; 4],
    pub version: u32,
    pub metadata: Vec<(String, Value)>,
    pub tensors: Vec<Tensor>,
    /// What the header says in place of how many pairs and tensors there are.
    pub counts: Option<(u64, u64)>,
    pub alignment: usize,
    /// Bytes of tensors that the file lacks at its end.
    pub missing: usize,
}

pub fn u32_value(number: u32) -> Value {
    (4, number.to_le_bytes().to_vec())
}

pub fn f32_value(number: f32) -> Value {
    (6, number.to_le_bytes().to_vec())
}

pub fn text_value(text: &str) -> Value {
    (8, text_bytes(text))
}

/// A list of elements of one type.
pub fn list_value(element: u32, items: &[Vec<u8>]) -> Value {
    let count = (items.len() as u64).to_le_bytes();
    (9, [&element.to_le_bytes()[..], &count, &items.concat()].concat())
}

pub fn text_bytes(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

impl Gguf {
    /// A Llama with one layer: hidden 4, two heads of 2, a vocabulary of the 256 bytes.
    pub fn llama() -> Self {
        let pairs = [
            ("general.architecture", text_value("llama")),
            ("llama.block_count", u32_value(1)),
            ("llama.context_length", u32_value(64)),
            ("llama.embedding_length", u32_value(4)),
            ("llama.feed_forward_length", u32_value(8)),
            ("llama.attention.head_count", u32_value(2)),
            ("llama.attention.head_count_kv", u32_value(1)),
            ("llama.rope.dimension_count", u32_value(2)),
            ("llama.attention.layer_norm_rms_epsilon", f32_value(1e-5)),
            ("tokenizer.ggml.model", text_value("gpt2")),
            ("tokenizer.ggml.pre", text_value("gpt-2")),
            ("tokenizer.ggml.tokens", list_value(8, &alphabet())),
            ("tokenizer.ggml.eos_token_id", u32_value(10)),
        ];
        let tensors: [(&str, &[u64]); 11] = [
            ("token_embd.weight", &[4, 256]),
            ("output_norm.weight", &[4]),
            ("blk.0.attn_norm.weight", &[4]),
            ("blk.0.attn_q.weight", &[4, 4]),
            ("blk.0.attn_k.weight", &[4, 2]),
            ("blk.0.attn_v.weight", &[4, 2]),
            ("blk.0.attn_output.weight", &[4, 4]),
            ("blk.0.ffn_norm.weight", &[4]),
            ("blk.0.ffn_gate.weight", &[4, 8]),
            ("blk.0.ffn_up.weight", &[4, 8]),
            ("blk.0.ffn_down.weight", &[8, 4]),
        ];
        Self {
            magic: *b"GGUF",
            version: 3,
            metadata: pairs.map(|(key, value)| (key.to_owned(), value)).to_vec(),
            tensors: tensors
                .map(|(name, dims)| (name.to_owned(), dims.to_vec(), F32, None))
                .to_vec(),
            counts: None,
            alignment: 32,
            missing: 0,
        }
    }

    /// Gives a key another value, or its first.
    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.metadata.retain(|(other, _)| other != key);
        self.metadata.push((key.to_owned(), value));
        self
    }

    pub fn without(mut self, key: &str) -> Self {
        self.metadata.retain(|(other, _)| other != key);
        self
    }

    /// The tensor of this name, to be changed.
    pub fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|tensor| tensor.0 == name).expect("a tensor of the model")
    }

    /// The file. Tensors of numbers are f32 whatever they say, and count up from 0.
    pub fn bytes(&self) -> Vec<u8> {
        let counted = (self.tensors.len() as u64, self.metadata.len() as u64);
        let (tensors, pairs) = self.counts.unwrap_or(counted);
        let mut file = [&self.magic[..], &self.version.to_le_bytes()].concat();
        file.extend([tensors, pairs].map(u64::to_le_bytes).concat());
        for (key, (kind, value)) in &self.metadata {
            file.extend([text_bytes(key), kind.to_le_bytes().to_vec(), value.clone()].concat());
        }
        let mut data: Vec<u8> = Vec::new();
        for (name, dims, kind, offset) in &self.tensors {
            data.resize(data.len().next_multiple_of(self.alignment), 0);
            let offset = offset.unwrap_or(data.len() as u64);
            file.extend(text_bytes(name));
            file.extend((dims.len() as u32).to_le_bytes());
            file.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
            file.extend(kind.to_le_bytes());
            file.extend(offset.to_le_bytes());
            let values = dims.iter().fold(1u64, |all, &n| all.saturating_mul(n)).min(4096);
            data.extend((0..values).flat_map(|i| (i as f32).to_le_bytes()));
        }
        file.resize(file.len().next_multiple_of(self.alignment), 0);
        file.extend(data);
        file.truncate(file.len() - self.missing);
        file
    }
}

/// One token a byte, as byte-level BPE writes it.
pub fn alphabet() -> Vec<Vec<u8>> {
    (0..=u8::MAX).map(|byte| text_bytes(&byte_level::character(byte).to_string())).collect()
}
