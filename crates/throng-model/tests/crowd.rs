//! One prompt, one answer, for a crowd: sequences that join, wait, lose their blocks and start
//! again, share a prefix and lie in blocks that others held before them, in steps of any shape.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod common;

use common::{checkpoint, goldens, options, reference, run_chunked};
use throng_model::{BLOCK_TOKENS, Batch, BlockId, BlockTables, Isa, Precision, Row, Runner, load};
use throng_testkit::Random;

/// Blocks of each kind: too few for all at once.
const BLOCKS: usize = 40;

/// What some sequences begin with, in blocks.
const SHARED: usize = 2;

/// Stands where no block needs to be.
const NO_BLOCK: BlockId = BlockId::MAX;

/// Blocks, each with the number of sequences that hold it.
struct Pool {
    holders: Vec<usize>,
}

impl Pool {
    /// A random one of the free blocks.
    fn take(&mut self, random: &mut Random) -> Option<BlockId> {
        let free: Vec<_> = (0..BLOCKS).filter(|&block| self.holders[block] == 0).collect();
        let block = *free.get(random.below(free.len().max(1)))?;
        self.holders[block] = 1;
        Some(block as BlockId)
    }

    fn share(&mut self, block: BlockId) -> BlockId {
        if block != NO_BLOCK {
            self.holders[block as usize] += 1;
        }
        block
    }

    fn give_back(&mut self, blocks: &mut [BlockId]) {
        for block in blocks.iter_mut().filter(|block| **block != NO_BLOCK) {
            self.holders[*block as usize] -= 1;
            *block = NO_BLOCK;
        }
    }
}

/// A sequence, and what a runner says of it when there is no other.
struct Member {
    tokens: Vec<u32>,
    expected: Vec<f32>,
    done: usize,
    blocks: BlockTables,
}

/// All of them on one runner.
struct Crowd<'a> {
    runner: &'a mut dyn Runner,
    /// Positions that the widest window sees.
    window: usize,
    members: Vec<Member>,
    full: Pool,
    windowed: Pool,
    random: Random,
    restarts: usize,
    shares: usize,
}

impl<'a> Crowd<'a> {
    fn new(runner: &'a mut dyn Runner, text: &[u32], seed: u64) -> Self {
        let mut random = Random::new(seed);
        let windows = runner.spec().layers.iter().filter_map(|layer| layer.attention.window);
        let window = windows.max().unwrap_or(usize::MAX);
        let members = (0..20).map(|index| {
            let mut tokens = text.to_vec();
            // Half of them begin alike and go on each in its own way.
            let from = if index % 2 == 0 { SHARED * BLOCK_TOKENS } else { 0 };
            tokens[from..].rotate_left(index);
            tokens.truncate(1 + random.below(text.len()));
            let expected = run_chunked(runner, &tokens, tokens.len());
            Member { tokens, expected, done: 0, blocks: BlockTables::default() }
        });
        let members = members.collect();
        let pool = || Pool { holders: vec![0; BLOCKS] };
        let (full, windowed) = (pool(), pool());
        Self { runner, window, members, full, windowed, random, restarts: 0, shares: 0 }
    }

    /// Steps until all have got all their logits.
    fn run(&mut self, what: &str) {
        for step in 0.. {
            assert!(step < 10_000, "{what}: no end");
            let mut rows: Vec<(usize, Row)> = Vec::new();
            let mut order: Vec<usize> = (0..self.members.len()).collect();
            for i in (1..order.len()).rev() {
                order.swap(i, self.random.below(i + 1));
            }
            for index in order {
                if self.members[index].done < self.members[index].tokens.len() {
                    rows.extend(self.row(index).map(|row| (index, row)));
                }
            }
            if rows.is_empty() && self.members.iter().all(|member| member.is_done()) {
                return;
            }
            self.step(rows, what);
        }
    }

    /// What a member has in the next step; nothing if it waits, or has lost its blocks.
    fn row(&mut self, index: usize) -> Option<Row> {
        if self.members[index].done == 0 {
            self.share_prefix(index);
        }
        let (random, member) = (&mut self.random, &mut self.members[index]);
        let count = [0, 1, 1, 2, 7, 16, 17, 45][random.below(8)];
        let count = count.min(member.tokens.len() - member.done);
        if count == 0 {
            return None;
        }
        let end = member.done + count;
        while member.blocks.full.len() * BLOCK_TOKENS < end {
            let blocks = (self.full.take(random), self.windowed.take(random));
            let (Some(full), Some(window)) = blocks else {
                self.full.give_back(&mut [blocks.0.unwrap_or(NO_BLOCK)]);
                self.windowed.give_back(&mut [blocks.1.unwrap_or(NO_BLOCK)]);
                self.restart(index);
                return None;
            };
            member.blocks.full.push(full);
            member.blocks.window.push(window);
        }
        Some(Row {
            tokens: member.tokens[member.done..end].to_vec(),
            position: member.done,
            blocks: member.blocks.clone(),
            wanted_logits: [count, 1, 0][random.below(3)],
        })
    }

    /// A member that begins takes the blocks of another that began alike, if that has got far
    /// enough and still has all that is seen from the prefix's end.
    fn share_prefix(&mut self, index: usize) {
        let prefix = SHARED * BLOCK_TOKENS;
        let first = (prefix + 1).saturating_sub(self.window) / BLOCK_TOKENS;
        let tokens = &self.members[index].tokens;
        let Some(from) = self.members.iter().find(|other| {
            tokens.len() > prefix
                && other.done >= prefix
                && other.blocks.full.len() >= SHARED
                && !other.blocks.window[first..SHARED].contains(&NO_BLOCK)
                && other.tokens[..prefix] == tokens[..prefix]
        }) else {
            return;
        };
        let full = from.blocks.full[..SHARED].iter().map(|&block| self.full.share(block));
        let mut window = vec![NO_BLOCK; first];
        let seen = &from.blocks.window[first..SHARED];
        window.extend(seen.iter().map(|&block| self.windowed.share(block)));
        let blocks = BlockTables { full: full.collect(), window };
        let member = &mut self.members[index];
        (member.blocks, member.done) = (blocks, prefix);
        self.shares += 1;
    }

    fn restart(&mut self, index: usize) {
        let member = &mut self.members[index];
        self.full.give_back(&mut member.blocks.full);
        self.windowed.give_back(&mut member.blocks.window);
        (member.blocks, member.done) = (BlockTables::default(), 0);
        self.restarts += 1;
    }

    fn step(&mut self, rows: Vec<(usize, Row)>, what: &str) {
        let (indices, rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let batch = Batch { rows };
        let vocab = self.runner.spec().vocab;
        let mut logits = self.runner.run(&batch).unwrap();
        for (index, row) in indices.into_iter().zip(&batch.rows) {
            let member = &mut self.members[index];
            member.done += row.tokens.len();
            let (ours, rest) = logits.split_at(row.wanted_logits * vocab);
            let expected = &member.expected[..member.done * vocab];
            let expected = &expected[expected.len() - ours.len()..];
            assert!(ours == expected, "{what}: member {index} up to position {}", member.done);
            logits = rest;
            if member.is_done() {
                self.full.give_back(&mut member.blocks.full);
                self.windowed.give_back(&mut member.blocks.window);
                member.blocks = BlockTables::default();
            } else {
                let behind = (member.done + 1).saturating_sub(self.window) / BLOCK_TOKENS;
                self.windowed.give_back(&mut member.blocks.window[..behind]);
            }
        }
        assert!(logits.is_empty());
    }
}

impl Member {
    fn is_done(&self) -> bool {
        self.done == self.tokens.len()
    }
}

#[test]
fn whatever_happens_to_it_and_around_it() {
    let (mut restarts, mut shares) = (0, 0);
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_supported()) {
        for precision in [Precision::Exact, Precision::Fast] {
            for (seed, name) in goldens().iter().enumerate() {
                let options = options(precision, 1 + seed % 3, Some(isa));
                let mut runner = load(&checkpoint(name), options, &mut |_| ()).unwrap();
                let text = reference(name, 140).tokens;
                let mut crowd = Crowd::new(runner.as_mut(), &text, seed as u64);
                crowd.run(&format!("{name}, {precision:?}, {isa}"));
                restarts += crowd.restarts;
                shares += crowd.shares;
            }
        }
    }
    println!("{restarts} restarts, {shares} shared prefixes");
    assert!(restarts > 100 && shares > 100, "{restarts} restarts, {shares} shared prefixes");
}
