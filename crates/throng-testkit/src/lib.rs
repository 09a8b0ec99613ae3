//! Development only: tiny random checkpoints in the released layout, the smallest tokenizer with
//! Harmony's special tokens, a runner that needs no model, and a hub that needs no network.

mod configs;
mod hub;
mod lineage;
mod random;
mod scripted;
mod tiny;
mod tokenizer;

pub use configs::configs;
pub use hub::{FakeHub, HubFault, HubFile, HubRepo, Seen};
pub use random::Random;
pub use scripted::{Script, ScriptedRunner, UNREADABLE, greedy, hashed_logits, reply_after};
pub use tiny::{EmbeddedFiles, TinyGptOss};
pub use tokenizer::{SPECIALS, byte_tokenizer, special};
