//! Tensors into safetensors files: one, or shards with an index, as large releases come.

use super::Rows;
use serde_json::{Map, Value, json};

/// One file.
pub(crate) struct Shard<T> {
    pub(crate) name: String,
    /// What comes before the tensors.
    pub(crate) header: Vec<u8>,
    /// In the order of the file.
    pub(crate) tensors: Vec<T>,
    /// Of the whole file.
    pub(crate) bytes: u64,
}

/// Deals tensors out to files, in order.
pub(crate) fn shards<T: Rows>(tensors: Vec<T>, max_bytes: u64) -> Vec<Shard<T>> {
    let mut shards: Vec<(Vec<T>, u64)> = vec![(Vec::new(), 0)];
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

impl<T: Rows> Shard<T> {
    fn new(name: String, mut tensors: Vec<T>, bytes: u64) -> Self {
        // Wide numbers first, so that all lie at multiples of their size.
        tensors.sort_by_key(|tensor| std::cmp::Reverse(tensor.alignment()));
        let mut entries = Map::new();
        // What Python's transformers asks for before it reads a file.
        entries.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
        let mut begin = 0;
        for tensor in &tensors {
            let end = begin + tensor.bytes();
            let (dtype, shape) = (tensor.dtype(), tensor.shape());
            let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [begin, end] });
            entries.insert(tensor.name().to_owned(), entry);
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
pub(crate) fn index<T: Rows>(shards: &[Shard<T>]) -> Option<(&'static str, Vec<u8>)> {
    if shards.len() < 2 {
        return None;
    }
    let pairs = shards.iter().flat_map(|shard| {
        let file = Value::from(shard.name.as_str());
        shard.tensors.iter().map(move |tensor| (tensor.name().to_owned(), file.clone()))
    });
    let map: Map<_, _> = pairs.collect();
    let tensors = shards.iter().flat_map(|shard| &shard.tensors);
    let total_size: u64 = tensors.map(Rows::bytes).sum();
    let index = json!({ "metadata": { "total_size": total_size }, "weight_map": map });
    Some(("model.safetensors.index.json", format!("{index:#}\n").into_bytes()))
}
