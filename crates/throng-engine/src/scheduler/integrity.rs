//! What must hold between any two steps.

use throng_model::BLOCK_TOKENS;

use super::Scheduler;
use super::running::Running;

impl Scheduler {
    /// Panics, saying what is broken, unless every block is in one place, is shared only if it is
    /// full, and everyone is where the books say. For tests: it looks at everything.
    pub fn check_integrity(&self) {
        let held = self.running.iter().map(|running| running.table.held());
        self.cache.lock().check_integrity(held);
        self.tenants.check_integrity(self.running.iter().map(|running| &running.sequence));
        assert!(self.running.len() <= self.config.max_sequences, "too many run");
        for Running { sequence, table } in &self.running {
            let computed = sequence.computed();
            assert!(table.full_blocks() * BLOCK_TOKENS >= computed, "what is computed has a place");
            assert!(table.found_tokens() <= computed, "no block has a name before it is full");
        }
    }
}
