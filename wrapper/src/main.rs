//! The `cloudtaser` binary.
//!
//! It has the C library's entry point instead of Rust's: Rust's start-up code ignores SIGPIPE and
//! installs handlers for SIGSEGV and SIGBUS, and the program must inherit signal dispositions
//! exactly as the wrapper found them.
#![no_main]
#![expect(
    unsafe_code,
    reason = "`main` is called by the C library's start-up code"
)]

use std::ffi::{c_char, c_int};

use cloudtaser_wrapper::source::Registry;
use cloudtaser_wrapper::sys::alloc::WipingAllocator;

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator;

/// Called once by the C library. Arguments come from `std::env`, which takes them over before.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, _argv: *const *const c_char) -> c_int {
    cloudtaser_wrapper::command::main(&Registry::default()).into()
}
