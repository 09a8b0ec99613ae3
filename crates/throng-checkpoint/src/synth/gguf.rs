//! A random model as a GGUF file: the metadata that llama.cpp's converter writes, and tensors in the
//! types of the public files.

use std::collections::{BTreeMap, HashMap};

use throng_spec::{DType, LayerRole, ModelSpec, Positions, Role, RopeScaling, Weighting};

use super::SynthError;
use super::plan::{self, Encoding, FileTensor, Order, Part};
use super::vocabulary::Vocabulary;
use crate::archive::{Entry, Kind};
use crate::gguf::metadata::Metadata;
use crate::gguf::value::Value::{self, Flag, Float, Text, Unsigned};
use crate::gguf::writer::{ALIGNMENT, Description, Writer};
use crate::gguf::{self, rope_factors};
use crate::writing::Rows;

/// A file that is ready to be written.
pub(super) struct File {
    /// What comes before the tensors.
    pub(super) header: Vec<u8>,
    /// In the order of the file, each at the next multiple of [`ALIGNMENT`].
    pub(super) tensors: Vec<FileTensor>,
}

/// Pairs of key and value.
type Pairs = Vec<(String, Value<'static>)>;

/// Lays the file out.
pub(super) fn file(
    spec: &ModelSpec,
    vocabulary: &Vocabulary,
    seed: u64,
) -> Result<File, SynthError> {
    let tensors = tensors(spec, seed);
    let pairs = pairs(spec);
    check(spec, &pairs, &tensors)?;
    let mut writer = Writer::default();
    pairs.iter().for_each(|(key, value)| writer.value(key, value));
    write_vocabulary(&mut writer, vocabulary);
    let descriptions: Vec<_> = tensors
        .iter()
        .map(|tensor| Description {
            name: &tensor.name,
            shape: &tensor.shape,
            dtype: tensor.stored_dtype(),
            bytes: tensor.bytes(),
        })
        .collect();
    Ok(File { header: writer.finish(&descriptions), tensors })
}

impl File {
    /// Bytes of the whole file at most.
    pub(super) fn bytes(&self) -> u64 {
        let padded = self.tensors.iter().map(|tensor| tensor.bytes().next_multiple_of(ALIGNMENT));
        self.header.len() as u64 + padded.sum::<u64>()
    }
}

impl FileTensor {
    fn stored_dtype(&self) -> DType {
        match self.encoding {
            Encoding::Plain(dtype) => dtype,
            Encoding::Nibbles | Encoding::Scales => unreachable!("GGUF has both in one"),
        }
    }
}

/// All tensors: the roles', and what Llama's scaling of frequencies has come to.
pub(super) fn tensors(spec: &ModelSpec, seed: u64) -> Vec<FileTensor> {
    let mut tensors = plan::gguf(spec, seed, |role, part| Encoding::Plain(dtype(spec, role, part)));
    if let Positions::Rope(rope) = spec.positions
        && let Some(RopeScaling::Llama3(llama3)) = rope.scaling
    {
        let divisors = rope_factors::divisors(rope.theta, spec.heads.dim, &llama3);
        let values: Vec<f32> = divisors.map(|divisor| divisor as f32).collect();
        tensors.push(FileTensor {
            name: rope_factors::NAME.to_owned(),
            shape: vec![values.len()],
            encoding: Encoding::Plain(DType::F32),
            rows: 1,
            row_len: values.len(),
            order: Order::Values(values),
            parts: Vec::new(),
        });
    }
    tensors
}

/// What public files store a role in: vectors, routers and positions in f32; of gpt-oss experts in
/// MXFP4 and other matrices in Q8_0; matrices of others in the 16 bits nearest to their release.
fn dtype(spec: &ModelSpec, role: Role, part: &Part) -> DType {
    use LayerRole::Router;
    match (spec.released_dtype(role), role) {
        _ if part.cols == 1 => DType::F32,
        (_, Role::Positions | Role::Layer(_, Router)) => DType::F32,
        (DType::Mxfp4, _) => DType::Mxfp4,
        (DType::F32, _) => DType::F16,
        _ if spec.architecture == "gpt_oss" && part.cols.is_multiple_of(32) => DType::Q8_0,
        (dtype, _) => dtype,
    }
}

/// The metadata but for the vocabulary.
fn pairs(spec: &ModelSpec) -> Pairs {
    let (name, file_type) = match spec.architecture {
        "gpt_oss" => ("gpt-oss", 38),
        "qwen3_moe" => ("qwen3moe", 32),
        "gpt2" => ("gpt2", 1),
        other => (other, 32),
    };
    let general = [
        ("architecture", Text(name)),
        ("type", Text("model")),
        ("name", Text("random weights")),
        // Numbers that llama.cpp gives to mixtures of types: MXFP4 experts, bf16, f16.
        ("file_type", Unsigned(file_type)),
        ("quantization_version", Unsigned(2)),
    ];
    let mut pairs: Pairs =
        general.map(|(key, value)| (format!("general.{key}"), value)).into_iter().collect();
    let shape = shape(spec).into_iter().chain(positions(spec)).chain(mlp(spec));
    pairs.extend(shape.map(|(key, value)| (format!("{name}.{key}"), value)));
    pairs
}

fn shape(spec: &ModelSpec) -> Vec<(&'static str, Value<'static>)> {
    let size = |size: usize| Unsigned(size as u64);
    let mut pairs = vec![
        ("block_count", size(spec.layers.len())),
        ("context_length", size(spec.context)),
        ("embedding_length", size(spec.hidden)),
        ("vocab_size", size(spec.vocab)),
        ("attention.head_count", size(spec.heads.query)),
        ("attention.head_count_kv", size(spec.heads.kv)),
    ];
    let epsilon = match spec.norm {
        throng_spec::Norm::Rms => "attention.layer_norm_rms_epsilon",
        throng_spec::Norm::Layer => "attention.layer_norm_epsilon",
    };
    pairs.push((epsilon, Float(spec.norm_epsilon.into())));
    if let Some(window) = spec.layers.iter().find_map(|layer| layer.attention.window) {
        pairs.push(("attention.sliding_window", size(window)));
    }
    pairs
}

fn positions(spec: &ModelSpec) -> Vec<(&'static str, Value<'static>)> {
    let Positions::Rope(rope) = spec.positions else { return Vec::new() };
    let dim = Unsigned(spec.heads.dim as u64);
    let mut pairs = vec![
        ("attention.key_length", dim.clone()),
        ("attention.value_length", dim.clone()),
        ("rope.dimension_count", dim),
        ("rope.freq_base", Float(rope.theta.into())),
    ];
    match rope.scaling {
        Some(RopeScaling::Linear { factor }) => pairs.extend([
            ("rope.scaling.type", Text("linear")),
            ("rope.scaling.factor", Float(factor.into())),
        ]),
        Some(RopeScaling::Yarn(yarn)) => pairs.extend([
            ("rope.scaling.type", Text("yarn")),
            ("rope.scaling.factor", Float(yarn.factor.into())),
            ("rope.scaling.original_context_length", Unsigned(yarn.original_context as u64)),
            ("rope.scaling.yarn_beta_fast", Float(yarn.beta_fast.into())),
            ("rope.scaling.yarn_beta_slow", Float(yarn.beta_slow.into())),
        ]),
        // A tensor says it.
        Some(RopeScaling::Llama3(_)) | None => {}
    }
    pairs
}

fn mlp(spec: &ModelSpec) -> Vec<(&'static str, Value<'static>)> {
    let size = |size: usize| Unsigned(size as u64);
    let widest = spec.layers.iter().map(|layer| layer.mlp.width).max().unwrap_or(1);
    let mut pairs = vec![("feed_forward_length", size(widest))];
    if let Some((mlp, mixture)) =
        spec.layers.iter().find_map(|layer| Some((layer.mlp, layer.mlp.mixture?)))
    {
        pairs.push(("expert_count", size(mixture.experts)));
        pairs.push(("expert_used_count", size(mixture.active)));
        pairs.push(("expert_feed_forward_length", size(mlp.width)));
    }
    pairs
}

/// Refuses a model of which GGUF cannot say all: what is read back must be what was meant.
fn check(spec: &ModelSpec, pairs: &Pairs, tensors: &[FileTensor]) -> Result<(), SynthError> {
    let described: BTreeMap<&str, (Entry, Vec<u8>)> = tensors
        .iter()
        .map(|tensor| {
            let (kind, shape) = (Kind::Numbers(tensor.stored_dtype()), tensor.shape.clone());
            let data = match &tensor.order {
                Order::Values(values) => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
                _ => Vec::new(),
            };
            (tensor.name.as_str(), (Entry { kind, shape, range: 0..0 }, data))
        })
        .collect();
    let values: HashMap<_, _> =
        pairs.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let metadata = Metadata { values, file: "the metadata" };
    let find = |name: &str| described.get(name).map(|(entry, data)| (entry, &data[..]));
    let read = gguf::spec(&metadata, find)
        .map_err(|error| SynthError::NotInGguf { reason: error.to_string() })?;
    if read == *spec {
        return Ok(());
    }
    let unnormalised = |layer: &throng_spec::Layer| {
        layer.mlp.mixture.is_some_and(|mixture| mixture.weighting == Weighting::All)
    };
    let reason = if spec.layers.iter().any(unnormalised) {
        "experts' weights that are not normalised"
    } else if read.layers != spec.layers {
        "this sequence of layers"
    } else {
        "this mixture of settings"
    };
    Err(SynthError::NotInGguf { reason: reason.to_owned() })
}

fn write_vocabulary(writer: &mut Writer, vocabulary: &Vocabulary) {
    /// Types of tokens: text, and what text must not become.
    const NORMAL: i32 = 1;
    const CONTROL: i32 = 3;
    writer.value("tokenizer.ggml.model", &Text("gpt2"));
    writer.value("tokenizer.ggml.pre", &Text("gpt-2"));
    writer.texts("tokenizer.ggml.tokens", vocabulary.all().map(|(token, _)| token));
    let types = vocabulary.all().map(|(_, special)| if special { CONTROL } else { NORMAL });
    writer.numbers("tokenizer.ggml.token_type", types);
    let merges = vocabulary.merges().iter().map(|(left, right)| format!("{left} {right}"));
    writer.texts("tokenizer.ggml.merges", merges);
    let [(_, _, bos), _, (_, _, pad)] = vocabulary.roles();
    let stops = ["eos", "eot", "eom"].into_iter().zip(vocabulary.stop());
    for (role, id) in stops.chain([("bos", bos), ("padding", pad)]) {
        writer.value(&format!("tokenizer.ggml.{role}_token_id"), &Unsigned(id.into()));
    }
    writer.value("tokenizer.ggml.add_bos_token", &Flag(false));
    if let Some(template) = vocabulary.template() {
        writer.value("tokenizer.chat_template", &Text(template));
    }
}
