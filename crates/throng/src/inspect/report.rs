//! All that can be said of a model from its shape and this machine, in numbers.

use throng_engine::{EngineConfig, Sizing};
use throng_model::KvDtype;
use throng_spec::{DType, KvBytes, Part, StepBytes, Stored, bytes_by_dtype};

use super::subject::Subject;
use crate::args::KvCacheDtype;
use crate::memory::{self, Memory};

/// Users whose steps are counted.
pub const USERS: [usize; 3] = [1, 8, 64];

/// What numbers depend on besides the model.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Positions that every user is at.
    pub context: usize,
    /// How keys and values are kept.
    pub kv_cache_dtype: KvCacheDtype,
    /// Bytes that the machine reads a second.
    pub bytes_per_second: f64,
    /// Bytes that a model may take, if that is known.
    pub free_bytes: Option<usize>,
}

/// A model in numbers.
pub struct Report {
    pub subject: Subject,
    /// Bytes as stored, by dtype, most first.
    pub stored: Vec<(DType, usize)>,
    /// How keys and values are kept.
    pub kv_dtype: KvDtype,
    pub kv: KvBytes,
    /// What a step reads for 1, 8 and 64 users, with weights as they are kept in memory.
    pub steps: [StepBytes; USERS.len()],
    /// The plan of `throng serve` with its default settings.
    pub memory: Memory,
    /// Positions that a user is at in steps: as asked, or the model's context if that is less.
    pub context: usize,
    pub setting: Setting,
}

impl Report {
    /// Counts.
    pub fn new(subject: Subject, setting: Setting) -> Self {
        let Subject { spec, tensors, .. } = &subject;
        let precision = throng_model::default_precision(spec);
        let kv_dtype = setting.kv_cache_dtype.or(precision);
        let kept = throng_model::kept(spec, tensors, precision);
        let context = setting.context.min(spec.context);
        let config = EngineConfig::default();
        let (kv_bytes, wanted_logits) = (0, None);
        let sizing = Sizing { spec, tensors, precision, kv_dtype, config, kv_bytes, wanted_logits };
        let kv_bytes = memory::kv_bytes(None, setting.free_bytes, &sizing);
        let sizing = Sizing { kv_bytes, ..sizing };
        Self {
            stored: bytes_by_dtype(tensors),
            kv_dtype,
            kv: spec.kv_bytes(kv_dtype),
            steps: USERS.map(|users| StepBytes::of(spec, &kept, users, context, kv_dtype)),
            memory: Memory::new(&sizing, setting.free_bytes, 0),
            context,
            setting,
            subject,
        }
    }

    /// Bytes of all tensors as stored.
    pub fn stored_bytes(&self) -> usize {
        self.subject.tensors.iter().map(Stored::bytes).sum()
    }

    /// Active parameters where the embedding counts whole, as some makers count: the 3.3 B of
    /// Qwen3-30B-A3B are so, the 3.6 B of gpt-oss-20b are not.
    pub fn active_with_embedding(&self) -> usize {
        let embedding = self.subject.spec.parameters_of(Part::Embedding);
        self.subject.spec.active_parameters() - embedding.active + embedding.total
    }

    /// Bytes of the keys and values of one user in steps.
    pub fn user_kv_bytes(&self) -> usize {
        self.steps[0].kv
    }
}
