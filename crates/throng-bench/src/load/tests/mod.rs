//! Everything against a scripted server.

#![allow(clippy::unwrap_used, reason = "what cannot be had fails the test")]

mod loops;
mod reports;
mod scenarios;
mod server;
mod streams;
