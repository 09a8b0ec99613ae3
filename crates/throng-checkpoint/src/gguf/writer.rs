//! The header of a GGUF file (version 3), as bytes.

use throng_spec::DType;

use super::header::{DEFAULT_ALIGNMENT, MAGIC};
use super::types;
use super::value::Value;

const VERSION: u32 = 3;

/// What each tensor's data and the first of them begin at a multiple of.
pub(crate) const ALIGNMENT: u64 = DEFAULT_ALIGNMENT;

/// Numbers of the types of values.
const U32: u32 = 4;
const I32: u32 = 5;
const F32: u32 = 6;
const BOOL: u32 = 7;
const TEXT: u32 = 8;
const LIST: u32 = 9;

/// Metadata that are being written.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    pairs: u64,
}

/// A tensor to describe in a header.
pub(crate) struct Description<'a> {
    pub(crate) name: &'a str,
    /// Outermost dimension first.
    pub(crate) shape: &'a [usize],
    pub(crate) dtype: DType,
    /// Bytes of its data.
    pub(crate) bytes: u64,
}

impl Writer {
    /// Adds a single value: numbers in 32 bits, as readers expect most.
    ///
    /// # Panics
    /// A whole number has more bits, or the value is a list.
    pub(crate) fn value(&mut self, key: &str, value: &Value<'_>) {
        let whole = |fits: bool| assert!(fits, "{key} needs more than 32 bits");
        match *value {
            Value::Unsigned(number) => {
                whole(number <= u32::MAX.into());
                self.pair(key, U32, &(number as u32).to_le_bytes());
            }
            Value::Signed(number) => {
                whole(i32::try_from(number).is_ok());
                self.pair(key, I32, &(number as i32).to_le_bytes());
            }
            Value::Float(number) => self.pair(key, F32, &(number as f32).to_le_bytes()),
            Value::Flag(flag) => self.pair(key, BOOL, &[flag.into()]),
            Value::Text(text) => {
                self.pair(key, TEXT, &[]);
                push_text(&mut self.bytes, text);
            }
            Value::List(_) => unreachable!("lists are written as they are made"),
        }
    }

    /// Adds a list of texts.
    pub(crate) fn texts(&mut self, key: &str, texts: impl ExactSizeIterator<Item = String>) {
        self.list(key, TEXT, texts.len());
        texts.for_each(|text| push_text(&mut self.bytes, &text));
    }

    /// Adds a list of whole numbers.
    pub(crate) fn numbers(&mut self, key: &str, numbers: impl ExactSizeIterator<Item = i32>) {
        self.list(key, I32, numbers.len());
        numbers.for_each(|number| self.bytes.extend(number.to_le_bytes()));
    }

    /// The whole header of a file whose tensors' data follow it in this order, each at the next
    /// multiple of [`ALIGNMENT`], as the header's end is one.
    pub(crate) fn finish(self, tensors: &[Description<'_>]) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.extend(VERSION.to_le_bytes());
        header.extend((tensors.len() as u64).to_le_bytes());
        header.extend(self.pairs.to_le_bytes());
        header.extend(self.bytes);
        let mut offset = 0_u64;
        for tensor in tensors {
            push_text(&mut header, tensor.name);
            header.extend((tensor.shape.len() as u32).to_le_bytes());
            // The innermost dimension first.
            header.extend(tensor.shape.iter().rev().flat_map(|&len| (len as u64).to_le_bytes()));
            header.extend(types::number(tensor.dtype).to_le_bytes());
            header.extend(offset.to_le_bytes());
            offset = (offset + tensor.bytes).next_multiple_of(ALIGNMENT);
        }
        header.resize(header.len().next_multiple_of(ALIGNMENT as usize), 0);
        header
    }

    fn list(&mut self, key: &str, kind: u32, len: usize) {
        self.pair(key, LIST, &kind.to_le_bytes());
        self.bytes.extend((len as u64).to_le_bytes());
    }

    fn pair(&mut self, key: &str, kind: u32, value: &[u8]) {
        push_text(&mut self.bytes, key);
        self.bytes.extend(kind.to_le_bytes());
        self.bytes.extend(value);
        self.pairs += 1;
    }
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}
