//! Tensors into safetensors files: one, or shards with an index, as large releases come.

use serde_json::{Map, Value, json};
use throng_spec::DType;

use super::plan::{Encoding, FileTensor};

/// One file.
pub(super) struct Shard {
    pub(super) name: String,
    /// What comes before the tensors.
    pub(super) header: Vec<u8>,
    /// In the order of the file.
    pub(super) tensors: Vec<FileTensor>,
    /// Of the whole file.
    pub(super) bytes: u64,
}

/// Deals tensors out to files, in order.
pub(super) fn shards(tensors: Vec<FileTensor>, max_bytes: u64) -> Vec<Shard> {
    let mut shards: Vec<(Vec<FileTensor>, u64)> = vec![Default::default()];
    for tensor in tensors {
        let bytes = tensor.bytes();
        match shards.last_mut() {
            Some((tensors, used)) if tensors.is_empty() || *used + bytes <= max_bytes => {
                tensors.push(tensor);
                *used += bytes;
            }
            _ => shards.push((vec![tensor], bytes)),
        }
    }
    let of = shards.len();
    let named = shards.into_iter().enumerate().map(|(index, (tensors, bytes))| {
        let name = match of {
            1 => "model.safetensors".to_owned(),
            _ => format!("model-{:05}-of-{of:05}.safetensors", index + 1),
        };
        Shard::new(name, tensors, bytes)
    });
    named.collect()
}

impl Shard {
    fn new(name: String, mut tensors: Vec<FileTensor>, bytes: u64) -> Self {
        // Wide numbers first, so that all lie at multiples of their size.
        tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.encoding.alignment()));
        let mut entries = Map::new();
        // What Python's transformers asks for before it reads a file.
        entries.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
        let mut begin = 0;
        for tensor in &tensors {
            let end = begin + tensor.bytes();
            let (dtype, shape) = (dtype(tensor.encoding), &tensor.shape);
            let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [begin, end] });
            entries.insert(tensor.name.clone(), entry);
            begin = end;
        }
        let mut json = Value::Object(entries).to_string().into_bytes();
        // Spaces to a multiple of 8, for the same reason.
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut header = (json.len() as u64).to_le_bytes().to_vec();
        header.extend(json);
        let bytes = bytes + header.len() as u64;
        Self { name, header, tensors, bytes }
    }
}

/// The index of several shards.
pub(super) fn index(shards: &[Shard]) -> Option<(&'static str, Vec<u8>)> {
    if shards.len() < 2 {
        return None;
    }
    let pairs = shards.iter().flat_map(|shard| {
        let file = Value::from(shard.name.as_str());
        shard.tensors.iter().map(move |tensor| (tensor.name.clone(), file.clone()))
    });
    let map: Map<_, _> = pairs.collect();
    let tensors = shards.iter().flat_map(|shard| &shard.tensors);
    let total_size: u64 = tensors.map(FileTensor::bytes).sum();
    let index = json!({ "metadata": { "total_size": total_size }, "weight_map": map });
    Some(("model.safetensors.index.json", format!("{index:#}\n").into_bytes()))
}

fn dtype(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Plain(DType::F32) => "F32",
        Encoding::Plain(DType::F16) => "F16",
        Encoding::Plain(DType::Bf16) => "BF16",
        Encoding::Nibbles | Encoding::Scales => "U8",
        Encoding::Plain(_) => unreachable!("blocks have encodings of their own"),
    }
}
