//! Making and taking away what a path names: mkdir(2), mknod(2), symlink(2), rmdir(2). What is ours
//! exists, on a file system that cannot be changed; nothing is made on a disk in its place.

use core::ffi::{c_char, c_int, c_uint, c_ulong};

use super::open::{CURRENT, locate};
use super::stat::exists;
use crate::macros::Outcome;
use crate::state::names::Node;
use crate::sys::errno::Errno;

/// `EEXIST` for a path that is ours, unless the kernel has it too and says so itself.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
unsafe fn occupied(directory: c_int, path: *const c_char) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    unsafe { locate(directory, path) }?;
    (!exists(directory, path)).then_some(Err(Errno::EXIST))
}

/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
unsafe fn remove(path: *const c_char) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(CURRENT, path) }?;
    match located.node {
        Node::File(_) => Some(Err(Errno::NOTDIR)),
        Node::Directory { .. } if exists(CURRENT, path) => None,
        Node::Directory { .. } => Some(Err(Errno::ROFS)),
    }
}

interpose! {
    /// mkdir(2).
    fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkdir(2) demands a string.
        unsafe { occupied(CURRENT, path) }
    }

    /// mkdirat(2).
    fn mkdirat(directory: c_int, path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkdirat(2) demands a string.
        unsafe { occupied(directory, path) }
    }

    /// mkfifo(3).
    fn mkfifo(path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkfifo(3) demands a string.
        unsafe { occupied(CURRENT, path) }
    }

    /// mkfifoat(3).
    fn mkfifoat(directory: c_int, path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkfifoat(3) demands a string.
        unsafe { occupied(directory, path) }
    }

    /// mknod(2).
    fn mknod(path: *const c_char, mode: c_uint, device: c_ulong) -> c_int {
        // SAFETY: mknod(2) demands a string.
        unsafe { occupied(CURRENT, path) }
    }

    /// mknodat(2).
    fn mknodat(directory: c_int, path: *const c_char, mode: c_uint, device: c_ulong) -> c_int {
        // SAFETY: mknodat(2) demands a string.
        unsafe { occupied(directory, path) }
    }

    /// symlink(2).
    fn symlink(target: *const c_char, path: *const c_char) -> c_int {
        // SAFETY: symlink(2) demands a string.
        unsafe { occupied(CURRENT, path) }
    }

    /// symlinkat(2).
    fn symlinkat(target: *const c_char, directory: c_int, path: *const c_char) -> c_int {
        // SAFETY: symlinkat(2) demands a string.
        unsafe { occupied(directory, path) }
    }

    /// rmdir(2).
    fn rmdir(path: *const c_char) -> c_int {
        // SAFETY: rmdir(2) demands a string.
        unsafe { remove(path) }
    }
}
