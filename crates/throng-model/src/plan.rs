//! What a model will take in memory, said before any of it is read.

use std::collections::HashMap;

use throng_checkpoint::Checkpoint;
use throng_ops::{
    Precision, kv_pool_bytes, packed_bytes, packed_dtype, scratch_bytes, stacked_dtypes,
};
use throng_spec::{DType, KvDtype, LayerRole, ModelSpec, Role, Stored};

use crate::kv::KvBlocks;
use crate::workspace;

/// Bytes of memory that a loaded model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Weights as the CPU's kernels keep them.
    pub weights_bytes: usize,
    /// Keys and values, all blocks.
    pub kv_bytes: usize,
    /// Activations of the largest step, logits included, at most. Indices and angles, some hundred
    /// bytes a token, are not counted.
    pub workspace_bytes: usize,
}

/// The sizes that a plan depends on beside the model.
#[derive(Clone, Copy, Debug)]
pub struct PlanOptions {
    /// How products are computed.
    pub precision: Precision,
    /// How the KV cache keeps keys and values.
    pub kv_dtype: KvDtype,
    /// Size of the KV cache.
    pub kv_blocks: KvBlocks,
    /// Tokens of the largest step.
    pub step_tokens: usize,
    /// How many tokens of a step want logits at most.
    pub wanted_logits: usize,
}

impl MemoryPlan {
    /// For a model on the CPU whose tensors are stored as `tensors` says (every role of the spec,
    /// in one piece or several).
    pub fn new(spec: &ModelSpec, tensors: &[Stored], options: PlanOptions) -> Self {
        let PlanOptions { precision, kv_dtype, kv_blocks, step_tokens, wanted_logits } = options;
        let kv_bytes = spec.layers.iter().fold(0usize, |sum, layer| {
            let windowed = layer.attention.window.is_some();
            let blocks = if windowed { kv_blocks.window } else { kv_blocks.full };
            sum.saturating_add(kv_pool_bytes(spec.heads, blocks, kv_dtype))
        });
        let activations: usize = workspace::lens(spec, step_tokens, wanted_logits)
            .iter()
            .fold(0, |sum, len| sum.saturating_add(len.saturating_mul(size_of::<f32>())));
        let scratch = spec
            .layers
            .iter()
            .map(|layer| scratch_bytes(step_tokens, spec.hidden, spec.heads, &layer.mlp));
        Self {
            weights_bytes: weights_bytes(spec, tensors, precision),
            kv_bytes,
            workspace_bytes: activations.saturating_add(scratch.max().unwrap_or(0)),
        }
    }

    /// All of it.
    pub fn total_bytes(&self) -> usize {
        self.weights_bytes.saturating_add(self.kv_bytes).saturating_add(self.workspace_bytes)
    }
}

/// The tensors of a checkpoint as they are stored, piece by piece.
pub fn stored(checkpoint: &Checkpoint) -> Vec<Stored> {
    let roles = checkpoint.spec().tensors();
    roles
        .iter()
        .flat_map(|&(role, _)| {
            checkpoint.pieces(role).map(move |piece| {
                let values = piece.shape.iter().product();
                Stored { role, dtype: piece.dtype, values, scale_bytes: piece.scale_bytes() }
            })
        })
        .collect()
}

/// The tensors of a model as they are kept in memory, one a role: what is not kept as it is stored
/// has another dtype here.
pub fn kept(spec: &ModelSpec, tensors: &[Stored], precision: Precision) -> Vec<Stored> {
    let mut dtypes: HashMap<Role, Vec<DType>> = HashMap::new();
    for tensor in tensors {
        dtypes.entry(tensor.role).or_default().push(tensor.dtype);
    }
    let kept = |(role, shape): (Role, Vec<usize>)| {
        use LayerRole::{Key, Query, Router, Value};
        let dtypes = |role| dtypes.get(&role).map_or(&[][..], |dtypes| dtypes);
        let precision = match role {
            Role::Layer(_, Router) => Precision::Exact,
            _ => precision,
        };
        let dtype = match role {
            _ if !is_matrix(role, &shape) => DType::F32,
            Role::Layer(layer, Query | Key | Value) => {
                let rows = [spec.heads.query_width(), spec.heads.kv_width(), spec.heads.kv_width()];
                let roles = [Query, Key, Value].map(|role| Role::Layer(layer, role));
                let parts = roles.into_iter().zip(rows);
                let parts = parts.filter_map(|(role, rows)| Some((*dtypes(role).first()?, rows)));
                let kept = stacked_dtypes(&parts.collect::<Vec<_>>(), precision);
                let place = roles.iter().position(|&other| other == role);
                place.and_then(|place| kept.get(place)).copied().unwrap_or(DType::F32)
            }
            _ => packed_dtype(dtypes(role).iter().copied(), precision),
        };
        Stored { role, dtype, values: shape.iter().product(), scale_bytes: 0 }
    };
    spec.tensors().into_iter().map(kept).collect()
}

/// Whether products are made with it; what a product adds is not.
fn is_matrix(role: Role, shape: &[usize]) -> bool {
    let is_bias = matches!(role, Role::Layer(_, role) if role.is_matrix_bias());
    shape.len() > 1 && !is_bias
}

/// What `Weights::bind` makes of the tensors.
fn weights_bytes(spec: &ModelSpec, tensors: &[Stored], precision: Precision) -> usize {
    let mut sum = 0usize;
    let mut stacked = Vec::new();
    for ((role, shape), kept) in spec.tensors().into_iter().zip(kept(spec, tensors, precision)) {
        let bytes = match (role, &shape[..]) {
            // Stacked: the last one packs all three.
            (Role::Layer(_, LayerRole::Query | LayerRole::Key), [rows, _]) => {
                stacked.push((kept.dtype, *rows));
                0
            }
            // Biases of matrices are packed with them.
            (Role::Layer(_, role), _) if role.is_matrix_bias() => 0,
            (_, [outer @ .., rows, cols]) if is_matrix(role, &shape) => {
                stacked.push((kept.dtype, *rows));
                stacked_bytes(&std::mem::take(&mut stacked), outer.iter().product(), *cols)
            }
            _ => kept.bytes(),
        };
        sum = sum.saturating_add(bytes);
    }
    // Heads without sinks have them at -∞.
    let no_sinks = if spec.sinks { 0 } else { spec.layers.len() * spec.heads.query };
    sum.saturating_add(no_sinks * size_of::<f32>())
}

/// Bytes of a matrix of parts with so many rows. Those that are kept alike are one, others fill tiles
/// of their own.
fn stacked_bytes(parts: &[(DType, usize)], groups: usize, cols: usize) -> usize {
    let bytes = parts.chunk_by(|a, b| a.0 == b.0).map(|alike| {
        let rows = alike.iter().map(|part| part.1).sum();
        packed_bytes(alike[0].0, [groups, rows, cols])
    });
    bytes.fold(0usize, |sum, bytes| sum.saturating_add(bytes.unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use throng_ops::Precision::{Exact, Fast};
    use throng_ops::{Backend, Cpu, MatrixPart, MatrixSource, RowOrder};
    use throng_spec::{Layout, QuantisationRequest};

    use super::*;
    use crate::batch::{Batch, Row};
    use crate::decoder::Decoder;
    use crate::kv::BlockTables;
    use crate::kv_cache::KvCache;
    use crate::norm::Norm;
    use crate::runner::Runner;
    use crate::weights::Weights;
    use crate::workspace::Workspace;

    /// Bytes that bound weights really take.
    fn taken(weights: &Weights<Cpu>) -> usize {
        let buffer = |values: &Vec<f32>| size_of_val(&**values);
        let norm = |norm: &Norm<Cpu>| match norm {
            Norm::Rms { weight } => buffer(weight),
            Norm::Layer { weight, bias } => buffer(weight) + buffer(bias),
        };
        let layers = weights.layers.iter().map(|layer| {
            let norms = norm(&layer.attention_norm) + norm(&layer.mlp_norm);
            let head_norms = layer.head_norms.as_ref();
            let head_norms = head_norms.map_or(0, |(query, key)| buffer(query) + buffer(key));
            let router = layer.mlp.router.as_ref().map_or(0, |(router, _)| router.bytes());
            let matrices = [&layer.qkv, &layer.output, &layer.mlp.up, &layer.mlp.down];
            let matrices: usize = matrices.iter().map(|matrix| matrix.bytes()).sum();
            norms + head_norms + router + matrices + buffer(&layer.sinks)
        });
        let tables = [Some(&weights.embedding), weights.positions.as_ref(), weights.head.as_ref()];
        let tables: usize = tables.iter().flatten().map(|matrix| matrix.bytes()).sum();
        tables + layers.sum::<usize>() + norm(&weights.final_norm)
    }

    #[test]
    fn a_plan_is_what_every_golden_checkpoint_takes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let (none, int8) = (QuantisationRequest::default(), "int8".parse().unwrap());
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let checkpoint = Checkpoint::open(&entry.unwrap().path()).unwrap();
            let (spec, tensors) = (checkpoint.spec(), stored(&checkpoint));
            let cases = [(Exact, none), (Fast, none), (Exact, int8), (Fast, int8)];
            for ((precision, request), kv_dtype) in cases.into_iter().zip(KvDtype::ALL) {
                let Ok(quantisation) = request.resolve(spec, &tensors) else { continue };
                let tensors = quantisation.apply(spec, &tensors);
                let kv_blocks = KvBlocks { full: 7, window: 3 };
                let (step_tokens, wanted_logits) = (9, 4);
                let options =
                    PlanOptions { precision, kv_dtype, kv_blocks, step_tokens, wanted_logits };
                let plan = MemoryPlan::new(spec, &tensors, options);
                let mut cpu = Cpu::new(1, None).unwrap();
                let kept_as = (precision, quantisation);
                let weights = Weights::bind(&mut cpu, &checkpoint, kept_as, &mut |_| ());
                let cache = KvCache::new(&mut cpu, spec, kv_blocks, kv_dtype, precision).unwrap();
                let mut decoder = Decoder::new(spec.clone(), cpu, weights, cache, step_tokens);
                let blocks = BlockTables { full: vec![4], window: vec![2] };
                let tokens = (0..step_tokens as u32).collect();
                let row = Row { tokens, position: 0, blocks, wanted_logits };
                decoder.run(&Batch { rows: vec![row] }).unwrap();

                assert_eq!(plan.weights_bytes, taken(&decoder.weights), "{}", spec.architecture);
                let kv_bytes: usize = decoder.cache.layers.iter().map(|pool| pool.bytes()).sum();
                assert_eq!(plan.kv_bytes, kv_bytes, "{}", spec.architecture);
                let Workspace { hidden, normed, qkv, attended, inner, logits, .. } = decoder.work;
                let values: usize =
                    [hidden, normed, qkv, attended, inner, logits].iter().map(Vec::len).sum();
                let planned = plan.workspace_bytes - size_of::<f32>() * values;
                // Beside it there are indices, some bytes a token and an expert.
                let scratch = decoder.backend.scratch_bytes();
                assert!((1..=planned + 512).contains(&scratch), "{scratch} of {planned}");
                seen += 1;
            }
        }
        assert!(seen > 50, "{seen} plans");
    }

    /// As in Q4_K_M: values in Q6_K beside queries and keys in Q4_K.
    #[test]
    fn projections_of_two_types_take_what_is_planned() {
        use DType::{Bf16, F32, Q4K, Q6K};
        // Heads of 64, two for keys; and of 24, one for keys, which does not fill its tiles.
        for (query, kv, fast) in [(12, 2, [Q4K, Q4K, Q6K]), (32, 1, [Bf16; 3])] {
            let mut config = throng_testkit::configs()[1].clone();
            config["hidden_size"] = 768.into();
            config["num_attention_heads"] = query.into();
            config["num_key_value_heads"] = kv.into();
            let spec = ModelSpec::from_config(&config).unwrap();
            let cols = spec.hidden;
            let rows = [spec.heads.query_width(), spec.heads.kv_width(), spec.heads.kv_width()];
            let projections = [LayerRole::Query, LayerRole::Key, LayerRole::Value];
            let projections = projections.map(|role| Role::Layer(0, role));
            let dtype = |role| if role == projections[2] { Q6K } else { Q4K };
            let tensors = spec.tensors().into_iter().map(|(role, shape)| {
                let values = shape.iter().product();
                Stored { role, dtype: dtype(role), values, scale_bytes: 0 }
            });
            let tensors: Vec<Stored> = tensors.collect();
            let data = [0, 1, 2].map(|i| vec![0; dtype(projections[i]).bytes(rows[i] * cols)]);
            let parts = [0, 1, 2].map(|i| MatrixPart {
                dtype: dtype(projections[i]),
                layout: Layout::Rows,
                groups: 1,
                rows: rows[i],
                data: &data[i],
                scales: &[],
                grid: None,
            });
            let order = RowOrder::Stacked;
            let source =
                MatrixSource { groups: 1, cols, parts: &parts, order, bias: None, quantise: None };
            for (precision, expected) in [(Fast, fast), (Exact, [F32; 3])] {
                let kept = kept(&spec, &tensors, precision);
                let of = |role| kept.iter().find(|tensor| tensor.role == role).unwrap().dtype;
                assert_eq!(projections.map(of), expected, "{query} heads in {precision:?}");
                let planned = [0, 1, 2].map(|i| (expected[i], rows[i]));
                let packed = Cpu::new(1, None).unwrap().pack(&source, precision);
                assert_eq!(stacked_bytes(&planned, 1, cols), packed.bytes(), "{precision:?}");
            }
        }
    }

    #[test]
    fn a_plan_of_what_no_machine_has_does_not_overflow() {
        let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/alternating");
        let checkpoint = Checkpoint::open(&checkpoint).unwrap();
        let options = PlanOptions {
            precision: Exact,
            kv_dtype: KvDtype::F32,
            kv_blocks: KvBlocks { full: usize::MAX, window: usize::MAX },
            step_tokens: usize::MAX,
            wanted_logits: usize::MAX,
        };
        let plan = MemoryPlan::new(checkpoint.spec(), &stored(&checkpoint), options);
        assert_eq!(plan.total_bytes(), usize::MAX);
    }
}
