//! Buffers that begin on a cache line, so that no vector load of a packed matrix straddles two,
//! and large ones on a huge page, so that reading them is not held up by finding their pages.
//!
//! A step reads gigabytes of weights once. In pages of 4 KiB nearly each of them misses the
//! buffers of address translation, and that can halve the speed of reading. Linux gives huge pages
//! to those who ask before they first touch the memory; memory of our own mapping is sure to be
//! untouched, which what an allocator hands out again is not.

use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;
use std::sync::Arc;

use memmap2::MmapMut;

const LINE_BYTES: usize = 64;

/// A huge page of x86-64, and of ARM with pages of 4 KiB.
const HUGE_PAGE_BYTES: usize = 2 << 20;

/// Bytes that small buffers share: what is left over at their end is little beside them.
const SHARED_BYTES: usize = 64 << 20;

/// Numbers of which all bits zero is zero and any bits are a value.
pub(crate) trait Plain: Copy + Default {}

impl Plain for u8 {}
impl Plain for i8 {}
impl Plain for u16 {}
impl Plain for i16 {}
impl Plain for u64 {}
impl Plain for f32 {}
impl<T: Plain> Plain for [T; 2] {}

/// A zeroed buffer of fixed length that begins on a cache line, or on a huge page if it is as
/// large as one.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    memory: Memory<T>,
    len: usize,
}

#[derive(Debug)]
enum Memory<T> {
    /// From the allocator, with the buffer at some index.
    Allocated(Vec<T>, usize),
    /// From the system, which adds pages as they are touched.
    Mapped(Part),
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self { memory: Memory::Allocated(Vec::new(), 0), len: 0 }
    }
}

impl<T: Plain> Aligned<T> {
    /// `len` zeros, or `None` if there is no memory for them.
    pub(crate) fn try_zeroed(len: usize) -> Option<Self> {
        let bytes = len.checked_mul(size_of::<T>())?;
        if bytes >= HUGE_PAGE_BYTES {
            let part = Mapping::new(bytes)?.take(bytes)?;
            return Some(Self { memory: Memory::Mapped(part), len });
        }
        let padded = len + LINE_BYTES / size_of::<T>();
        let mut values = Vec::new();
        values.try_reserve_exact(padded).ok()?;
        values.resize(padded, T::default());
        let start = values.as_ptr().align_offset(LINE_BYTES);
        // An offset that cannot be had is usize::MAX: then the buffer begins where it begins.
        let start = if start <= padded - len { start } else { 0 };
        Some(Self { memory: Memory::Allocated(values, start), len })
    }

    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self::try_zeroed(len).unwrap_or_else(|| panic!("no memory for {len} values"))
    }

    /// Makes it at least `len` long, without giving memory back; what it held may be lost.
    pub(crate) fn grow(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeroed(len);
        }
    }
}

impl<T: Plain> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.memory {
            Memory::Allocated(values, start) => &values[*start..*start + self.len],
            // SAFETY: the part is as long as `len` values and begins on a cache line, zeros and
            // whatever is written here are values, and this buffer alone has the part.
            Memory::Mapped(part) => unsafe {
                std::slice::from_raw_parts(part.start.cast().as_ptr(), self.len)
            },
        }
    }
}

impl<T: Plain> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.memory {
            Memory::Allocated(values, start) => &mut values[*start..*start + self.len],
            // SAFETY: as above, and this buffer is borrowed mutably.
            Memory::Mapped(part) => unsafe {
                std::slice::from_raw_parts_mut(part.start.cast().as_ptr(), self.len)
            },
        }
    }
}

/// Memory for many buffers that stay: those too small for a huge page of their own share some.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    /// What the next one is taken of.
    mapping: Option<Mapping>,
}

impl Arena {
    /// `len` zeros.
    pub(crate) fn zeroed<T: Plain>(&mut self, len: usize) -> Aligned<T> {
        let bytes = len * size_of::<T>();
        if bytes == 0 || bytes >= HUGE_PAGE_BYTES {
            return Aligned::zeroed(len);
        }
        let mut part = self.mapping.as_mut().and_then(|mapping| mapping.take(bytes));
        if part.is_none() {
            self.mapping = Mapping::new(SHARED_BYTES);
            part = self.mapping.as_mut().and_then(|mapping| mapping.take(bytes));
        }
        let part = part.unwrap_or_else(|| panic!("no memory for {len} values"));
        Aligned { memory: Memory::Mapped(part), len }
    }
}

/// Memory of which parts are taken, one after the other.
#[derive(Debug)]
struct Mapping {
    map: Arc<MmapMut>,
    /// What is not taken yet, from a cache line on.
    start: NonNull<u8>,
    left: usize,
}

/// A part of a mapping that nobody else has.
#[derive(Debug)]
struct Part {
    start: NonNull<u8>,
    /// Keeps it.
    _map: Arc<MmapMut>,
}

// SAFETY: a part is memory that it alone has, like a `Box<[u8]>`.
unsafe impl Send for Part {}
// SAFETY: as above.
unsafe impl Sync for Part {}
// SAFETY: what is not taken yet is the mapping's alone.
unsafe impl Send for Mapping {}

impl Mapping {
    /// Zeros from the beginning of a huge page on.
    fn new(bytes: usize) -> Option<Self> {
        // What lies before and behind is never touched, so it costs addresses only.
        let mut map = MmapMut::map_anon(bytes.checked_add(HUGE_PAGE_BYTES)?).ok()?;
        let address = map.as_ptr().addr();
        let offset = address.next_multiple_of(HUGE_PAGE_BYTES) - address;
        // Only whole huge pages: the rest at the end would take up to one page more than it has.
        ask_for_huge_pages(&map, offset..offset + bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES);
        let start = NonNull::from(&mut map[offset..]).cast();
        Some(Self { map: Arc::new(map), start, left: bytes })
    }

    /// The next part, if there are that many bytes.
    fn take(&mut self, bytes: usize) -> Option<Part> {
        let left = self.left.checked_sub(bytes)?;
        let part = Part { start: self.start, _map: Arc::clone(&self.map) };
        let whole = bytes.next_multiple_of(LINE_BYTES).min(self.left);
        // SAFETY: it stays in the mapping, of which that many bytes were left.
        self.start = unsafe { self.start.add(whole) };
        self.left = left - (whole - bytes);
        Some(part)
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

#[cfg(test)]
mod tests {
    use super::{Aligned, Arena, HUGE_PAGE_BYTES, SHARED_BYTES};

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
    fn buffers_of_an_arena_are_apart_and_outlive_it() {
        let mut arena = Arena::default();
        let lens = [1, 16, 100_003, 0, HUGE_PAGE_BYTES / 4 - 1, 3];
        let rounds = SHARED_BYTES / HUGE_PAGE_BYTES;
        let mut buffers: Vec<Aligned<f32>> =
            (0..rounds).flat_map(|_| lens).map(|len| arena.zeroed(len)).collect();
        drop(arena);
        for (index, buffer) in buffers.iter_mut().enumerate() {
            assert_eq!(buffer.as_ptr() as usize % 64, 0);
            assert_eq!(buffer.len(), lens[index % lens.len()]);
            let Some(last) = buffer.len().checked_sub(1) else { continue };
            assert_eq!((buffer[0], buffer[last]), (0.0, 0.0));
            buffer[last] = index as f32;
            buffer[0] = index as f32;
        }
        buffers.swap_remove(1);
        for (index, buffer) in buffers.iter().enumerate().skip(2) {
            let ends = buffer.first().zip(buffer.last());
            assert!(ends.is_none_or(|ends| ends == (&(index as f32), &(index as f32))));
        }
        let large = Arena::default().zeroed::<u8>(3 * HUGE_PAGE_BYTES);
        assert!(large.iter().all(|&x| x == 0));
    }

    #[test]
    fn more_than_there_is_is_not_had() {
        assert!(Aligned::<f32>::try_zeroed(usize::MAX / 8).is_none());
        assert!(Aligned::<u8>::try_zeroed(usize::MAX).is_none());
        // Addresses for it there may be, but no memory.
        assert!(Aligned::<u8>::try_zeroed(1 << 46).is_none());
    }
}
