//! Values of a GGUF file's metadata.

use super::header::Flaw;
use super::reader::Reader;

/// A value of the metadata, its texts borrowed from the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Flag(bool),
    Text(&'a str),
    List(Vec<Value<'a>>),
}

/// Elements of all lists of a file together. The longest vocabularies of today need a million.
pub(super) const MAX_ELEMENTS: usize = 1 << 23;

const LIST: u32 = 9;

impl<'a> Value<'a> {
    /// Reads a type and a value of it. `room` is how many more elements lists may have.
    pub(super) fn read(reader: &mut Reader<'a>, room: &mut usize) -> Result<Self, Flaw> {
        let kind = reader.u32()?;
        if kind != LIST {
            return Self::scalar(reader, kind);
        }
        let element = reader.u32()?;
        if element == LIST {
            return Err(Flaw::Wrong("a list of lists".to_owned()));
        }
        let count = reader.count(1)?;
        *room = room.checked_sub(count).ok_or_else(|| {
            Flaw::Wrong(format!("lists with more than {MAX_ELEMENTS} elements together"))
        })?;
        (0..count).map(|_| Self::scalar(reader, element)).collect::<Result<_, _>>().map(Self::List)
    }

    fn scalar(reader: &mut Reader<'a>, kind: u32) -> Result<Self, Flaw> {
        Ok(match kind {
            0 => Self::Unsigned(u8::from_le_bytes(reader.array()?).into()),
            1 => Self::Signed(i8::from_le_bytes(reader.array()?).into()),
            2 => Self::Unsigned(u16::from_le_bytes(reader.array()?).into()),
            3 => Self::Signed(i16::from_le_bytes(reader.array()?).into()),
            4 => Self::Unsigned(reader.u32()?.into()),
            5 => Self::Signed(i32::from_le_bytes(reader.array()?).into()),
            6 => Self::Float(f32::from_le_bytes(reader.array()?).into()),
            7 => match reader.array()? {
                [byte @ 0..=1] => Self::Flag(byte == 1),
                [byte] => return Err(Flaw::Wrong(format!("a truth value of {byte}"))),
            },
            8 => Self::Text(reader.text()?),
            10 => Self::Unsigned(reader.u64()?),
            11 => Self::Signed(i64::from_le_bytes(reader.array()?)),
            12 => Self::Float(f64::from_le_bytes(reader.array()?)),
            other => return Err(Flaw::Wrong(format!("a value of the unknown type {other}"))),
        })
    }

    /// A whole number that is not negative, however it is stored.
    pub(super) fn unsigned(&self) -> Option<u64> {
        match *self {
            Self::Unsigned(number) => Some(number),
            Self::Signed(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The elements of a list.
    pub(super) fn list(&self) -> Option<&[Self]> {
        if let Self::List(elements) = self { Some(elements) } else { None }
    }

    /// The same as JSON; a number that JSON has no word for becomes null.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Unsigned(number) => (*number).into(),
            Self::Signed(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Text(text) => (*text).into(),
            Self::List(elements) => elements.iter().map(Self::to_json).collect(),
        }
    }
}
