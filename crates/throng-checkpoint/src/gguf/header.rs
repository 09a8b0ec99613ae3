//! The header of a GGUF file: metadata, then where each tensor lies.
//! <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>

use std::collections::{BTreeMap, HashMap};

use crate::archive::{Entry, Kind};

use super::reader::Reader;
use super::types;
use super::value::{MAX_ELEMENTS, Value};

pub(super) const MAGIC: [u8; 4] = *b"GGUF";
const VERSIONS: std::ops::RangeInclusive<u32> = 2..=3;

const ALIGNMENT_KEY: &str = "general.alignment";
pub(super) const DEFAULT_ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: u64 = 1 << 20;

/// Dimensions of a tensor at most.
const MAX_DIMENSIONS: u32 = 4;
/// Bytes that a key with its value takes at least: two lengths and a type.
const MIN_PAIR_BYTES: usize = 8 + 4 + 1;
/// Bytes that the description of a tensor takes at least.
const MIN_TENSOR_BYTES: usize = 8 + 4 + 8 + 4 + 8;

/// A checked header.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) metadata: HashMap<&'a str, Value<'a>>,
    pub(super) tensors: BTreeMap<String, Entry>,
}

/// What can be wrong with a header.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The file ends before what its header announces.
    Ends,
    /// The data of its tensors would end here.
    Short { expected: u64 },
    /// Something that no sound file says: what it is.
    Wrong(String),
}

impl<'a> Header<'a> {
    /// Reads the header of a whole file.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Flaw> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != MAGIC {
            return Err(Flaw::Wrong("it does not begin with GGUF".to_owned()));
        }
        let version = reader.u32()?;
        if !VERSIONS.contains(&version) {
            let order = if VERSIONS.contains(&version.swap_bytes()) { ", big-endian" } else { "" };
            let version = if order.is_empty() { version } else { version.swap_bytes() };
            return Err(Flaw::Wrong(format!("version {version}{order}, expected 2 or 3")));
        }
        let tensors = reader.u64()?;
        let pairs = reader.count(MIN_PAIR_BYTES)?;
        let metadata = metadata(&mut reader, pairs)?;
        if tensors > (reader.remaining() / MIN_TENSOR_BYTES) as u64 {
            return Err(Flaw::Ends);
        }
        let described: Vec<Described<'a>> =
            (0..tensors).map(|_| Described::read(&mut reader)).collect::<Result<_, _>>()?;
        let alignment = alignment(&metadata)?;
        let data_start = (reader.position() as u64).next_multiple_of(alignment);
        let tensors = place(described, data_start, alignment, bytes.len() as u64)?;
        Ok(Self { metadata, tensors })
    }
}

fn metadata<'a>(
    reader: &mut Reader<'a>,
    pairs: usize,
) -> Result<HashMap<&'a str, Value<'a>>, Flaw> {
    let mut metadata = HashMap::new();
    let mut room = MAX_ELEMENTS;
    for _ in 0..pairs {
        let key = reader.name()?;
        if metadata.insert(key, Value::read(reader, &mut room)?).is_some() {
            return Err(Flaw::Wrong(format!("the key {key} twice")));
        }
    }
    Ok(metadata)
}

fn alignment(metadata: &HashMap<&str, Value<'_>>) -> Result<u64, Flaw> {
    let Some(value) = metadata.get(ALIGNMENT_KEY) else { return Ok(DEFAULT_ALIGNMENT) };
    let usable = |bytes: &u64| bytes.is_power_of_two() && (8..=MAX_ALIGNMENT).contains(bytes);
    value.unsigned().filter(usable).ok_or_else(|| {
        Flaw::Wrong(format!("{ALIGNMENT_KEY} is no power of two from 8 to {MAX_ALIGNMENT}"))
    })
}

/// A tensor as it is described.
struct Described<'a> {
    name: &'a str,
    kind: Kind,
    shape: Vec<usize>,
    /// From the beginning of the data.
    offset: u64,
    bytes: u64,
}

impl<'a> Described<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Flaw> {
        let name = reader.name()?;
        let wrong = |reason: String| Flaw::Wrong(format!("tensor {name} with {reason}"));
        let dimensions = reader.u32()?;
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            return Err(wrong(format!("{dimensions} dimensions")));
        }
        // The file has the innermost dimension first.
        let mut shape = (0..dimensions)
            .map(|_| usize::try_from(reader.u64()?).map_err(|_| wrong("a huge shape".to_owned())))
            .collect::<Result<Vec<_>, _>>()?;
        shape.reverse();
        let kind = types::kind(reader.u32()?);
        let offset = reader.u64()?;
        let bytes = match kind {
            // Of a type that cannot be read, nobody will ask for the bytes.
            Kind::Bytes | Kind::Integers | Kind::Floats | Kind::Other(_) => 0,
            Kind::Numbers(dtype) => {
                let row = shape[shape.len() - 1];
                if !row.is_multiple_of(dtype.block_len()) {
                    let block = dtype.block_len();
                    return Err(wrong(format!(
                        "rows of {row} in {dtype}, whose blocks have {block}"
                    )));
                }
                let values = shape.iter().try_fold(1u64, |all, &n| all.checked_mul(n as u64));
                values
                    .map(|values| values / dtype.block_len() as u64)
                    .and_then(|blocks| blocks.checked_mul(dtype.block_bytes() as u64))
                    .ok_or_else(|| wrong("a huge shape".to_owned()))?
            }
        };
        Ok(Self { name, kind, shape, offset, bytes })
    }
}

/// Checks that tensors lie within the file, aligned, and do not overlap.
fn place(
    mut described: Vec<Described<'_>>,
    data_start: u64,
    alignment: u64,
    file_bytes: u64,
) -> Result<BTreeMap<String, Entry>, Flaw> {
    described.sort_by_key(|tensor| (tensor.offset, tensor.bytes));
    let whole = described
        .last()
        .map_or(0, |tensor| data_start.saturating_add(tensor.offset).saturating_add(tensor.bytes));
    let mut tensors = BTreeMap::new();
    let mut last: Option<(&str, u64)> = None;
    for tensor in described {
        let Described { name, kind, shape, offset, bytes } = tensor;
        if offset % alignment != 0 {
            let reason = format!("tensor {name} at {offset}, expected a multiple of {alignment}");
            return Err(Flaw::Wrong(reason));
        }
        if let Some((other, end)) = last
            && offset < end
        {
            return Err(Flaw::Wrong(format!("tensors {other} and {name} overlap")));
        }
        let start = data_start.checked_add(offset);
        let (start, end) = start
            .and_then(|start| Some((start, start.checked_add(bytes)?)))
            .ok_or_else(|| Flaw::Wrong(format!("tensor {name} at {offset}")))?;
        if end > file_bytes {
            return Err(Flaw::Short { expected: end.max(whole) });
        }
        last = Some((name, offset + bytes));
        let entry = Entry { kind, shape, range: start as usize..end as usize };
        if tensors.insert(name.to_owned(), entry).is_some() {
            return Err(Flaw::Wrong(format!("tensor {name} twice")));
        }
    }
    Ok(tensors)
}
