//! One vector of logits, and the greatest logit of each chunk of it: the one pass that every job
//! makes, and what lets later passes leave chunks out.

use std::cmp::Ordering;

use super::filter::Last;

/// Tokens of a chunk: small enough that few chunks hold a probable token, large enough that their
/// maxima take no time.
pub(super) const CHUNK: usize = 64;

/// A vector of logits that has been scanned.
pub(super) struct Row<'a> {
    logits: &'a [f32],
    maxima: &'a [f32],
    best: f32,
}

/// Tokens that follow one another.
pub(super) struct Chunk<'a> {
    /// The id of its first token.
    pub(super) first: u32,
    /// Theirs.
    pub(super) logits: &'a [f32],
}

impl Chunk<'_> {
    /// Ids and logits.
    pub(super) fn tokens(&self) -> impl Iterator<Item = (u32, f32)> {
        (self.first..).zip(self.logits.iter().copied())
    }
}

impl<'a> Row<'a> {
    /// Fills `maxima`; says too whether all logits are finite.
    pub(super) fn scan(logits: &'a [f32], maxima: &'a mut Vec<f32>) -> (Self, bool) {
        const LANES: usize = 16;
        maxima.clear();
        // A finite number times zero is zero; any other is NaN, and so is every sum it is in.
        let mut zeros = [0.0_f32; LANES];
        for chunk in logits.chunks(CHUNK) {
            let mut greatest = [f32::NEG_INFINITY; LANES];
            let (parts, rest) = chunk.as_chunks::<LANES>();
            for part in parts {
                for lane in 0..LANES {
                    greatest[lane] = greater(greatest[lane], part[lane]);
                    zeros[lane] += part[lane] * 0.0;
                }
            }
            for (lane, &logit) in rest.iter().enumerate() {
                greatest[lane] = greater(greatest[lane], logit);
                zeros[lane] += logit * 0.0;
            }
            // Halves at a time, so that no long chain of comparisons waits for one another.
            for width in [8, 4, 2, 1] {
                for lane in 0..width {
                    greatest[lane] = greater(greatest[lane], greatest[lane + width]);
                }
            }
            maxima.push(greatest[0]);
        }
        let best = maxima.iter().copied().fold(f32::NEG_INFINITY, greater);
        (Self { logits, maxima, best }, zeros.iter().all(|&zero| zero == 0.0))
    }

    /// The greatest logit.
    pub(super) fn best(&self) -> f32 {
        self.best
    }

    /// A token's logit.
    pub(super) fn logit(&self, id: u32) -> f32 {
        self.logits[id as usize]
    }

    /// Tokens.
    pub(super) fn vocab(&self) -> usize {
        self.logits.len()
    }

    /// The id of the greatest logit, the lowest of equals.
    pub(super) fn argmax(&self) -> u32 {
        let mut best = self.chunks(|max| max == self.best).flat_map(|chunk| {
            chunk.tokens().find(|&(_, logit)| logit == self.best).map(|(id, _)| id)
        });
        best.next().unwrap_or(0)
    }

    /// How many tokens have a greater logit.
    pub(super) fn count_above(&self, logit: f32) -> usize {
        let above =
            |logits: &[f32]| -> u32 { logits.iter().map(|&other| u32::from(other > logit)).sum() };
        self.chunks(|max| max > logit).map(|chunk| above(chunk.logits)).sum::<u32>() as usize
    }

    /// The chunks whose greatest logit is as asked.
    pub(super) fn chunks(&self, wanted: impl Fn(f32) -> bool) -> impl Iterator<Item = Chunk<'a>> {
        let maxima = self.maxima.iter().enumerate();
        maxima.filter(move |&(_, &max)| wanted(max)).map(|(index, _)| self.chunk(index))
    }

    /// A chunk by its number.
    pub(super) fn chunk(&self, index: usize) -> Chunk<'a> {
        let first = index * CHUNK;
        let end = self.logits.len().min(first + CHUNK);
        Chunk { first: first as u32, logits: &self.logits[first..end] }
    }

    /// The greatest logits of the chunks, in chunks of their own.
    pub(super) fn maxima(&self) -> impl Iterator<Item = Chunk<'a>> {
        let firsts = (0..).step_by(CHUNK);
        firsts.zip(self.maxima.chunks(CHUNK)).map(|(first, logits)| Chunk { first, logits })
    }

    /// Finds the `count` most probable tokens, in no order but that the last is the least probable
    /// of them; all tokens, in any order, if there are fewer.
    pub(super) fn most_probable(&self, count: usize, found: &mut Vec<(u32, f32)>) {
        found.clear();
        // As many tokens as there are chunks with such a maximum reach the least of these maxima.
        let least = if (1..=self.maxima.len()).contains(&count) {
            found.extend((0..).zip(self.maxima.iter().copied()));
            found.select_nth_unstable_by(count - 1, by_probability).1.1
        } else {
            f32::NEG_INFINITY
        };
        found.clear();
        for chunk in self.chunks(|max| max >= least) {
            found.extend(chunk.tokens().filter(|&(_, logit)| logit >= least));
        }
        if (1..=found.len()).contains(&count) {
            found.select_nth_unstable_by(count - 1, by_probability);
        }
        found.truncate(count);
    }

    /// The last of the `count` most probable tokens.
    pub(super) fn nth(&self, count: usize, candidates: &mut Vec<(u32, f32)>) -> Last {
        self.most_probable(count, candidates);
        candidates.last().map_or(Last::OF_ALL, |&(id, logit)| Last { logit, id })
    }
}

/// The order of probability: greater logits first, and of equals the lower id.
pub(super) fn by_probability(a: &(u32, f32), b: &(u32, f32)) -> Ordering {
    b.1.partial_cmp(&a.1).unwrap_or(Ordering::Equal).then(a.0.cmp(&b.0))
}

/// `f32::max` in one instruction: nothing is said of NaN but that `other` is not it.
fn greater(one: f32, other: f32) -> f32 {
    if other > one { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bound from the maxima leaves no token too many, and the least probable comes first.
    #[test]
    fn the_nth_is_the_least_probable_of_so_many() {
        let mut logits = vec![0.0; 4 * CHUNK];
        for (chunk, logit) in [2.0, 4.0, 1.0, 3.0].into_iter().enumerate() {
            logits[chunk * CHUNK + 5] = logit;
        }
        let mut maxima = Vec::new();
        let (row, _) = Row::scan(&logits, &mut maxima);
        for (count, logit) in [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0), (5, 0.0)] {
            assert_eq!(row.nth(count, &mut Vec::new()).logit, logit);
        }
        assert_eq!(row.nth(5, &mut Vec::new()).id, 0);
        assert_eq!(row.nth(4 * CHUNK, &mut Vec::new()).id as usize, 4 * CHUNK - 1);
    }
}
