//! Rows of a stored tensor to bytes.

use std::ops::Range;

use half::{bf16, f16};
use throng_spec::DType;

use super::plan::{Encoding, FileTensor, Order, Part};
use super::recipe::Exponents;

/// 64-bit draws that an MXFP4 block is made of: two for its nibbles, one for its scale.
const BLOCK_DRAWS: u64 = 3;

/// Appends the bytes of some rows.
pub(super) fn append(tensor: &FileTensor, rows: Range<usize>, out: &mut Vec<u8>) {
    match tensor.encoding {
        Encoding::Plain(dtype) => {
            let mut values = Vec::with_capacity(tensor.row_len);
            for row in rows {
                values.clear();
                fill(tensor, row, &mut values);
                encode(dtype, &values, out);
            }
        }
        Encoding::Nibbles => blocks(tensor, rows, |part, block| {
            out.extend(part.stream.bits(block * BLOCK_DRAWS).to_le_bytes());
            out.extend(part.stream.bits(block * BLOCK_DRAWS + 1).to_le_bytes());
        }),
        Encoding::Scales => {
            let exponents = Exponents::new(tensor.parts[0].recipe.deviation);
            blocks(tensor, rows, |part, block| {
                let draw = (part.stream.bits(block * BLOCK_DRAWS + 2) >> 32) as u32;
                out.push(exponents.low + u8::from(draw < exponents.high_share));
            });
        }
    }
}

/// The values of a row.
fn fill(tensor: &FileTensor, row: usize, values: &mut Vec<f32>) {
    if let Order::Columns = tensor.order {
        for part in &tensor.parts {
            let column = (0..part.rows).map(|index| index * part.cols + row);
            values.extend(column.map(|index| part.signed_value(index)));
        }
        return;
    }
    let (part, row) = source(tensor, row);
    let row = row * part.cols..(row + 1) * part.cols;
    match part.recipe.signs {
        true => values.extend(row.map(|index| part.signed_value(index))),
        false => values.extend(row.map(|index| part.value(index))),
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
        Order::Columns => unreachable!("columns have no rows"),
    }
}

/// Calls `block` with the number of each MXFP4 block of some rows.
fn blocks(tensor: &FileTensor, rows: Range<usize>, mut block: impl FnMut(&Part, u64)) {
    for row in rows {
        let (part, row) = source(tensor, row);
        let row_blocks = part.cols / DType::Mxfp4.block_len();
        let numbers = row * row_blocks..(row + 1) * row_blocks;
        numbers.for_each(|number| block(part, number as u64));
    }
}

impl Part {
    fn value(&self, index: usize) -> f32 {
        self.recipe.mean + self.recipe.deviation * self.stream.normal(index as u64)
    }

    /// The same, half of them negated if the recipe says so.
    fn signed_value(&self, index: usize) -> f32 {
        let value = self.value(index);
        // A draw that no value is made of.
        let negate = self.recipe.signs && self.stream.bits(!(index as u64)) & 1 == 1;
        if negate { -value } else { value }
    }
}

fn encode(dtype: DType, values: &[f32], out: &mut Vec<u8>) {
    match dtype {
        DType::F32 => push(values, out, f32::to_le_bytes),
        DType::F16 => push(values, out, |value| f16::from_f32(value).to_le_bytes()),
        DType::Bf16 => push(values, out, |value| bf16::from_f32(value).to_le_bytes()),
        _ => unreachable!("blocks have encodings of their own"),
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
