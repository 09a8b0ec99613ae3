//! Attention over the KV cache: of users who decode, and of a chunk of a prompt.

use throng_ops::{Attention, BLOCK_TOKENS, Backend, Cpu, OutOfMemory, Placement, kv_pool_bytes};
use throng_spec::Heads;

use crate::common::Random;
use crate::group::{Group, Measured, Op};
use crate::options::Options;

/// gpt-oss's.
const HEADS: Heads = Heads { query: 64, kv: 8, dim: 64 };
const WINDOW: usize = 128;

/// Positions of each sequence.
const CONTEXTS: [usize; 4] = [512, 2048, 8192, 32_768];

/// Tokens that are written to the cache at once while it is filled.
const CHUNK: usize = 512;

/// Users, tokens that each of them computes, and whether there is a window.
const CASES: [(usize, usize, bool); 6] =
    [(1, 1, false), (16, 1, false), (1, 512, false), (1, 1, true), (16, 1, true), (1, 512, true)];

/// All of them.
pub fn groups() -> Vec<Box<dyn Group>> {
    CASES.map(|(users, tokens, window)| Attend { users, tokens, window }).map(boxed).into()
}

fn boxed(attend: Attend) -> Box<dyn Group> {
    Box::new(attend)
}

#[derive(Clone, Copy)]
struct Attend {
    users: usize,
    tokens: usize,
    window: bool,
}

impl Attend {
    fn attention(self) -> Attention {
        Attention { heads: HEADS, window: self.window.then_some(WINDOW) }
    }
}

impl Group for Attend {
    fn name(&self) -> String {
        let Self { users, tokens, window } = self;
        let what = if *window { "window" } else { "full" };
        format!("attention/{what}/{users}x{tokens}")
    }

    fn size_name(&self) -> &'static str {
        "context"
    }

    fn sizes(&self) -> &[usize] {
        // Sixteen times the longest would take a gigabyte.
        if self.users > 1 { &CONTEXTS[..3] } else { &CONTEXTS }
    }

    fn prepare(
        &self,
        backend: &mut Measured,
        options: &Options,
    ) -> Result<Box<dyn Op>, OutOfMemory> {
        let longest = self.sizes().iter().max().map_or(0, |most| most / BLOCK_TOKENS);
        let block_bytes = kv_pool_bytes(HEADS, 1, options.kv_dtype());
        let blocks = (self.users * longest).max(options.footprint / block_bytes);
        let mut pool = backend.kv_pool(HEADS, blocks, options.kv_dtype(), options.precision)?;
        let width = self.attention().qkv_width();
        let qkv = Random::new(1).values(CHUNK.max(self.users * self.tokens) * width);
        let filled: Vec<u32> = (0..blocks as u32).collect();
        for blocks in filled.chunks(CHUNK / BLOCK_TOKENS) {
            let tokens = blocks.len() * BLOCK_TOKENS;
            let placement = Placement {
                positions: (0..tokens as u32).collect(),
                sequences: vec![0; tokens],
                tables: blocks.to_vec(),
                table_starts: vec![0],
            };
            backend.append_kv(&self.attention(), &placement, &qkv, &mut pool);
        }
        let sinks = backend.upload(&Random::new(2).values(HEADS.query));
        let (placements, out) = (Vec::new(), Vec::new());
        Ok(Box::new(Ready { attend: *self, blocks, pool, qkv, sinks, placements, out }))
    }
}

struct Ready {
    attend: Attend,
    blocks: usize,
    pool: <Cpu as Backend>::KvPool,
    qkv: Vec<f32>,
    sinks: Vec<f32>,
    /// Of each round: the same sequences in other blocks.
    placements: Vec<Placement>,
    out: Vec<f32>,
}

impl Op for Ready {
    fn resize(&mut self, backend: &mut Measured, context: usize) {
        let Attend { users, tokens, .. } = self.attend;
        let (own, first) = (context / BLOCK_TOKENS, context - tokens);
        let copies = self.blocks / (users * own);
        let placement = |copy: usize| Placement {
            positions: (0..users).flat_map(|_| first as u32..context as u32).collect(),
            sequences: (0..users).flat_map(|user| vec![user as u32; tokens]).collect(),
            // Blocks of all users alternate, as they do in a pool that many draw from.
            tables: (0..users)
                .flat_map(|user| (0..own).map(move |block| block * users + user))
                .map(|block| (copy * users * own + block) as u32)
                .collect(),
            table_starts: (0..users).map(|user| user * own).collect(),
        };
        self.placements = (0..copies).map(placement).collect();
        backend.reserve(&mut self.out, users * tokens * HEADS.query_width());
    }

    fn run(&mut self, backend: &mut Measured, round: usize) {
        let Self { attend, pool, qkv, sinks, placements, out, .. } = self;
        let placement = &placements[round % placements.len()];
        backend.attend(&attend.attention(), placement, sinks, qkv, pool, out);
    }
}
