//! A model that knows its answer by heart.

use std::time::Duration;

use throng_model::{Batch, KvBlocks, RunError, Runner};
use throng_spec::ModelSpec;
use throng_testkit::special;

/// What it writes for ever, letter by letter. None of them is in [`HEADER`] or ends a prompt.
const TEXT: &str = "WORDS ";
/// What it writes between the control tokens before that.
const HEADER: &str = "final";
/// The last letter of a prompt, which ends with `<|start|>assistant`.
const LAST_OF_PROMPT: u8 = b't';
/// Tokens before those that show: two control tokens around the channel's name.
pub const HEADER_TOKENS: usize = HEADER.len() + 2;

/// A runner whose next token follows from the last one alone. It reads no cache, so a step costs
/// writing its logits and, if that is wanted, a pause.
pub struct ByHeart {
    spec: ModelSpec,
    blocks: KvBlocks,
    step: Duration,
    /// The token after each; text may follow any that is not in an answer.
    next: Vec<u32>,
    logits: Vec<f32>,
}

impl ByHeart {
    /// A runner whose steps take so long, and no less.
    pub fn new(spec: ModelSpec, blocks: KvBlocks, step: Duration) -> Self {
        let text: Vec<u32> = TEXT.bytes().map(u32::from).collect();
        let mut header = vec![u32::from(LAST_OF_PROMPT), special("<|channel|>")];
        header.extend(HEADER.bytes().map(u32::from));
        header.push(special("<|message|>"));
        header.push(text[0]);
        let mut next = vec![text[0]; spec.vocab];
        let round = text.iter().zip(text.iter().cycle().skip(1));
        for (&last, &then) in header.iter().zip(&header[1..]).chain(round) {
            next[last as usize] = then;
        }
        Self { spec, blocks, step, next, logits: Vec::new() }
    }
}

impl Runner for ByHeart {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn kv_blocks(&self) -> KvBlocks {
        self.blocks
    }

    fn run(&mut self, batch: &Batch) -> Result<&[f32], RunError> {
        if !self.step.is_zero() {
            std::thread::sleep(self.step);
        }
        let wanted = batch
            .rows
            .iter()
            .flat_map(|row| row.tokens.iter().skip(row.tokens.len() - row.wanted_logits));
        self.logits.clear();
        for &last in wanted {
            let begin = self.logits.len();
            self.logits.resize(begin + self.spec.vocab, 0.0);
            self.logits[begin + self.next[last as usize] as usize] = 100.0;
        }
        Ok(&self.logits)
    }
}
