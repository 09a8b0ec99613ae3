//! Which tokens of a text are read together, and which of them count.

use std::num::NonZeroUsize;
use std::ops::Range;

/// A text with nothing before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// Its tokens.
    pub tokens: Vec<u32>,
    /// Tokens before this place are context alone and never count.
    pub counted_from: usize,
    /// What windows after the first have instead of their first tokens: those that every text of
    /// the model begins with, so that it never sees one that does not.
    pub opening: Vec<u32>,
}

/// How a document is cut into windows, each of which is read from an empty context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// Windows of up to `context` tokens begin `stride` tokens apart. A token counts in the first
    /// window that has it and a token before it, so every token but the document's first counts
    /// once, from the second window on with at least `context - stride` tokens before it. As in
    /// "Perplexity of fixed-length models" of HF transformers' guide.
    Sliding {
        /// Tokens of a window at most.
        context: NonZeroUsize,
        /// Tokens between the beginnings of two windows.
        stride: NonZeroUsize,
    },
    /// Whole windows of `context` tokens end to end; what is left of the document is not read. Of
    /// each the second half counts but for its first token. As in llama.cpp's `llama-perplexity`.
    Disjoint {
        /// Tokens of a window.
        context: NonZeroUsize,
    },
}

/// A part of a document that is read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Its tokens' places in the document.
    pub tokens: Range<usize>,
    /// Those that count; its end is that of the window.
    pub counted: Range<usize>,
}

impl Windows {
    /// Tokens of a window at most.
    pub fn context(&self) -> usize {
        match self {
            Self::Sliding { context, .. } | Self::Disjoint { context } => context.get(),
        }
    }

    /// The windows of a document in which some token counts, in order.
    pub(super) fn of(self, document: &Document) -> impl Iterator<Item = Window> {
        let length = document.tokens.len();
        let context = self.context();
        let (stride, whole) = match self {
            Self::Sliding { stride, .. } => (stride.get(), false),
            Self::Disjoint { .. } => (context, true),
        };
        let (from, opening) = (document.counted_from, document.opening.len());
        let mut counted_before = 0;
        (0..length)
            .step_by(stride)
            .map_while(move |begin| {
                let end = begin.saturating_add(context).min(length);
                let is_short = whole && end - begin < context;
                if counted_before == length || is_short {
                    return None;
                }
                let before = if whole { context / 2 } else { 0 };
                let replaced = if begin > 0 { opening } else { 0 };
                let first = counted_before.max(begin + before.max(replaced).max(1));
                let first = if whole { first.max(begin + before + 1) } else { first };
                counted_before = end;
                Some(Window { tokens: begin..end, counted: first.max(from).min(end)..end })
            })
            .filter(|window| !window.counted.is_empty())
    }
}

impl Window {
    /// Chunks that it is read in.
    pub(super) fn steps(&self, chunk: NonZeroUsize) -> usize {
        (self.tokens.len() - 1).div_ceil(chunk.get())
    }

    /// What is read for its sake: all but its last token, after which nothing is asked.
    pub(super) fn input(&self, document: &Document) -> Vec<u32> {
        let mut input = document.tokens[self.tokens.start..self.tokens.end - 1].to_vec();
        if self.tokens.start > 0 {
            for (token, opening) in input.iter_mut().zip(&document.opening) {
                *token = *opening;
            }
        }
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(windows: Windows, document: &Document) -> Vec<[usize; 4]> {
        let flat = |Window { tokens, counted }: Window| {
            [tokens.start, tokens.end, counted.start, counted.end]
        };
        windows.of(document).map(flat).collect()
    }

    fn document(length: u32) -> Document {
        Document { tokens: (0..length).collect(), ..Document::default() }
    }

    fn sliding(context: usize, stride: usize) -> Windows {
        let number = |number| NonZeroUsize::new(number).unwrap();
        Windows::Sliding { context: number(context), stride: number(stride) }
    }

    fn disjoint(context: usize) -> Windows {
        Windows::Disjoint { context: NonZeroUsize::new(context).unwrap() }
    }

    #[test]
    fn sliding_windows_are_those_of_the_guide() {
        let found = windows(sliding(8, 4), &document(18));
        assert_eq!(found, [[0, 8, 1, 8], [4, 12, 8, 12], [8, 16, 12, 16], [12, 18, 16, 18]]);
        assert_eq!(windows(sliding(8, 4), &document(8)), [[0, 8, 1, 8]]);
        assert_eq!(windows(sliding(8, 4), &document(5)), [[0, 5, 1, 5]]);
        // End to end: the first token of each has nothing before it.
        assert_eq!(windows(sliding(4, 4), &document(9)), [[0, 4, 1, 4], [4, 8, 5, 8]]);
        // A stride past the window leaves tokens out.
        assert_eq!(windows(sliding(2, 3), &document(6)), [[0, 2, 1, 2], [3, 5, 4, 5]]);
    }

    #[test]
    fn every_token_but_the_first_counts_once() {
        for length in 0..40 {
            for (context, stride) in [(2, 1), (7, 1), (8, 4), (9, 8), (64, 3)] {
                let found: Vec<Window> = sliding(context, stride).of(&document(length)).collect();
                let counted: Vec<usize> =
                    found.iter().flat_map(|window| window.counted.clone()).collect();
                assert_eq!(counted, (1..length as usize).collect::<Vec<_>>());
                let enough = |window: &Window| {
                    window.counted.start - window.tokens.start >= context - stride
                };
                assert!(found.iter().skip(1).all(enough));
            }
        }
    }

    #[test]
    fn disjoint_windows_are_llama_perplexitys() {
        let found = windows(disjoint(8), &document(20));
        assert_eq!(found, [[0, 8, 5, 8], [8, 16, 13, 16]]);
        assert!(windows(disjoint(8), &document(7)).is_empty());
        // Nothing is behind the first token of the second half.
        assert!(windows(disjoint(2), &document(20)).is_empty());
    }

    #[test]
    fn what_is_context_alone_is_read_only_where_it_is_needed() {
        let document = Document { counted_from: 10, ..document(18) };
        assert_eq!(
            windows(sliding(8, 4), &document),
            [[4, 12, 10, 12], [8, 16, 12, 16], [12, 18, 16, 18]]
        );
        let none = Document { counted_from: 18, ..document };
        assert!(windows(sliding(8, 4), &none).is_empty());
    }

    #[test]
    fn later_windows_begin_as_texts_do() {
        let document = Document { opening: vec![99, 98], ..document(12) };
        let found: Vec<Window> = sliding(8, 7).of(&document).collect();
        assert_eq!(found[0].input(&document), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(found[1].input(&document), [99, 98, 9, 10]);
        // Token 8 is one of those that the opening stands for.
        assert_eq!(found[1].counted, 9..12);
    }
}
