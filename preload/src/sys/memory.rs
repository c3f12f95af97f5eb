//! Memory that the C library's contract hands to the program, which frees it: realpath(3),
//! scandir(3). Nothing of our own is allocated.
//!
//! The names are left to be found at load time, from the program on: what the program frees with
//! an allocator of its own must come from that one.
#![expect(unsafe_code, reason = "the program's allocator")]

use core::ffi::c_void;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// malloc(3); null when there is none left.
#[must_use]
pub fn allocate(size: usize) -> *mut c_void {
    // SAFETY: malloc takes any size, and gives memory that nobody else has.
    unsafe { malloc(size) }
}

/// realloc(3); null when there is none left, and then the old memory stays.
///
/// # Safety
///
/// `old` is null or of this file, and not released.
#[must_use]
pub unsafe fn resize(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { realloc(old, size) }
}

/// free(3).
///
/// # Safety
///
/// `memory` is null or of this file, not released, and not used any more.
pub unsafe fn release(memory: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { free(memory) };
}
