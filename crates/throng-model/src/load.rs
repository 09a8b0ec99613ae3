//! A checkpoint to something that runs.

use throng_checkpoint::Checkpoint;
use throng_ops::{Backend, Cpu, CpuError, Isa, OutOfMemory, Precision};
use throng_spec::{KvDtype, ModelSpec, Quantisation};

use crate::decoder::Decoder;
use crate::kv::KvBlocks;
use crate::kv_cache::KvCache;
use crate::runner::Runner;
use crate::weights::Weights;

/// How to run a model on the CPU.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions {
    /// Threads that compute, the caller's among them; at least 1.
    pub threads: usize,
    /// How products are computed.
    pub precision: Precision,
    /// What weights are quantised to while they are packed. It is one of the checkpoint's own: see
    /// [`QuantisationRequest::resolve`](throng_spec::QuantisationRequest::resolve).
    pub quantisation: Quantisation,
    /// How the KV cache keeps keys and values: [`Precision::kv_dtype`] where nobody asks for
    /// something else.
    pub kv_dtype: KvDtype,
    /// The instruction set to use; `None` for the best that the machine has.
    pub isa: Option<Isa>,
    /// Size of the KV cache.
    pub kv_blocks: KvBlocks,
    /// Tokens of the largest usual step: room for as many is made now, a larger step makes more.
    pub step_tokens: usize,
}

/// Multiply-adds a token below which a model runs in exact mode unless told otherwise.
const SMALL_MODEL: usize = 100_000_000;

/// The precision for a model where nobody asks for one: [`Precision::Exact`] for a small model,
/// else [`Precision::Fast`].
///
/// Rounded activations move router logits, and where a token's last chosen expert and its runner-up
/// are nearly tied, another expert answers. A small model feels that: on `models/nano`, INT8
/// activations or a bf16 KV cache alone move log-probabilities by several hundredths on average
/// and by more than 1 at worst, and its steps are short either way. In a large model the fast mode
/// halves the KV cache and more than doubles the speed of a long prompt's experts.
pub fn default_precision(spec: &ModelSpec) -> Precision {
    if spec.active_parameters() < SMALL_MODEL { Precision::Exact } else { Precision::Fast }
}

/// How far loading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the checkpoint packed so far.
    pub done_bytes: usize,
    /// Bytes that there are.
    pub total_bytes: usize,
}

/// A checkpoint that this machine cannot run, or not as asked.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The CPU backend does not do what was asked of it.
    #[error(transparent)]
    Cpu(#[from] CpuError),
    /// The KV cache is larger than memory.
    #[error(transparent)]
    OutOfMemory(#[from] OutOfMemory),
}

/// Packs the weights for this machine's CPU and makes room for the KV cache. `progress` is called
/// after every tensor.
///
/// # Errors
/// The machine lacks the instruction set or the memory.
pub fn load(
    checkpoint: &Checkpoint,
    options: LoadOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Box<dyn Runner>, LoadError> {
    let cpu = Cpu::new(options.threads, options.isa)?;
    load_with(cpu, checkpoint, options, progress)
}

/// The same on any backend; `threads` and `isa` of the options are not looked at.
///
/// # Errors
/// The machine lacks the memory.
pub fn load_with<B: Backend + 'static>(
    mut backend: B,
    checkpoint: &Checkpoint,
    options: LoadOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Box<dyn Runner>, LoadError> {
    let spec = checkpoint.spec().clone();
    let LoadOptions { kv_blocks, kv_dtype, precision, quantisation, .. } = options;
    let cache = KvCache::new(&mut backend, &spec, kv_blocks, kv_dtype, precision)?;
    let weights = Weights::bind(&mut backend, checkpoint, (precision, quantisation), progress);
    Ok(Box::new(Decoder::new(spec, backend, weights, cache, options.step_tokens)))
}
