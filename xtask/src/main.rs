//! `cargo xtask`: the one command for people and CI.
#![forbid(unsafe_code)]

fn main() {}
