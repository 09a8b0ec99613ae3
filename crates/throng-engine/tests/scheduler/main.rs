//! The scheduler without a thread or a clock: what is shared, who makes room, and what ends early.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod adjusted;
mod endings;
mod machine;
mod shares;
mod sharing;
