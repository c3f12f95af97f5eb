//! The exported functions, one file for each family. Every function is a decision and a way on to
//! the next function; what decides is in `lookup`, `descriptor` and `launch`. `exports.txt` lists
//! the names.
#![expect(
    unsafe_code,
    reason = "the C boundary: pointers and descriptors as the C library's callers pass them"
)]

pub mod access;
pub mod buffers;
pub mod close;
pub mod copy;
pub mod dir;
pub mod dup;
pub mod environ;
pub mod exec;
pub mod exec_list;
pub mod fcntl;
pub mod ftw;
pub mod glob;
pub mod identity;
pub mod make;
pub mod mmap;
pub mod open;
pub mod process;
pub mod read;
pub mod realpath;
pub mod seek;
pub mod shell;
pub mod spawn;
pub mod stat;
pub mod statfs;
pub mod stdio;
pub mod syscall;
pub mod write;
