//! The scripted runner: right bookkeeping gives the script's logits, wrong bookkeeping does not.

#![allow(clippy::unwrap_used, reason = "a panic fails the test, which is what it should do")]

use throng_model::{BLOCK_TOKENS, Batch, BlockTables, KvBlocks, Row, Runner};
use throng_spec::ModelSpec;
use throng_testkit::{
    Random, ScriptedRunner, TinyGptOss, UNREADABLE, greedy, hashed_logits, reply_after,
};

const BLOCKS: KvBlocks = KvBlocks { full: 12, window: 9 };

fn spec() -> ModelSpec {
    ModelSpec::from_config(&TinyGptOss::default().config()).unwrap()
}

fn runner() -> ScriptedRunner {
    ScriptedRunner::new(spec(), BLOCKS)
}

fn tokens(seed: u64, count: usize) -> Vec<u32> {
    let mut random = Random::new(seed);
    (0..count).map(|_| random.below(spec().vocab) as u32).collect()
}

fn row(tokens: &[u32], position: usize, blocks: &BlockTables) -> Row {
    Row { tokens: tokens.to_vec(), position, blocks: blocks.clone(), wanted_logits: tokens.len() }
}

fn run(runner: &mut ScriptedRunner, rows: Vec<Row>) -> Vec<f32> {
    runner.run(&Batch { rows }).unwrap().to_vec()
}

/// What the script says after each of the tokens from `first` on.
fn expected(tokens: &[u32], first: usize) -> Vec<f32> {
    (first..tokens.len()).flat_map(|last| hashed_logits(spec().vocab, &tokens[..=last])).collect()
}

#[test]
fn chunks_and_neighbours_change_nothing() {
    let (one, other) = (tokens(1, 50), tokens(2, 40));
    let blocks = BlockTables { full: vec![3, 0, 7, 5], window: vec![8, 1, 6, 2] };
    let others = BlockTables { full: vec![9, 2, 1], window: vec![0, 4, 3] };
    let mut runner = runner();
    let mut logits = run(&mut runner, vec![row(&one[..20], 0, &blocks), row(&other, 0, &others)]);
    assert_eq!(logits.split_off(20 * spec().vocab), expected(&other, 0));
    logits.extend(run(&mut runner, vec![row(&one[20..21], 20, &blocks)]));
    logits.extend(run(&mut runner, vec![row(&one[21..], 21, &blocks)]));
    assert_eq!(logits, expected(&one, 0));
}

#[test]
fn blocks_behind_the_window_are_not_read() {
    let one = tokens(1, 60);
    let mut blocks = BlockTables { full: vec![0, 1, 2, 3], window: vec![0, 1, 2, 3] };
    let mut runner = runner();
    run(&mut runner, vec![row(&one[..50], 0, &blocks)]);
    // Position 50 with a window of 16 reads from 35 on: blocks 2 and 3.
    blocks.window[..2].copy_from_slice(&[8, 8]);
    assert_eq!(run(&mut runner, vec![row(&one[50..], 50, &blocks)]), expected(&one, 50));
}

#[test]
fn mistaken_bookkeeping_shows() {
    let (one, other) = (tokens(1, 40), tokens(2, 40));
    let right = BlockTables { full: vec![0, 1, 2], window: vec![0, 1, 2] };
    type Mistake = fn(&mut BlockTables);
    let mistakes: [(&str, Mistake, usize); 5] = [
        ("another full block", |blocks| blocks.full[0] = 5, 40),
        ("another window block", |blocks| blocks.window[1] = 5, 40),
        ("blocks exchanged", |blocks| blocks.full.swap(0, 1), 40),
        ("a position skipped", |_| (), 41),
        ("a position repeated", |_| (), 39),
    ];
    for (what, mistake, position) in mistakes {
        let mut runner = runner();
        run(&mut runner, vec![row(&one, 0, &right)]);
        let mut blocks = right.clone();
        mistake(&mut blocks);
        let logits = run(&mut runner, vec![row(&other[..1], position, &blocks)]);
        let whole = [&one[..], &other[..1]].concat();
        assert_ne!(logits, expected(&whole, 40), "{what}");
    }
}

#[test]
fn a_prefix_of_other_tokens_is_unreadable() {
    let (one, other) = (tokens(1, BLOCK_TOKENS), tokens(2, BLOCK_TOKENS));
    let script = Box::new(|history: &[u32]| {
        let count = history.iter().filter(|&&token| token == UNREADABLE).count();
        vec![count as f32; spec().vocab]
    });
    let mut runner = ScriptedRunner::with_script(spec(), BLOCKS, script);
    let both = [&one[..], &one[..]].concat();
    run(&mut runner, vec![row(&both, 0, &BlockTables { full: vec![0, 1], window: vec![0, 1] })]);
    run(&mut runner, vec![row(&other, 0, &BlockTables { full: vec![2], window: vec![2] })]);
    // The second block holds the right tokens at the right positions, but after another prefix; so
    // does the token that is built on them.
    let mixed = BlockTables { full: vec![2, 1, 3], window: vec![2, 1, 3] };
    let logits = run(&mut runner, vec![row(&one[..1], 2 * BLOCK_TOKENS, &mixed)]);
    assert_eq!(logits[0], (BLOCK_TOKENS + 1) as f32);
}

#[test]
fn a_model_of_windows_alone_remembers_what_it_cannot_see() {
    let mut spec = spec();
    for layer in &mut spec.layers {
        layer.attention.window = Some(16);
    }
    let one = tokens(1, 60);
    let mut runner = ScriptedRunner::new(spec, KvBlocks { full: 0, window: 9 }).strict();
    let mut blocks = BlockTables { full: Vec::new(), window: vec![0, 1, 2, 3] };
    run(&mut runner, vec![row(&one[..50], 0, &blocks)]);
    blocks.window[..2].copy_from_slice(&[8, 8]);
    assert_eq!(run(&mut runner, vec![row(&one[50..], 50, &blocks)]), expected(&one, 50));
    assert_eq!(runner.histories(), [one]);
}

#[test]
#[should_panic = "position 16 cannot be read back"]
fn a_strict_runner_panics_though_no_logits_are_wanted() {
    let one = tokens(1, 40);
    let mut runner = runner().strict();
    let blocks = BlockTables { full: vec![0, 1, 2], window: vec![0, 1, 2] };
    run(&mut runner, vec![row(&one[..31], 0, &blocks)]);
    let mistaken = BlockTables { window: vec![0, 5, 2], ..blocks };
    let unwanted = Row { wanted_logits: 0, ..row(&one[31..], 31, &mistaken) };
    run(&mut runner, vec![unwanted]);
}

#[test]
fn steps_fail_as_scripted() {
    let blocks = BlockTables { full: vec![0], window: vec![0] };
    let mut runner = runner().failing_after(1);
    run(&mut runner, vec![row(&[1], 0, &blocks)]);
    assert!(runner.run(&Batch { rows: vec![row(&[2], 1, &blocks)] }).is_err());
}

#[test]
fn a_scripted_reply_follows_its_marker() {
    let script = reply_after(spec().vocab, vec![7, 8], vec![9, 7, 8, 9, 1]);
    assert_eq!(greedy(&script, &[3, 7, 8], 5), [9, 7, 8, 9, 1]);
    assert_eq!(greedy(&script, &[7, 8, 5, 7, 8, 9], 4), [7, 8, 9, 1]);
}
