//! System calls that no safe crate wraps, for tests only.

pub mod ptrace;
