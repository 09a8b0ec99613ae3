//! Queries that walk the same keys, and the keys that they take in at once.

use super::cell::Cell;
use crate::cpu::aligned::Aligned;
use crate::cpu::kernels::LANES;
use crate::placement::BLOCK_TOKENS;

/// Keys that a softmax takes in at once. Groups are cut at multiples of it, wherever a query
/// begins to see, so that a row's sums are cut at the same positions in any company.
pub(crate) const GROUP_TOKENS: usize = 64;

/// Blocks in a group.
pub(crate) const GROUP_BLOCKS: usize = GROUP_TOKENS / BLOCK_TOKENS;

/// Rows of a tile at most.
pub(crate) const TILE_ROWS: usize = 64;

/// Rows that one call of an inner loop takes.
pub(crate) const ROWS: usize = 8;

/// Dimensions of the values that one call of an inner loop takes.
pub(crate) const CHUNK: usize = 32;

/// Part of the values of a group in f32, [`CHUNK`] dimensions a token.
pub(crate) type Staged = [[f32; CHUNK]; GROUP_TOKENS];

/// Takes a group of keys and values into the attention of a tile's rows.
pub(crate) type AttendFn<T> = unsafe fn(&mut QueryTile, &KvGroup<'_, T>);

/// Keys and values of one KV head for [`GROUP_TOKENS`] neighbouring positions of a sequence, in
/// the layout of [`Cell`]. A block that no row of the tile sees is empty.
pub(crate) struct KvGroup<'a, T> {
    /// The blocks' keys.
    pub keys: [&'a [T]; GROUP_BLOCKS],
    /// The blocks' values.
    pub values: [&'a [T]; GROUP_BLOCKS],
    /// What the cache has of the blocks of the group that comes next, to be asked for early.
    pub next: [&'a [u8]; GROUP_BLOCKS],
}

/// Rows of queries that share a KV head: heads of neighbouring tokens of one sequence. Each has an
/// online softmax (Milakov and Gimelshein 2018) of its own and sees keys of its own: what a row
/// gets is made from the row's own numbers alone, in the same order in any tile.
pub(crate) struct QueryTile {
    /// How many.
    pub rows: usize,
    /// Width of a query.
    pub dim: usize,
    /// What scores are multiplied with, times log2(e): weights are powers of two.
    pub scale: f32,
    /// `[rows, dim]`.
    pub queries: Aligned<f32>,
    /// Which tokens of the group at hand each row sees; bit 0 is the first.
    pub seen: [u64; TILE_ROWS],
    /// What each row's weights are relative to: near its highest score so far, scaled.
    pub max: [f32; TILE_ROWS],
    /// Sums of each row's weights so far, relative to `max`.
    pub sums: [[f32; LANES]; TILE_ROWS],
    /// Sums of weight · value so far, `[rows, stride]`.
    pub out: Aligned<f32>,
    /// The group's scores, then weights.
    pub weights: Box<[[f32; GROUP_TOKENS]; TILE_ROWS]>,
    /// Values where they cannot be taken from the cache as they are.
    pub staged: Box<Staged>,
    /// What goes into products of bf16.
    pub bf16: RoundedTile,
}

/// A tile's operands for products of bf16; empty where no kernel has asked for them.
pub(crate) struct RoundedTile {
    /// Whether `queries` are those of the tile.
    pub rounded: bool,
    /// `[TILE_ROWS, dim]`.
    pub queries: Aligned<u16>,
    /// Of the group, `[GROUP_TOKENS / 2, dim, 2]`.
    pub values: Aligned<u16>,
    /// Weights of some rows, `[rows, GROUP_TOKENS]`.
    pub weights: Aligned<u16>,
}

impl Default for QueryTile {
    fn default() -> Self {
        Self {
            rows: 0,
            dim: 0,
            scale: 0.0,
            queries: Aligned::zeroed(0),
            seen: [0; TILE_ROWS],
            max: [0.0; TILE_ROWS],
            sums: [[0.0; LANES]; TILE_ROWS],
            out: Aligned::zeroed(0),
            weights: Box::new([[0.0; GROUP_TOKENS]; TILE_ROWS]),
            staged: Box::new([[0.0; CHUNK]; GROUP_TOKENS]),
            bf16: RoundedTile::default(),
        }
    }
}

impl Default for RoundedTile {
    fn default() -> Self {
        let empty = || Aligned::zeroed(0);
        Self { rounded: false, queries: empty(), values: empty(), weights: empty() }
    }
}

impl QueryTile {
    /// Makes room for `rows` rows of heads as wide as `dim`.
    pub(crate) fn resize(&mut self, rows: usize, dim: usize) {
        assert!(rows <= TILE_ROWS, "{rows} rows");
        (self.rows, self.dim) = (rows, dim);
        if self.out.len() < rows * self.stride() {
            self.queries = Aligned::zeroed(TILE_ROWS * self.stride());
            self.out = Aligned::zeroed(TILE_ROWS * self.stride());
        }
    }

    /// Values from one row of `out` to the next: the width in whole chunks.
    pub(crate) fn stride(&self) -> usize {
        self.dim.next_multiple_of(CHUNK)
    }

    /// Begins the softmaxes. A sink is a score whose value is zero; where there is none it is -∞.
    pub(crate) fn begin(&mut self, sinks: impl Iterator<Item = f32>) {
        for (row, sink) in (0..self.rows).zip(sinks) {
            self.max[row] = sink * std::f32::consts::LOG2_E;
            self.sums[row] = [0.0; LANES];
            self.sums[row][0] = if sink == f32::NEG_INFINITY { 0.0 } else { 1.0 };
        }
        self.bf16.rounded = false;
        let values = self.rows * self.stride();
        self.out[..values].fill(0.0);
    }

    /// What a row's sum of values is to be multiplied with.
    pub(crate) fn inverse(&self, row: usize) -> f32 {
        1.0 / self.sums[row].iter().sum::<f32>()
    }
}

/// Which tokens of a group some rows see, and which are all rows' to see.
#[derive(Clone, Copy)]
pub(crate) struct Visible {
    /// Seen by one row at least.
    pub any: u64,
    /// Seen by all rows.
    pub all: u64,
}

impl Visible {
    /// Of rows.
    #[inline(always)]
    pub(crate) fn of(seen: &[u64]) -> Self {
        let (any, all) = seen.iter().fold((0, !0), |(any, all), seen| (any | seen, all & seen));
        Self { any, all }
    }
}

impl<T: Cell> KvGroup<'_, T> {
    /// The tokens of blocks that are there.
    pub(crate) fn tokens(&self) -> u64 {
        let block = |index: usize| u64::from(!self.keys[index].is_empty());
        (0..GROUP_BLOCKS).map(|index| (block(index) * 0xffff) << (index * BLOCK_TOKENS)).sum()
    }

    /// The values' dimensions `from..` of all tokens that are `visible` to any row, and zeros for
    /// those that are not: they may hold anything, and zero times infinity is no zero. Gives
    /// whether zero weights make zeros of what only some of the rows see.
    #[inline(always)]
    pub(crate) fn stage(&self, from: usize, visible: Visible, staged: &mut Staged) -> bool {
        let mut finite = true;
        for (block, values) in self.values.iter().enumerate() {
            let dim = values.len() / BLOCK_TOKENS;
            let width = CHUNK.min(dim.saturating_sub(from));
            for token in 0..BLOCK_TOKENS {
                let index = block * BLOCK_TOKENS + token;
                let out = &mut staged[index];
                *out = [0.0; CHUNK];
                if visible.any >> index & 1 == 1 {
                    for (i, out) in out[..width].iter_mut().enumerate() {
                        *out = values[T::value_index(dim, token, from + i)].widen();
                    }
                }
                if (visible.any & !visible.all) >> index & 1 == 1 {
                    finite &= out.iter().all(|x| x.is_finite());
                }
            }
        }
        finite
    }
}

/// `out · correction`, where that is not 1.
#[inline(always)]
pub(crate) fn rescale(out: &mut [f32], correction: f32) {
    if correction != 1.0 {
        for out in out {
            *out *= correction;
        }
    }
}
