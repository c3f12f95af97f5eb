//! The exported functions, one file for each family. Every function is a decision and a way on to
//! the next function; what decides is in `lookup` and `descriptor`. `exports.txt` lists the names.
#![expect(
    unsafe_code,
    reason = "the C boundary: pointers and descriptors as the C library's callers pass them"
)]

pub mod access;
pub mod buffers;
pub mod close;
pub mod copy;
pub mod dup;
pub mod fcntl;
pub mod identity;
pub mod mmap;
pub mod open;
pub mod process;
pub mod read;
pub mod seek;
pub mod stat;
pub mod syscall;
pub mod write;
