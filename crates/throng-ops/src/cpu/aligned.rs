//! Buffers that begin on a cache line, so that no vector load of a packed matrix straddles two.

use std::ops::{Deref, DerefMut};

const LINE_BYTES: usize = 64;

/// A zeroed buffer of fixed length that begins on a cache line.
#[derive(Debug)]
pub(crate) struct Aligned<T> {
    values: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Clone + Default> Aligned<T> {
    /// `len` zeros, or `None` if there is no memory for them.
    pub(crate) fn try_zeroed(len: usize) -> Option<Self> {
        let slack = LINE_BYTES / size_of::<T>();
        let padded = len.checked_add(slack)?;
        // Asks first, because the allocation below aborts where it fails; that one takes pages
        // from the system as they are touched, which filling a reserved buffer would not.
        Vec::<T>::new().try_reserve_exact(padded).ok()?;
        let values = vec![T::default(); padded];
        let start = values.as_ptr().align_offset(LINE_BYTES);
        // An offset that cannot be had is usize::MAX: then the buffer begins where it begins.
        let start = if start <= slack { start } else { 0 };
        Some(Self { values, start, len })
    }

    /// `len` zeros.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self::try_zeroed(len).unwrap_or_else(|| panic!("no memory for {len} packed values"))
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.values[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.values[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::Aligned;

    #[test]
    fn begins_on_a_line_wherever_it_moves() {
        for len in [0, 1, 63, 1000] {
            let moved = Box::new(Aligned::<u16>::zeroed(len));
            assert_eq!(moved.as_ptr() as usize % 64, 0);
            assert_eq!(moved.len(), len);
        }
    }

    #[test]
    fn more_than_there_is_is_not_had() {
        assert!(Aligned::<f32>::try_zeroed(usize::MAX / 8).is_none());
        assert!(Aligned::<u8>::try_zeroed(usize::MAX).is_none());
    }
}
