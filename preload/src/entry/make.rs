//! Making and taking away what a path names: mkdir(2), mknod(2), symlink(2), rmdir(2). What is ours
//! exists, on a file system that cannot be changed; nothing is made on a disk in its place.

use core::ffi::{c_char, c_int, c_uint, c_ulong};

use super::open::{CURRENT, locate, locate_at};
use super::stat::exists;
use crate::lookup::{Last, Look};
use crate::macros::Outcome;
use crate::state::names::Node;
use crate::sys::errno::Errno;

/// `EEXIST` for a path that is ours, unless the kernel has it too and says so itself.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
unsafe fn occupied(directory: c_int, path: *const c_char, look: Look) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate_at(directory, path, Last::Kept, look) }?;
    match look {
        Look::First if exists(directory, path) => None,
        Look::First => Some(Err(Errno::EXIST)),
        Look::Again => located.wants_directory.then_some(Err(Errno::NOTDIR)),
    }
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

interpose_path! {
    /// mkdir(2).
    fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkdir(2) demands a string.
        |path, look| unsafe { occupied(CURRENT, path, look) }
    }

    /// mkdirat(2).
    fn mkdirat(directory: c_int, path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkdirat(2) demands a string.
        |path, look| unsafe { occupied(directory, path, look) }
    }

    /// mkfifo(3).
    fn mkfifo(path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkfifo(3) demands a string.
        |path, look| unsafe { occupied(CURRENT, path, look) }
    }

    /// mkfifoat(3).
    fn mkfifoat(directory: c_int, path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: mkfifoat(3) demands a string.
        |path, look| unsafe { occupied(directory, path, look) }
    }

    /// mknod(2).
    fn mknod(path: *const c_char, mode: c_uint, device: c_ulong) -> c_int {
        // SAFETY: mknod(2) demands a string.
        |path, look| unsafe { occupied(CURRENT, path, look) }
    }

    /// mknodat(2).
    fn mknodat(directory: c_int, path: *const c_char, mode: c_uint, device: c_ulong) -> c_int {
        // SAFETY: mknodat(2) demands a string.
        |path, look| unsafe { occupied(directory, path, look) }
    }

    /// symlink(2).
    fn symlink(target: *const c_char, path: *const c_char) -> c_int {
        // SAFETY: symlink(2) demands a string.
        |path, look| unsafe { occupied(CURRENT, path, look) }
    }

    /// symlinkat(2).
    fn symlinkat(target: *const c_char, directory: c_int, path: *const c_char) -> c_int {
        // SAFETY: symlinkat(2) demands a string.
        |path, look| unsafe { occupied(directory, path, look) }
    }
}

interpose! {
    /// rmdir(2).
    fn rmdir(path: *const c_char) -> c_int {
        // SAFETY: rmdir(2) demands a string.
        unsafe { remove(path) }
    }
}
