//! What an offline measurement consists of, and what it needs of a model.

use std::num::NonZeroUsize;

use throng_engine::{KvCacheTooSmall, SubmitError};
use throng_model::{KvBlocks, RunError};
use throng_spec::ModelSpec;

use crate::crowd::Crowd;

/// Tokens of one user in a step that fills the cache, at most: a window pool keeps as many more.
pub(super) const FILL_TOKENS: usize = 128;

/// What to measure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflinePlan {
    /// Tokens of each prompt whose reading is measured.
    pub prompts: Vec<usize>,
    /// Users of each decoding that is measured: sequences that get a token each in every step.
    pub users: Vec<usize>,
    /// Tokens that each user has in the KV cache before.
    pub context: usize,
    /// Steps of a decoding; none measures no decoding.
    pub generate: usize,
    /// Times that everything is measured.
    pub repeats: NonZeroUsize,
    /// Tokens of a step at most: longer prompts are read in chunks.
    pub chunk: NonZeroUsize,
}

/// A plan that cannot be measured, or a model that failed while it was.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// Positions past the model's context.
    #[error("{positions} tokens are more than the model's context of {context}")]
    TooLong {
        /// Positions of the plan.
        positions: usize,
        /// Positions of the model.
        context: usize,
    },
    /// More blocks than the KV cache has.
    #[error(
        "{users} users of {positions} tokens each are more than the KV cache has room for: \
         {needed} blocks of {blocks} in one of its two pools"
    )]
    NoRoom {
        /// Users of the plan.
        users: usize,
        /// Positions of each.
        positions: usize,
        /// Blocks that they need.
        needed: usize,
        /// Blocks that there are.
        blocks: usize,
    },
    /// The engine's scheduler needs more of the KV cache than a step does.
    #[error("the KV cache cannot hold {users} users at once as the scheduler shares it out")]
    Crowded {
        /// Users of the plan.
        users: usize,
    },
    /// It cannot hold even one.
    #[error(transparent)]
    TooSmall(#[from] KvCacheTooSmall),
    /// The scheduler refuses a user.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// No time passed, or the clock went back.
    #[error("the clock is too coarse for a step of this model")]
    Clock,
    /// The machine failed underneath.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl OfflinePlan {
    /// Refuses what a model with such a KV cache has no room for.
    ///
    /// # Errors
    /// [`OfflineError::TooLong`] or [`OfflineError::NoRoom`].
    pub fn check(&self, spec: &ModelSpec, blocks: KvBlocks) -> Result<(), OfflineError> {
        let context = spec.context;
        let prompts = self.prompts.iter().map(|&tokens| (1, tokens, self.reader(spec, tokens)));
        let users = self.most_users();
        let answers = (users > 0).then(|| (users, self.positions(), self.crowd(spec)));
        for (users, positions, crowd) in prompts.chain(answers) {
            if positions > context {
                return Err(OfflineError::TooLong { positions, context });
            }
            let own = crowd.blocks(users);
            for (needed, blocks) in [(own.full, blocks.full), (own.window, blocks.window)] {
                if needed > blocks {
                    return Err(OfflineError::NoRoom { users, positions, needed, blocks });
                }
            }
        }
        Ok(())
    }

    /// Users of the largest step of decoding; 0 if there is none.
    pub fn most_users(&self) -> usize {
        if self.generate == 0 { 0 } else { self.users.iter().copied().max().unwrap_or(0) }
    }

    /// Tokens of the largest step.
    pub fn step_tokens(&self) -> usize {
        self.chunk.get().max(self.most_users())
    }

    /// Positions of a user in the end.
    pub(super) fn positions(&self) -> usize {
        self.context.saturating_add(self.generate)
    }

    /// Those who decode.
    pub(crate) fn crowd(&self, spec: &ModelSpec) -> Crowd {
        Crowd::new(spec, self.positions(), self.generate.max(FILL_TOKENS))
    }

    /// The one who reads a prompt.
    pub(crate) fn reader(&self, spec: &ModelSpec, tokens: usize) -> Crowd {
        Crowd::new(spec, tokens, self.chunk.get())
    }

    /// Steps in all, those that are not counted included.
    pub(super) fn steps(&self) -> usize {
        let reading: usize =
            self.prompts.iter().map(|tokens| tokens.div_ceil(self.chunk.get())).sum();
        let decoding = self.generate * self.users.len();
        let filling = self.most_users() * self.context.div_ceil(FILL_TOKENS);
        self.prompts.len() + self.users.len() + filling + self.repeats.get() * (reading + decoding)
    }
}
