//! Tensors to packed matrices. Whatever is odd about a format or an architecture ends here.

use throng_checkpoint::{Checkpoint, Tensor};
use throng_ops::{Backend, MatrixPart, MatrixSource, Precision, RowOrder, decode};
use throng_spec::{LayerRole, Mixture, ModelSpec, Positions, Quantisation, Role, Stored};

use crate::load::Progress;
use crate::norm::Norm;
use crate::plan::stored;

/// A model's weights in the backend's layout.
pub(crate) struct Weights<B: Backend> {
    /// `[vocab, hidden]`.
    pub embedding: B::Matrix,
    /// `[context, hidden]`, where positions are learned.
    pub positions: Option<B::Matrix>,
    /// First to last.
    pub layers: Vec<LayerWeights<B>>,
    /// Before the head.
    pub final_norm: Norm<B>,
    /// `[vocab, hidden]`, where the embedding is not the head too.
    pub head: Option<B::Matrix>,
}

/// One layer's weights. Matrices carry their biases.
pub(crate) struct LayerWeights<B: Backend> {
    /// Before attention.
    pub attention_norm: Norm<B>,
    /// Query, key and value projections stacked `[query width + 2 · kv width, hidden]`.
    pub qkv: B::Matrix,
    /// Weights of the norms of each query head and each key head `[head width]`, if there are.
    pub head_norms: Option<(B::Buffer, B::Buffer)>,
    /// `[query heads]`.
    pub sinks: B::Buffer,
    /// `[hidden, query width]`.
    pub output: B::Matrix,
    /// Before the MLP.
    pub mlp_norm: Norm<B>,
    /// A mixture of experts, or a dense MLP as one of one expert.
    pub mlp: MlpWeights<B>,
}

/// The weights of a layer's experts.
pub(crate) struct MlpWeights<B: Backend> {
    /// `[experts, hidden]`, where there is a choice.
    pub router: Option<(B::Matrix, Mixture)>,
    /// `[experts, width, hidden]`, or twice the rows, even ones gate and odd ones up.
    pub up: B::Matrix,
    /// `[experts, hidden, width]`.
    pub down: B::Matrix,
}

impl<B: Backend> Weights<B> {
    pub(crate) fn bind(
        backend: &mut B,
        checkpoint: &Checkpoint,
        (precision, quantisation): (Precision, Quantisation),
        progress: &mut dyn FnMut(Progress),
    ) -> Self {
        let spec = checkpoint.spec();
        let total_bytes = stored(checkpoint).iter().map(Stored::bytes).sum();
        let done = Progress { done_bytes: 0, total_bytes };
        let mut binder =
            Binder { backend, checkpoint, spec, precision, quantisation, progress, done };
        let learned = spec.positions == Positions::Learned;
        // Of what is rounded, the head's input and that of queries, keys and values move the answer
        // most: they are where a finer product pays.
        //
        // While a matrix is packed, its stored form is in memory too. The head is often the largest
        // there is, so it goes before the layers have filled memory.
        let head = (!spec.tied_head).then(|| binder.matrix(&[Role::Head], &[], precision.finer()));
        Self {
            head,
            // Rows of it are read as they are; a precision is for products with it, as the head.
            embedding: binder.matrix(&[Role::Embedding], &[], precision.finer()),
            positions: learned.then(|| binder.matrix(&[Role::Positions], &[], precision)),
            layers: (0..spec.layers.len())
                .map(|layer| LayerWeights::bind(&mut binder, layer))
                .collect(),
            final_norm: binder.norm(Role::FinalNorm, Role::FinalNormBias),
        }
    }
}

impl<B: Backend> LayerWeights<B> {
    fn bind(binder: &mut Binder<'_, B>, layer: usize) -> Self {
        use LayerRole::*;
        let role = |role| Role::Layer(layer, role);
        let (spec, precision) = (binder.spec, binder.precision);
        let qkv_biases = [role(QueryBias), role(KeyBias), role(ValueBias)];
        let qkv_biases = if spec.biases.qkv { &qkv_biases[..] } else { &[] };
        let output_bias = [role(OutputBias)];
        let output_bias = if spec.biases.output { &output_bias[..] } else { &[] };
        Self {
            attention_norm: binder.norm(role(AttentionNorm), role(AttentionNormBias)),
            qkv: binder.matrix(
                &[role(Query), role(Key), role(Value)],
                qkv_biases,
                precision.finer(),
            ),
            head_norms: spec
                .qk_norm
                .then(|| (binder.vector(role(QueryNorm)), binder.vector(role(KeyNorm)))),
            sinks: if spec.sinks {
                binder.vector(role(Sinks))
            } else {
                binder.backend.upload(&vec![f32::NEG_INFINITY; spec.heads.query])
            },
            output: binder.matrix(&[role(Output)], output_bias, precision),
            mlp_norm: binder.norm(role(MlpNorm), role(MlpNormBias)),
            mlp: MlpWeights::bind(binder, layer),
        }
    }
}

impl<B: Backend> MlpWeights<B> {
    fn bind(binder: &mut Binder<'_, B>, layer: usize) -> Self {
        use LayerRole::*;
        let (spec, precision) = (binder.spec, binder.precision);
        let mixture = spec.layers[layer].mlp.mixture;
        let [up, up_bias, down, down_bias] = match mixture {
            Some(_) => [GateUp, GateUpBias, Down, DownBias],
            None => [DenseUp, DenseUpBias, DenseDown, DenseDownBias],
        };
        let mut matrix = |role, bias, has_bias: bool, precision| {
            let bias = [Role::Layer(layer, bias)];
            let bias = if has_bias { &bias[..] } else { &[] };
            binder.matrix(&[Role::Layer(layer, role)], bias, precision)
        };
        Self {
            // Rounding here could choose another expert, which no later accuracy makes good.
            router: mixture.map(|mixture| {
                (matrix(Router, RouterBias, spec.biases.router, Precision::Exact), mixture)
            }),
            up: matrix(up, up_bias, spec.biases.mlp, precision),
            down: matrix(down, down_bias, spec.biases.mlp, precision),
        }
    }
}

/// Packs tensor after tensor and says how far it is.
struct Binder<'a, B> {
    backend: &'a mut B,
    checkpoint: &'a Checkpoint,
    spec: &'a ModelSpec,
    precision: Precision,
    quantisation: Quantisation,
    progress: &'a mut dyn FnMut(Progress),
    done: Progress,
}

impl<B: Backend> Binder<'_, B> {
    fn vector(&mut self, role: Role) -> B::Buffer {
        let values = self.values(role);
        self.backend.upload(&values)
    }

    /// A norm of the spec's kind.
    fn norm(&mut self, weight: Role, bias: Role) -> Norm<B> {
        let weight = self.vector(weight);
        match self.spec.norm {
            throng_spec::Norm::Rms => Norm::Rms { weight },
            throng_spec::Norm::Layer => Norm::Layer { weight, bias: self.vector(bias) },
        }
    }

    /// Matrices stacked along their rows, with their biases. One alone may be in pieces.
    fn matrix(&mut self, weights: &[Role], biases: &[Role], precision: Precision) -> B::Matrix {
        let bias: Vec<f32> = biases.iter().flat_map(|&role| self.values(role)).collect();
        let checkpoint = self.checkpoint;
        let tensors: Vec<Tensor<'_>> =
            weights.iter().flat_map(|&role| checkpoint.pieces(role)).collect();
        let parts: Vec<MatrixPart<'_>> = tensors.iter().map(part).collect();
        let experts = self.experts(weights[0]);
        let source = MatrixSource {
            groups: experts,
            cols: tensors[0].shape[tensors[0].shape.len() - 1],
            parts: &parts,
            order: if weights.len() > 1 { RowOrder::Stacked } else { RowOrder::Interleaved },
            bias: (!biases.is_empty()).then_some(&bias),
            quantise: self.quantisation.dtype(self.spec, weights[0]),
        };
        let matrix = self.backend.pack(&source, precision);
        self.advance(source.bytes());
        weights.iter().for_each(|&role| checkpoint.release(role));
        matrix
    }

    /// Experts that a role's tensor is of; 1 for one of all tokens.
    fn experts(&self, role: Role) -> usize {
        match role {
            Role::Layer(layer, role) if role.is_per_expert() => {
                self.spec.layers[layer].mlp.experts()
            }
            _ => 1,
        }
    }

    /// The values of a vector, whose pieces alternate.
    fn values(&mut self, role: Role) -> Vec<f32> {
        let checkpoint = self.checkpoint;
        let pieces: Vec<Vec<f32>> = checkpoint
            .pieces(role)
            .map(|tensor| {
                self.advance(bytes(&tensor));
                decode(tensor.dtype, tensor.layout, tensor.data, tensor.scales)
            })
            .collect();
        let len = pieces.iter().map(Vec::len).sum();
        (0..len).map(|i| pieces[i % pieces.len()][i / pieces.len()]).collect()
    }

    fn advance(&mut self, bytes: usize) {
        self.done.done_bytes += bytes;
        (self.progress)(self.done);
    }
}

/// A tensor `[rows, cols]` or `[experts, rows, cols]` as part of a matrix.
fn part<'a>(tensor: &Tensor<'a>) -> MatrixPart<'a> {
    let Tensor { dtype, layout, data, scales, grid, .. } = *tensor;
    let [outer @ .., rows, _] = tensor.shape else {
        unreachable!("the shapes of matrices have two dimensions")
    };
    let groups = outer.iter().product();
    MatrixPart { dtype, layout, groups, rows: *rows, data, scales, grid }
}

fn bytes(tensor: &Tensor<'_>) -> usize {
    tensor.dtype.bytes(tensor.shape.iter().product())
}
