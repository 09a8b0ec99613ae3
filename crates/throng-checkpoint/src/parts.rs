//! What a format's reader makes of a model's files, before roles are bound to tensors.

use throng_spec::ModelSpec;

use crate::chat_template::ChatTemplate;
use crate::generation::Generation;
use crate::mmap::Bytes;
use crate::names::Names;
use crate::scaling::Scalings;
use crate::weights::Weights;

/// A model's files, read and checked one by one.
pub(crate) struct Parts {
    pub(crate) spec: ModelSpec,
    pub(crate) generation: Generation,
    pub(crate) chat_template: Option<ChatTemplate>,
    /// The content of a `tokenizer.json`.
    pub(crate) tokenizer: Bytes,
    pub(crate) weights: Weights,
    /// What the weight files call the tensors.
    pub(crate) names: &'static Names,
    /// What the config says of the scales of weights in FP8.
    pub(crate) scalings: Scalings,
}
