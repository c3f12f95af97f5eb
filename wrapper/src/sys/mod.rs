//! Thin wrappers of system calls, one file for each call or family, the only files of this crate
//! with `unsafe` in them.

pub mod memfd_secret;
pub mod mlock;
pub mod mmap;
