//! What a checkpoint's `generation_config.json` says of sampling.

/// Defaults of sampling that the model's makers recommend.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generation {
    /// 0 where `do_sample` is false; `None` where the file does not say.
    pub temperature: Option<f32>,
    /// Nucleus.
    pub top_p: Option<f32>,
    /// Number of candidates.
    pub top_k: Option<usize>,
    /// `eos_token_id`: one or several.
    pub stop_tokens: Vec<u32>,
}
