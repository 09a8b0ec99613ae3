//! One output buffer, many writers.

use std::marker::PhantomData;
use std::ops::Range;

use super::pool::Pool;

/// A borrowed buffer of which several threads write disjoint parts.
pub(crate) struct Scatter<'a, T> {
    start: *mut T,
    len: usize,
    borrow: PhantomData<&'a mut [T]>,
}

// SAFETY: it gives out parts of a `&mut [T]`, which may be sent for `T: Send`; that no part is
// given out twice is what `Scatter::part` demands of its callers.
unsafe impl<T: Send> Sync for Scatter<'_, T> {}

impl<'a, T> Scatter<'a, T> {
    pub(crate) fn new(buffer: &'a mut [T]) -> Self {
        Self { start: buffer.as_mut_ptr(), len: buffer.len(), borrow: PhantomData }
    }

    /// A part of the buffer.
    ///
    /// # Safety
    /// Parts that live at the same time do not overlap.
    #[allow(clippy::mut_from_ref, reason = "disjoint parts are the purpose; see # Safety")]
    pub(crate) unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.len, "part of a buffer");
        // SAFETY: the range lies in the buffer, which is borrowed mutably for 'a, and by the
        // caller's promise no other part that lives now overlaps it.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

/// Calls `work` with the index and content of each part of `width` values, on all threads, at
/// least `grain` parts a time. What is left at the end is no part.
pub(crate) fn for_each_part<T: Send>(
    pool: &mut Pool,
    buffer: &mut [T],
    width: usize,
    grain: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    let parts = buffer.len().checked_div(width).unwrap_or(0);
    let buffer = Scatter::new(buffer);
    pool.run(parts, grain, &|range| {
        for index in range {
            // SAFETY: parts with different indices do not overlap, and each index comes up once.
            work(index, unsafe { buffer.part(index * width..(index + 1) * width) });
        }
    });
}
