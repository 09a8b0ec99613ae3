//! throng.

fn main() {}
