//! C strings of the program, as byte slices.
#![expect(unsafe_code, reason = "strings come as bare pointers")]

use core::ffi::{CStr, c_char};

/// Addresses below are never mapped (`vm.mmap_min_addr`, 64 KiB, and not below a page).
const LOWEST: usize = 4096;

/// The string at `pointer` without its NUL; `None` for a null pointer, or one that can only be a
/// mistake.
///
/// # Safety
///
/// `pointer` is null, or points to a string that ends with NUL and is not changed while the slice
/// lives: the callers pass on what the C library's function of that name demands of its caller.
#[must_use]
#[inline(always)]
pub unsafe fn bytes<'a>(pointer: *const c_char) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    unsafe { cstr(pointer) }.map(CStr::to_bytes)
}

/// The same with its NUL.
///
/// # Safety
///
/// That of [`bytes`].
#[must_use]
#[inline(always)]
pub unsafe fn cstr<'a>(pointer: *const c_char) -> Option<&'a CStr> {
    if (pointer as usize) < LOWEST {
        return None;
    }
    // SAFETY: not null, and for the rest the caller's promise.
    Some(unsafe { CStr::from_ptr(pointer) })
}
