//! Pulls from a hub on this machine, which fails as it is told to.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod faults;
mod hostile;
mod layout;
mod refusals;
mod support;
