//! Thin wrappers of system calls, one file for each call or family, the only files of this crate
//! with `unsafe` in them.

pub mod alloc;
pub mod exec;
pub mod fcntl;
pub mod fork;
pub mod heap;
pub mod memfd_secret;
pub mod mlock;
pub mod mmap;
pub mod prctl;
pub mod process_vm_readv;
pub mod signal;
pub mod stack;
pub mod stdio;
