//! Rows of a stored tensor to bytes.

use std::ops::Range;

use half::{bf16, f16};
use throng_spec::DType;

use super::blocks::{self, Mxfp4};
use super::plan::{Encoding, FileTensor, Order, Part};

/// Appends the bytes of some rows.
pub(super) fn append(tensor: &FileTensor, rows: Range<usize>, out: &mut Vec<u8>) {
    match tensor.encoding {
        Encoding::Nibbles => {
            mxfp4(tensor, rows, |blocks, block| out.extend(blocks.nibbles(block)));
        }
        Encoding::Scales => mxfp4(tensor, rows, |blocks, block| out.push(blocks.scale(block))),
        Encoding::Plain(DType::Mxfp4) => {
            mxfp4(tensor, rows, |blocks, block| blocks.push_block(block, out));
        }
        Encoding::Plain(dtype) => {
            let mut values = Vec::with_capacity(tensor.row_len);
            for row in rows {
                values.clear();
                fill(tensor, row, &mut values);
                encode(dtype, &values, out);
            }
        }
    }
}

/// The values of a row.
fn fill(tensor: &FileTensor, row: usize, values: &mut Vec<f32>) {
    match &tensor.order {
        Order::Values(all) => values.extend(all),
        Order::Columns => {
            for part in &tensor.parts {
                part.extend((0..part.rows).map(|index| index * part.cols + row), values);
            }
        }
        _ => {
            let (part, row) = source(tensor, row);
            part.extend(row * part.cols..(row + 1) * part.cols, values);
        }
    }
}

/// The part that a stored row is of, and which of its rows that is.
fn source(tensor: &FileTensor, mut row: usize) -> (&Part, usize) {
    let part = &tensor.parts[0];
    match tensor.order {
        Order::Rows { first, step } => (part, first + row * step),
        Order::Pairs { head } => {
            let (start, place) = (row - row % head, row % head);
            (part, start + place / 2 + place % 2 * (head / 2))
        }
        Order::Stack => {
            for part in &tensor.parts {
                if row < part.rows {
                    return (part, row);
                }
                row -= part.rows;
            }
            unreachable!("a stack has the rows of its parts")
        }
        Order::Columns | Order::Values(_) => unreachable!("no row of theirs is one of a part"),
    }
}

/// Calls `each` with the number of each MXFP4 block of some rows.
fn mxfp4(tensor: &FileTensor, rows: Range<usize>, mut each: impl FnMut(&Mxfp4, u64)) {
    let blocks = Mxfp4::new(&tensor.parts[0]);
    for row in rows {
        let (part, row) = source(tensor, row);
        let row_blocks = part.cols / DType::Mxfp4.block_len();
        let numbers = row * row_blocks..(row + 1) * row_blocks;
        numbers.for_each(|number| each(&blocks, number as u64));
    }
}

impl Part {
    /// Appends the values at some places. What is released in 16 bits has such values in any file.
    fn extend(&self, places: impl Iterator<Item = usize>, values: &mut Vec<f32>) {
        let rounded = |index| match self.released {
            DType::Bf16 => bf16::from_f32(self.value(index)).to_f32(),
            _ => self.value(index),
        };
        match self.recipe.signs {
            false => values.extend(places.map(rounded)),
            true => values.extend(places.map(|index| {
                // A draw that no value is made of.
                let negate = self.stream.bits(!(index as u64)) & 1 == 1;
                if negate { -rounded(index) } else { rounded(index) }
            })),
        }
    }

    fn value(&self, index: usize) -> f32 {
        self.recipe.mean + self.recipe.deviation * self.stream.normal(index as u64)
    }
}

fn encode(dtype: DType, values: &[f32], out: &mut Vec<u8>) {
    match dtype {
        DType::F32 => push(values, out, f32::to_le_bytes),
        DType::F16 => push(values, out, |value| f16::from_f32(value).to_le_bytes()),
        DType::Bf16 => push(values, out, |value| bf16::from_f32(value).to_le_bytes()),
        DType::Q8_0 => blocks::push_q8_0(values, out),
        _ => unreachable!("no file of random weights has such values"),
    }
}

/// Appends each value's bytes.
fn push<const N: usize>(values: &[f32], out: &mut Vec<u8>, bytes: impl Fn(f32) -> [u8; N]) {
    let start = out.len();
    out.resize(start + N * values.len(), 0);
    let (places, _) = out[start..].as_chunks_mut();
    for (place, &value) in places.iter_mut().zip(values) {
        *place = bytes(value);
    }
}
