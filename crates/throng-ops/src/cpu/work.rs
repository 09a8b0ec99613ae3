//! How finely work is cut for the threads.

use super::pool::Pool;

/// Multiply-adds below which a piece of work is not worth handing to another thread: a few
/// microseconds, about what waking one costs.
const LEAST_WORK: usize = 1 << 17;

/// Pieces a thread: more make up for threads that are late, fewer cost less in claims. With 4, a
/// step of 8 users took a sixth longer on cores that others use now and then.
const PIECES: usize = 16;

/// Items to claim at a time, of `items` that cost `each` multiply-adds.
pub(crate) fn grain(pool: &Pool, items: usize, each: usize) -> usize {
    let even = items.div_ceil(pool.threads() * PIECES);
    even.max(LEAST_WORK.div_ceil(each.max(1)))
}

/// Threads that `items` with `work` multiply-adds altogether are worth.
pub(crate) fn lanes(pool: &Pool, items: usize, work: usize) -> usize {
    pool.threads().min(items).min(work.div_ceil(LEAST_WORK))
}
