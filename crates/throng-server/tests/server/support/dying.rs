//! A model that does what none should: it panics in such a way that the engine's thread ends.

use std::panic::panic_any;

use throng_model::{Batch, KvBlocks, RunError, Runner};
use throng_spec::ModelSpec;
use throng_testkit::ScriptedRunner;

/// A runner whose last step ends the thread that it runs on.
pub struct Dying {
    pub runner: ScriptedRunner,
    /// Steps that end well.
    pub steps_left: usize,
}

/// What is thrown. The engine catches it and lets it go, and that is a panic of its own.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the panic of a panic");
    }
}

impl Runner for Dying {
    fn spec(&self) -> &ModelSpec {
        self.runner.spec()
    }

    fn kv_blocks(&self) -> KvBlocks {
        self.runner.kv_blocks()
    }

    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError> {
        match self.steps_left.checked_sub(1) {
            Some(left) => self.steps_left = left,
            None => panic_any(Bomb),
        }
        self.runner.run(batch)
    }
}
