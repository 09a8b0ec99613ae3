//! A backend around another one that measures what that does, without a clock or a counter in any
//! kernel.

use throng_spec::{Activation, Heads, KvDtype, Mixture};

use crate::backend::{Attention, Backend, OutOfMemory, Precision};
use crate::counts::{Count, Counted};
use crate::matrix::MatrixSource;
use crate::meter::{ByteMeter, Meter};
use crate::operation::{Operation, OperationClock};
use crate::placement::{Angles, Placement};
use crate::routes::Routes;

/// Another backend, measured: it computes what that computes. What its operations read and compute
/// is counted from their arguments; see [`crate::Work`].
#[derive(Debug)]
pub struct Metered<B, M> {
    inner: B,
    meter: M,
}

/// A backend that adds up what each kind of operation took.
pub type Timed<B> = Metered<B, OperationClock>;

impl<B: Counted> Timed<B> {
    /// Times a backend; its clock starts at zero.
    pub fn new(inner: B) -> Self {
        Self { inner, meter: OperationClock::default() }
    }

    /// What reads the times.
    pub fn clock(&self) -> OperationClock {
        self.meter.clone()
    }
}

/// A backend that adds up the bytes that had to be read, and looks at no clock: a sum an operation
/// is all that it costs.
pub type Weighed<B> = Metered<B, ByteMeter>;

impl<B: Counted> Weighed<B> {
    /// Counts a backend's bytes from zero.
    pub fn new(inner: B) -> Self {
        Self { inner, meter: ByteMeter::default() }
    }
}

impl<B: Counted, M: Meter> Backend for Metered<B, M> {
    type Buffer = B::Buffer;
    type Matrix = B::Matrix;
    type KvPool = B::KvPool;

    fn upload(&mut self, values: &[f32]) -> B::Buffer {
        self.inner.upload(values)
    }

    fn reserve(&mut self, buffer: &mut B::Buffer, len: usize) {
        self.inner.reserve(buffer, len);
    }

    fn read<'a>(&'a mut self, buffer: &'a B::Buffer, len: usize) -> &'a [f32] {
        let Self { inner, meter } = self;
        meter.measure(Operation::Copy, Count::default(), || inner.read(buffer, len))
    }

    fn pack(&mut self, source: &MatrixSource<'_>, precision: Precision) -> B::Matrix {
        self.inner.pack(source, precision)
    }

    fn kv_pool(
        &mut self,
        heads: Heads,
        blocks: usize,
        dtype: KvDtype,
        precision: Precision,
    ) -> Result<B::KvPool, OutOfMemory> {
        self.inner.kv_pool(heads, blocks, dtype, precision)
    }

    fn embed(&mut self, table: &B::Matrix, tokens: &[u32], out: &mut B::Buffer) {
        let count = Count::rows(B::packed(table), tokens.len());
        self.meter.measure(Operation::Copy, count, || self.inner.embed(table, tokens, out));
    }

    fn embed_add(&mut self, table: &B::Matrix, tokens: &[u32], out: &mut B::Buffer) {
        let count = Count::rows(B::packed(table), tokens.len());
        self.meter.measure(Operation::Copy, count, || self.inner.embed_add(table, tokens, out));
    }

    fn gather(&mut self, width: usize, tokens: &[u32], x: &B::Buffer, out: &mut B::Buffer) {
        let Self { inner, meter } = self;
        meter.measure(Operation::Copy, Count::default(), || inner.gather(width, tokens, x, out));
    }

    fn rms_norm(
        &mut self,
        tokens: usize,
        x: &B::Buffer,
        weight: &B::Buffer,
        epsilon: f32,
        out: &mut B::Buffer,
    ) {
        let Self { inner, meter } = self;
        meter.measure(Operation::Norm, Count::default(), || {
            inner.rms_norm(tokens, x, weight, epsilon, out);
        });
    }

    fn layer_norm(
        &mut self,
        tokens: usize,
        x: &B::Buffer,
        weight_and_bias: (&B::Buffer, &B::Buffer),
        epsilon: f32,
        out: &mut B::Buffer,
    ) {
        let Self { inner, meter } = self;
        meter.measure(Operation::Norm, Count::default(), || {
            inner.layer_norm(tokens, x, weight_and_bias, epsilon, out);
        });
    }

    fn norm_heads(
        &mut self,
        tokens: usize,
        attention: &Attention,
        query_and_key: (&B::Buffer, &B::Buffer),
        epsilon: f32,
        qkv: &mut B::Buffer,
    ) {
        let Self { inner, meter } = self;
        meter.measure(Operation::Norm, Count::default(), || {
            inner.norm_heads(tokens, attention, query_and_key, epsilon, qkv);
        });
    }

    fn linear(&mut self, tokens: usize, x: &B::Buffer, matrix: &B::Matrix, out: &mut B::Buffer) {
        let count = Count::product(B::packed(matrix), tokens);
        self.meter.measure(Operation::Qkv, count, || self.inner.linear(tokens, x, matrix, out));
    }

    fn linear_add(
        &mut self,
        tokens: usize,
        x: &B::Buffer,
        matrix: &B::Matrix,
        out: &mut B::Buffer,
    ) {
        let count = Count::product(B::packed(matrix), tokens);
        self.meter.measure(Operation::Output, count, || {
            self.inner.linear_add(tokens, x, matrix, out);
        });
    }

    fn logits(&mut self, tokens: usize, x: &B::Buffer, matrix: &B::Matrix, out: &mut B::Buffer) {
        let count = Count::product(B::packed(matrix), tokens);
        self.meter.measure(Operation::Head, count, || self.inner.logits(tokens, x, matrix, out));
    }

    fn rope(&mut self, attention: &Attention, angles: &Angles, qkv: &mut B::Buffer) {
        let Self { inner, meter } = self;
        meter.measure(Operation::Rope, Count::default(), || inner.rope(attention, angles, qkv));
    }

    fn append_kv(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        qkv: &B::Buffer,
        pool: &mut B::KvPool,
    ) {
        let Self { inner, meter } = self;
        meter.measure(Operation::Rope, Count::default(), || {
            inner.append_kv(attention, placement, qkv, pool);
        });
    }

    fn attend(
        &mut self,
        attention: &Attention,
        placement: &Placement,
        sinks: &B::Buffer,
        qkv: &B::Buffer,
        pool: &B::KvPool,
        out: &mut B::Buffer,
    ) {
        let Self { inner, meter } = self;
        let count = Count::attention(attention, placement, inner.kept(pool));
        meter.measure(Operation::Attention, count, || {
            inner.attend(attention, placement, sinks, qkv, pool, out);
        });
    }

    fn route(
        &mut self,
        tokens: usize,
        x: &B::Buffer,
        router: &B::Matrix,
        mixture: Mixture,
        routes: &mut Routes,
    ) {
        let Self { inner, meter } = self;
        let count = Count::product(B::packed(router), tokens);
        meter.measure(Operation::Router, count, || inner.route(tokens, x, router, mixture, routes));
    }

    fn experts_up(
        &mut self,
        routes: &Routes,
        x: &B::Buffer,
        matrix: &B::Matrix,
        activation: Activation,
        out: &mut B::Buffer,
    ) {
        let Self { inner, meter } = self;
        let count = Count::experts(B::packed(matrix), routes);
        meter.measure(Operation::MlpUp, count, || {
            inner.experts_up(routes, x, matrix, activation, out);
        });
    }

    fn experts_down_add(
        &mut self,
        routes: &Routes,
        x: &B::Buffer,
        matrix: &B::Matrix,
        out: &mut B::Buffer,
    ) {
        let Self { inner, meter } = self;
        let count = Count::experts(B::packed(matrix), routes);
        meter.measure(Operation::MlpDown, count, || inner.experts_down_add(routes, x, matrix, out));
    }
    fn bytes_read(&self) -> Option<u64> {
        Some(self.meter.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::{Operation, Timed};
    use crate::backend::Backend;
    use crate::naive::Naive;
    use crate::operation::{OperationWork, Work};

    #[test]
    fn an_operation_computes_the_same_and_its_kind_alone_takes_time() {
        let (x, weight) = ([3.0, -4.0], [1.0, 2.0]);
        let plain = normed(&mut Naive, &x, &weight);
        let mut timed = Timed::new(Naive);
        let clock = timed.clock();
        assert_eq!(clock.read(), OperationWork::default());
        // A coarse clock may not see one of them.
        for _ in 0..10_000 {
            assert_eq!(normed(&mut timed, &x, &weight), plain);
        }
        let times = clock.read();
        for operation in Operation::ALL {
            let expected = [Operation::Norm, Operation::Copy].contains(&operation);
            assert_eq!(!times.of(operation).time.is_zero(), expected, "{operation:?}");
        }
        let mut both = times.of(Operation::Norm);
        both += times.of(Operation::Copy);
        assert_eq!(times.total(), both);
        let Work { bytes, macs, .. } = both;
        assert_eq!((bytes, macs.total()), (0, 0), "norms and copies are not counted");
    }

    fn normed<B: Backend>(backend: &mut B, x: &[f32], weight: &[f32]) -> Vec<f32> {
        let (x, weight) = (backend.upload(x), backend.upload(weight));
        let mut out = B::Buffer::default();
        backend.reserve(&mut out, 2);
        backend.rms_norm(1, &x, &weight, 1e-5, &mut out);
        backend.read(&out, 2).to_vec()
    }
}
