//! What must hold of any step, by counting alone.

use std::time::Duration;

use throng_engine::Stats;
use throng_model::{BLOCK_TOKENS, Batch};

use crate::crowd::{Crowd, Member};
use crate::world::World;

/// Tokens of a step at most: one for each sequence, however small the budget is.
pub fn budget(world: &World) -> usize {
    world.config.max_batched_tokens.max(world.config.max_sequences)
}

/// A step keeps its budgets, and belongs to different sequences.
pub fn check_budgets(world: &World, batch: &Batch, sequences: &[u64]) {
    let (rows, tokens) = (batch.rows.len(), batch.tokens());
    assert!(tokens <= budget(world), "{tokens} tokens in a step of {}", budget(world));
    assert!(rows <= world.config.max_sequences, "{rows} rows");
    assert_eq!(rows, sequences.len(), "sequences of the rows");
    let mut sequences = sequences.to_vec();
    sequences.sort_unstable();
    assert!(sequences.is_sorted_by(|a, b| a < b), "two rows of one sequence: {sequences:?}");
}

/// Nobody waits while there is room for it. `calm` says that nobody lost a place in this step,
/// which would have made room after it was looked for.
pub fn check_work(
    (world, now): (&World, Duration),
    (batch, sequences): (&Batch, &[u64]),
    (stats, calm): (&Stats, bool),
    crowd: &Crowd,
) {
    if batch.rows.is_empty() {
        let stuck = crowd.open().find(|member| !member.is_unread());
        assert!(stuck.is_none(), "an empty step, but {} could run", stuck.unwrap().life.name());
        return;
    }
    if batch.tokens() < budget(world) {
        assert_eq!(batch.rows.len(), stats.running, "rows in a step with tokens to spare");
        for (row, &sequence) in batch.rows.iter().zip(sequences) {
            let course = &crowd.0[sequence as usize].course;
            let (end, known) = (row.position + row.tokens.len(), course.tokens().len());
            let short = world.window().is_none() && end < known;
            assert!(!short, "a row ends at {end} of {known} in a step with tokens to spare");
        }
    }
    let spare = |pool: &throng_engine::PoolStats| pool.blocks - pool.used;
    // One who runs already may lose its place and come again with all its positions.
    let full = world.positions().div_ceil(BLOCK_TOKENS) + stats.running + 1;
    let window = window_blocks(world, world.positions()) + 2;
    let room = spare(&stats.full) >= full
        && (world.window().is_none() || spare(&stats.window) >= window * (stats.running + 1));
    if calm && room && stats.running < world.config.max_sequences {
        let waiting = crowd.ready(now).next();
        assert!(waiting.is_none(), "{} waits though there is room", waiting.unwrap().1.life.name());
    }
}

/// No more blocks are in use than those who had a row in the last step need. Only if everyone who
/// runs had one.
pub fn check_blocks<'a>(world: &World, stats: &Stats, rows: impl Iterator<Item = &'a Member>) {
    let (mut full, mut window) = (0, 0);
    for Member { course, .. } in rows.filter(|member| !member.course.is_over) {
        full += course.tokens().len().div_ceil(BLOCK_TOKENS);
        window += window_blocks(world, course.computed);
    }
    let used = (stats.full.used, stats.window.used);
    assert!(used.0 <= full, "{} full blocks in use where {full} are needed", used.0);
    assert!(used.1 <= window, "{} window blocks in use where {window} are needed", used.1);
}

/// Blocks of the window pool that a sequence of so many computed tokens needs: those that the
/// window reaches from the beginning of the last block on, so that the prefix can be taken up
/// there.
fn window_blocks(world: &World, computed: usize) -> usize {
    let Some(window) = world.window() else { return 0 };
    let last_block = computed.saturating_sub(1) / BLOCK_TOKENS * BLOCK_TOKENS;
    let first = (last_block + 1).saturating_sub(window) / BLOCK_TOKENS;
    computed.div_ceil(BLOCK_TOKENS) - first
}
