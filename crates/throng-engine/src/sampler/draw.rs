//! Drawing a token in proportion to its weight, by rejection: no weight is computed but those of
//! the chunks' best tokens and of the few tokens that are tried.
//!
//! Every token of a chunk gets a slot as wide as the weight of the chunk's best one. A point is
//! thrown at all slots laid side by side; where it falls within the first part of a slot, as wide
//! as that token's own weight, the token is drawn, else the next point is thrown. At least one
//! throw in 64 hits, because the best token of a chunk fills its slot.

use super::filter::Last;
use super::random::Stream;
use super::row::{CHUNK, Row};
use super::weights::Weights;

/// Throws at most: all of them miss with a probability under 10^-100.
const THROWS: usize = 1 << 14;

/// A token up to `last`. `ends` is memory to work in.
pub(super) fn draw(
    row: &Row<'_>,
    weights: &Weights,
    last: Last,
    mut stream: Stream,
    ends: &mut Vec<u64>,
) -> Option<u32> {
    let end = lay(row, weights, last, ends);
    (0..THROWS).find_map(|_| {
        let point = stream.below(end);
        let index = ends.partition_point(|&end| end <= point);
        let start = if index == 0 { 0 } else { ends[index - 1] };
        let width = (ends.get(index)? - start) / CHUNK as u64;
        let (slot, height) = ((point - start) / width, (point - start) % width);
        let (id, logit) = row.chunk(index).tokens().nth(slot as usize)?;
        (last.keeps(id, logit) && height < weights.of(logit)).then_some(id)
    })
}

/// Lays the chunks' slots side by side: where each chunk's end, and where all do.
fn lay(row: &Row<'_>, weights: &Weights, last: Last, ends: &mut Vec<u64>) -> u64 {
    ends.clear();
    let mut end = 0;
    // If a chunk has tokens up to `last`, its best is among them.
    let last = Last { id: last.id / CHUNK as u32, ..last };
    for maxima in row.maxima() {
        let widths = weights.at_all(&weights.distances(&maxima, last));
        for width in &widths[..maxima.logits.len()] {
            end += width * CHUNK as u64;
            ends.push(end);
        }
    }
    end
}
