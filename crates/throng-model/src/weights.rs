//! Tensors to packed matrices. Whatever is odd about a format or an architecture ends here.

use throng_checkpoint::{Checkpoint, Tensor};
use throng_ops::{Backend, MatrixPart, MatrixSource, Precision, decode};
use throng_spec::{LayerRole, ModelSpec, Role};

use crate::load::Progress;

/// A model's weights in the backend's layout.
pub(crate) struct Weights<B: Backend> {
    /// `[vocab, hidden]`.
    pub embedding: B::Matrix,
    /// First to last.
    pub layers: Vec<LayerWeights<B>>,
    /// `[hidden]`.
    pub final_norm: B::Buffer,
    /// `[vocab, hidden]`.
    pub head: B::Matrix,
}

/// One layer's weights. Matrices carry their biases.
pub(crate) struct LayerWeights<B: Backend> {
    /// `[hidden]`.
    pub attention_norm: B::Buffer,
    /// Query, key and value projections stacked `[query width + 2 · kv width, hidden]`.
    pub qkv: B::Matrix,
    /// `[query heads]`.
    pub sinks: B::Buffer,
    /// `[hidden, query width]`.
    pub output: B::Matrix,
    /// `[hidden]`.
    pub mlp_norm: B::Buffer,
    /// `[experts, hidden]`.
    pub router: B::Matrix,
    /// `[experts, 2 · width, hidden]`, even rows gate, odd rows up.
    pub gate_up: B::Matrix,
    /// `[experts, hidden, width]`.
    pub down: B::Matrix,
}

impl<B: Backend> Weights<B> {
    pub(crate) fn bind(
        backend: &mut B,
        checkpoint: &Checkpoint,
        precision: Precision,
        progress: &mut dyn FnMut(Progress),
    ) -> Self {
        let spec = checkpoint.spec();
        let total_bytes = total_bytes(checkpoint, spec);
        let mut binder =
            Binder { backend, checkpoint, progress, done: Progress { done_bytes: 0, total_bytes } };
        let embedding = binder.matrix(&[Role::Embedding], &[], Precision::Exact);
        let layers =
            (0..spec.layers.len()).map(|layer| LayerWeights::bind(&mut binder, layer, precision));
        let layers = layers.collect();
        Self {
            embedding,
            layers,
            final_norm: binder.vector(Role::FinalNorm),
            head: binder.matrix(&[Role::Head], &[], precision),
        }
    }
}

impl<B: Backend> LayerWeights<B> {
    fn bind(binder: &mut Binder<'_, B>, layer: usize, precision: Precision) -> Self {
        use LayerRole::*;
        let role = |role| Role::Layer(layer, role);
        let qkv_biases = [role(QueryBias), role(KeyBias), role(ValueBias)];
        Self {
            attention_norm: binder.vector(role(AttentionNorm)),
            qkv: binder.matrix(&[role(Query), role(Key), role(Value)], &qkv_biases, precision),
            sinks: binder.vector(role(Sinks)),
            output: binder.matrix(&[role(Output)], &[role(OutputBias)], precision),
            mlp_norm: binder.vector(role(MlpNorm)),
            // Rounding here could choose another expert, which no later accuracy makes good.
            router: binder.matrix(&[role(Router)], &[role(RouterBias)], Precision::Exact),
            gate_up: binder.matrix(&[role(GateUp)], &[role(GateUpBias)], precision),
            down: binder.matrix(&[role(Down)], &[role(DownBias)], precision),
        }
    }
}

/// Packs tensor after tensor and says how far it is.
struct Binder<'a, B> {
    backend: &'a mut B,
    checkpoint: &'a Checkpoint,
    progress: &'a mut dyn FnMut(Progress),
    done: Progress,
}

impl<B: Backend> Binder<'_, B> {
    fn vector(&mut self, role: Role) -> B::Buffer {
        let values = self.values(role);
        self.backend.upload(&values)
    }

    /// Matrices stacked along their rows, with their biases.
    fn matrix(&mut self, weights: &[Role], biases: &[Role], precision: Precision) -> B::Matrix {
        let bias: Vec<f32> = biases.iter().flat_map(|&role| self.values(role)).collect();
        let tensors: Vec<Tensor<'_>> =
            weights.iter().map(|&role| self.checkpoint.tensor(role)).collect();
        let parts: Vec<MatrixPart<'_>> = tensors.iter().map(part).collect();
        let (cols, outer) =
            tensors[0].shape.split_last().expect("the shapes of matrices have two dimensions");
        let source = MatrixSource {
            groups: outer[..outer.len() - 1].iter().product(),
            cols: *cols,
            parts: &parts,
            bias: (!biases.is_empty()).then_some(&bias),
        };
        let matrix = self.backend.pack(&source, precision);
        self.advance(source.bytes());
        matrix
    }

    fn values(&mut self, role: Role) -> Vec<f32> {
        let tensor = self.checkpoint.tensor(role);
        self.advance(bytes(&tensor));
        decode(tensor.dtype, tensor.data, tensor.scales)
    }

    fn advance(&mut self, bytes: usize) {
        self.done.done_bytes += bytes;
        (self.progress)(self.done);
    }
}

/// A tensor `[rows, cols]` or `[experts, rows, cols]` as part of a matrix.
fn part<'a>(tensor: &Tensor<'a>) -> MatrixPart<'a> {
    let rows = tensor.shape[tensor.shape.len() - 2];
    MatrixPart { dtype: tensor.dtype, rows, data: tensor.data, scales: tensor.scales }
}

fn bytes(tensor: &Tensor<'_>) -> usize {
    tensor.data.len() + tensor.scales.len()
}

fn total_bytes(checkpoint: &Checkpoint, spec: &ModelSpec) -> usize {
    spec.tensors().iter().map(|&(role, _)| bytes(&checkpoint.tensor(role))).sum()
}
