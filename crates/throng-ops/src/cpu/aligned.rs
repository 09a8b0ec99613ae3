//! Buffers that begin on a cache line, so that no vector load of a packed matrix straddles two,
//! and large ones on a huge page, so that reading them is not held up by finding their pages.
//!
//! A step reads gigabytes of weights once. In pages of 4 KiB nearly each of them misses the
//! buffers of address translation, and that can halve the speed of reading. Linux gives huge pages
//! to those who ask before they first touch the memory; memory of our own mapping is sure to be
//! untouched, which what an allocator hands out again is not.

use std::ops::{Deref, DerefMut, Range};

use memmap2::MmapMut;

const LINE_BYTES: usize = 64;

/// A huge page of x86-64, and of ARM with pages of 4 KiB.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Numbers of which all bits zero is zero and any bits are a value.
pub(crate) trait Plain: Copy + Default {}

impl Plain for u8 {}
impl Plain for i8 {}
impl Plain for u16 {}
impl Plain for i16 {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for u64 {}
impl Plain for f32 {}

/// A zeroed buffer of fixed length that begins on a cache line, or on a huge page if it is as
/// large as one.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    memory: Memory<T>,
    /// Where the buffer begins in `memory`, in values or, if that is mapped, in bytes.
    start: usize,
    len: usize,
}

#[derive(Debug)]
enum Memory<T> {
    /// From the allocator.
    Allocated(Vec<T>),
    /// From the system, which adds pages as they are touched.
    Mapped(MmapMut),
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self { memory: Memory::Allocated(Vec::new()), start: 0, len: 0 }
    }
}

impl<T: Plain> Aligned<T> {
    /// `len` zeros, or `None` if there is no memory for them.
    pub(crate) fn try_zeroed(len: usize) -> Option<Self> {
        let bytes = len.checked_mul(size_of::<T>())?;
        if bytes >= HUGE_PAGE_BYTES { Self::map(len, bytes) } else { Self::allocate(len) }
    }

    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self::try_zeroed(len).unwrap_or_else(|| panic!("no memory for {len} packed values"))
    }

    /// Makes it at least `len` long, without giving memory back; what it held may be lost.
    pub(crate) fn grow(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeroed(len);
        }
    }

    fn allocate(len: usize) -> Option<Self> {
        let padded = len + LINE_BYTES / size_of::<T>();
        let mut values = Vec::new();
        values.try_reserve_exact(padded).ok()?;
        values.resize(padded, T::default());
        let start = values.as_ptr().align_offset(LINE_BYTES);
        // An offset that cannot be had is usize::MAX: then the buffer begins where it begins.
        let start = if start <= padded - len { start } else { 0 };
        Some(Self { memory: Memory::Allocated(values), start, len })
    }

    fn map(len: usize, bytes: usize) -> Option<Self> {
        // What lies before and behind the buffer is never touched, so it costs addresses only.
        let map = MmapMut::map_anon(bytes.checked_add(HUGE_PAGE_BYTES)?).ok()?;
        let start = map.as_ptr().addr().next_multiple_of(HUGE_PAGE_BYTES) - map.as_ptr().addr();
        // Only whole huge pages: the rest at the end would take up to one page more than it has.
        ask_for_huge_pages(&map, start..start + bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES);
        Some(Self { memory: Memory::Mapped(map), start, len })
    }

    /// Where the buffer is in a mapping.
    fn mapped(&self) -> Range<usize> {
        self.start..self.start + self.len * size_of::<T>()
    }
}

/// Asks the system to make a range of huge pages as it is touched.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(map: &MmapMut, range: Range<usize>) {
    let advised = map.advise_range(memmap2::Advice::HugePage, range.start, range.len());
    // A kernel without huge pages refuses, and small ones only cost time.
    advised.unwrap_or_default();
}

/// Other systems decide for themselves.
#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_: &MmapMut, _: Range<usize>) {}

impl<T: Plain> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.memory {
            Memory::Allocated(values) => &values[self.start..self.start + self.len],
            Memory::Mapped(map) => {
                // SAFETY: any bytes are a `T`, and they begin on a huge page, so none are left
                // over before or behind.
                unsafe { map[self.mapped()].align_to().1 }
            }
        }
    }
}

impl<T: Plain> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let mapped = self.mapped();
        match &mut self.memory {
            Memory::Allocated(values) => &mut values[self.start..self.start + self.len],
            Memory::Mapped(map) => {
                // SAFETY: any bytes are a `T` and any `T` is bytes, and they begin on a huge page,
                // so none are left over before or behind.
                unsafe { map[mapped].align_to_mut().1 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Aligned, HUGE_PAGE_BYTES};

    #[test]
    fn begins_on_a_line_wherever_it_moves() {
        for len in [0, 1, 63, 1000] {
            let moved = Box::new(Aligned::<u16>::zeroed(len));
            assert_eq!(moved.as_ptr() as usize % 64, 0);
            assert_eq!(moved.len(), len);
        }
    }

    #[test]
    fn a_large_one_begins_on_a_huge_page_and_holds_what_it_says() {
        for bytes in [HUGE_PAGE_BYTES, HUGE_PAGE_BYTES + 4, 5 * HUGE_PAGE_BYTES / 2] {
            let mut buffer = Aligned::<f32>::zeroed(bytes / 4);
            assert_eq!(buffer.as_ptr() as usize % HUGE_PAGE_BYTES, 0);
            assert_eq!(size_of_val(&*buffer), bytes);
            assert!(buffer.iter().all(|&x| x == 0.0));
            let last = buffer.len() - 1;
            (buffer[0], buffer[last]) = (1.0, 2.0);
            let moved = buffer;
            assert_eq!((moved[0], moved[last], moved.iter().sum::<f32>()), (1.0, 2.0, 3.0));
        }
    }

    #[test]
    fn more_than_there_is_is_not_had() {
        assert!(Aligned::<f32>::try_zeroed(usize::MAX / 8).is_none());
        assert!(Aligned::<u8>::try_zeroed(usize::MAX).is_none());
        // Addresses for it there may be, but no memory.
        assert!(Aligned::<u8>::try_zeroed(1 << 46).is_none());
    }
}
