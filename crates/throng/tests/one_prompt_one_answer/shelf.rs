//! A loaded model that engines borrow one after the other: loading is most of the time, and keys
//! and values that the last engine left behind must not matter to the next.

use std::sync::mpsc::{Receiver, Sender, channel};

use throng_model::{Batch, KvBlocks, RunError, Runner};
use throng_spec::ModelSpec;

/// Where the model is while nobody runs it.
pub struct Shelf {
    place: Sender<Box<dyn Runner>>,
    models: Receiver<Box<dyn Runner>>,
}

impl Shelf {
    /// Puts a model there.
    pub fn new(model: Box<dyn Runner>) -> Self {
        let (place, models) = channel();
        place.send(model).unwrap();
        Self { place, models }
    }

    /// Waits until the last engine has ended, and lends the model with so many of its blocks, for
    /// steps of so many tokens at most.
    pub fn lend(&self, blocks: KvBlocks, step_tokens: usize) -> Lent {
        let model = self.models.recv().unwrap();
        let most = model.kv_blocks();
        assert!(blocks.full <= most.full && blocks.window <= most.window, "{blocks:?} of {most:?}");
        Lent { model: Some(model), place: self.place.clone(), blocks, step_tokens }
    }
}

/// The model as an engine has it: it goes back when the engine drops it.
pub struct Lent {
    model: Option<Box<dyn Runner>>,
    place: Sender<Box<dyn Runner>>,
    blocks: KvBlocks,
    step_tokens: usize,
}

impl Runner for Lent {
    fn spec(&self) -> &ModelSpec {
        self.model.as_ref().unwrap().spec()
    }

    fn kv_blocks(&self) -> KvBlocks {
        self.blocks
    }

    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError> {
        assert!(batch.tokens() <= self.step_tokens, "a step of {} tokens", batch.tokens());
        self.model.as_mut().unwrap().run(batch)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Nobody waits for it after the last test.
        let _ = self.place.send(self.model.take().unwrap());
    }
}
