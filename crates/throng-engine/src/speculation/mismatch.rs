//! Whether one model can draft for another.

use throng_model::KvBlocks;
use throng_spec::ModelSpec;

/// Why a model cannot draft for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftMismatch {
    /// There is none.
    #[error("a model is to draft, but there is none")]
    Missing,
    /// Token ids of the one mean nothing to the other.
    #[error("the draft model has a vocabulary of {draft}, the model one of {target}")]
    Vocabulary {
        /// Tokens of the draft model.
        draft: usize,
        /// Tokens of the model that it drafts for.
        target: usize,
    },
    /// It cannot read all that is said.
    #[error("the draft model has a context of {draft}, the model runs with {target}")]
    Context {
        /// Positions of the draft model.
        draft: usize,
        /// Positions that prompt and answer may have.
        target: usize,
    },
    /// There are no blocks that both could use.
    #[error("no layer of the model sees the whole context: there are no blocks to draft by")]
    NoBlocks,
    /// Its KV cache is smaller than the tables that it gets.
    #[error("the draft model's KV cache has {draft} blocks, the model's {target}")]
    Blocks {
        /// Blocks that it has for the kind of layers that has fewer.
        draft: usize,
        /// Blocks that it needs.
        target: usize,
    },
}

impl DraftMismatch {
    /// Looks at a draft model and at `target`: vocabulary, positions and full blocks of the other.
    ///
    /// # Errors
    /// They do not go together.
    pub fn check(
        spec: &ModelSpec,
        blocks: KvBlocks,
        (vocab, context, full): (usize, usize, usize),
    ) -> Result<(), Self> {
        if spec.vocab != vocab {
            return Err(Self::Vocabulary { draft: spec.vocab, target: vocab });
        }
        if spec.context < context {
            return Err(Self::Context { draft: spec.context, target: context });
        }
        if full == 0 {
            return Err(Self::NoBlocks);
        }
        let of_kind = spec.layers.iter().map(|layer| match layer.attention.window {
            Some(_) => blocks.window,
            None => blocks.full,
        });
        let draft = of_kind.min().unwrap_or(full);
        if draft < full { Err(Self::Blocks { draft, target: full }) } else { Ok(()) }
    }
}
