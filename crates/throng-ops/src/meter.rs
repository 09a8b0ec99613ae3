//! What may be measured of operations while they run.

use crate::counts::Count;
use crate::operation::{Operation, OperationClock};

/// Measures operations one by one.
pub trait Meter: Send {
    /// Does some work of a kind, and notes what was counted of it.
    fn measure<T>(&mut self, operation: Operation, count: Count, work: impl FnOnce() -> T) -> T;

    /// Bytes of weights and of the KV cache that all work so far had to read.
    fn bytes(&self) -> u64;
}

impl Meter for OperationClock {
    fn measure<T>(&mut self, operation: Operation, count: Count, work: impl FnOnce() -> T) -> T {
        self.time(operation, count, work)
    }

    fn bytes(&self) -> u64 {
        self.read().total().bytes
    }
}

/// Adds up bytes and nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByteMeter(u64);

impl Meter for ByteMeter {
    fn measure<T>(&mut self, _: Operation, count: Count, work: impl FnOnce() -> T) -> T {
        self.0 = self.0.saturating_add(count.bytes);
        work()
    }

    fn bytes(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use throng_spec::{DType, Layout};

    use crate::backend::{Backend, Precision};
    use crate::counts::Counted;
    use crate::matrix::{MatrixPart, MatrixSource, RowOrder};
    use crate::metered::{Timed, Weighed};
    use crate::naive::Naive;

    #[test]
    fn whoever_counts_bytes_counts_the_same() {
        assert_eq!(Naive.bytes_read(), None);
        let (timed, weighed) = (bytes(Timed::new(Naive)), bytes(Weighed::new(Naive)));
        assert_eq!(timed, weighed);
    }

    /// Checks what a product and two rows of its matrix count as.
    fn bytes(mut backend: impl Backend<Matrix = <Naive as Backend>::Matrix>) -> Option<u64> {
        assert_eq!(backend.bytes_read(), Some(0));
        let data: Vec<u8> = (0u8..12).flat_map(|value| f32::from(value).to_le_bytes()).collect();
        let part = MatrixPart {
            dtype: DType::F32,
            layout: Layout::Rows,
            groups: 1,
            rows: 4,
            data: &data,
            scales: &[],
            grid: None,
        };
        let (parts, order) = (&[part][..], RowOrder::Stacked);
        let source = MatrixSource { groups: 1, cols: 3, parts, order, bias: None, quantise: None };
        let matrix = backend.pack(&source, Precision::Exact);
        let x = backend.upload(&[1.0; 6]);
        let mut out = Default::default();
        backend.reserve(&mut out, 8);
        backend.linear(2, &x, &matrix, &mut out);
        backend.embed(&matrix, &[3, 0], &mut out);
        let whole = Naive::packed(&matrix).bytes as u64;
        assert!(whole >= 12 * 4);
        assert_eq!(backend.bytes_read(), Some(whole + 2 * (whole / 4)));
        backend.bytes_read()
    }
}
