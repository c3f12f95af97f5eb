//! Which file a path is: readlink(2), inotify(7), statfs(2), chroot(2), extended attributes.

use core::ffi::{c_char, c_int, c_void};

use crate::sys::errno::Errno;

use super::buffers;
use super::open::{CURRENT, locate};
use super::stat::exists;
use crate::descriptor;
use crate::lookup::path::PathBuf;
use crate::lookup::{Last, canonical, descriptor_named, root};
use crate::macros::Outcome;
use crate::state::init;
use crate::state::names::Node;
use crate::sys::string;

/// # Safety
///
/// As readlinkat(2).
unsafe fn decide_link(
    directory: c_int,
    path: *const c_char,
    buffer: *mut c_char,
    size: usize,
) -> Outcome<isize> {
    // SAFETY: the caller's promise.
    if let Some(located) = unsafe { locate(directory, path) } {
        return match located.node {
            Node::Directory { .. } if exists(directory, path) => None,
            _ => Some(Err(Errno::INVAL)),
        };
    }
    // SAFETY: the caller's promise.
    let found = descriptor_named(unsafe { string::bytes(path) }?)?;
    let target = found.path()?;
    // SAFETY: the caller's promise.
    let out = match unsafe { buffers::bytes(buffer.cast(), size) } {
        Ok(out) => out,
        Err(error) => return Some(Err(error)),
    };
    let count = target.bytes().len().min(out.len());
    for (to, from) in out.iter_mut().zip(target.bytes()) {
        *to = *from;
    }
    Some(Ok(isize::try_from(count).unwrap_or(0)))
}

/// A path of ours has no extended attributes.
///
/// # Safety
///
/// `path` is null or a string.
unsafe fn no_attributes(path: *const c_char, answer: Result<isize, Errno>) -> Outcome<isize> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(CURRENT, path) }?;
    match located.node {
        Node::Directory { .. } if exists(CURRENT, path) => None,
        _ => Some(answer),
    }
}

interpose! {
    /// readlink(2).
    fn readlink(path: *const c_char, buffer: *mut c_char, size: usize) -> isize {
        // SAFETY: readlink(2) demands the same.
        unsafe { decide_link(CURRENT, path, buffer, size) }
    }

    /// readlinkat(2).
    fn readlinkat(directory: c_int, path: *const c_char, buffer: *mut c_char, size: usize) -> isize {
        // SAFETY: readlinkat(2) demands the same.
        unsafe { decide_link(directory, path, buffer, size) }
    }

    /// Fortified `readlink`.
    fn __readlink_chk(
        path: *const c_char,
        buffer: *mut c_char,
        size: usize,
        room: usize,
    ) -> isize {
        if size > room {
            return None;
        }
        // SAFETY: readlink(2) demands the same.
        unsafe { decide_link(CURRENT, path, buffer, size) }
    }

    /// Fortified `readlinkat`.
    fn __readlinkat_chk(
        directory: c_int,
        path: *const c_char,
        buffer: *mut c_char,
        size: usize,
        room: usize,
    ) -> isize {
        if size > room {
            return None;
        }
        // SAFETY: readlinkat(2) demands the same.
        unsafe { decide_link(directory, path, buffer, size) }
    }

    /// getxattr(2).
    fn getxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: usize) -> isize {
        // SAFETY: getxattr(2) demands a string.
        unsafe { no_attributes(path, Err(Errno::NODATA)) }
    }

    /// lgetxattr(2).
    fn lgetxattr(path: *const c_char, name: *const c_char, value: *mut c_void, size: usize) -> isize {
        // SAFETY: lgetxattr(2) demands a string.
        unsafe { no_attributes(path, Err(Errno::NODATA)) }
    }

    /// fgetxattr(2).
    fn fgetxattr(fd: c_int, name: *const c_char, value: *mut c_void, size: usize) -> isize {
        descriptor::of(fd)?;
        Some(Err(Errno::NODATA))
    }

    /// flistxattr(2).
    fn flistxattr(fd: c_int, list: *mut c_char, size: usize) -> isize {
        descriptor::of(fd)?;
        Some(Ok(0))
    }

    /// listxattr(2).
    fn listxattr(path: *const c_char, list: *mut c_char, size: usize) -> isize {
        // SAFETY: listxattr(2) demands a string.
        unsafe { no_attributes(path, Ok(0)) }
    }

    /// llistxattr(2).
    fn llistxattr(path: *const c_char, list: *mut c_char, size: usize) -> isize {
        // SAFETY: llistxattr(2) demands a string.
        unsafe { no_attributes(path, Ok(0)) }
    }

    /// chroot(2). Where the new root lies is noted before, while the old paths still count.
    fn chroot(path: *const c_char) -> c_int {
        init::ensure();
        // SAFETY: chroot(2) demands a string.
        let text = unsafe { string::bytes(path) }?;
        let place = canonical(CURRENT, text, Last::Followed);
        let answer = next!(fn chroot(path: *const c_char) -> c_int);
        if answer != 0 {
            return Some(Err(crate::sys::errno::get()));
        }
        root::moved(place.as_ref().map(PathBuf::bytes));
        Some(Ok(answer))
    }
}

/// Why nobody can be at a path of ours that the kernel does not have.
///
/// # Safety
///
/// `path` is null or a string.
unsafe fn refuse_stay(path: *const c_char) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(CURRENT, path) }?;
    if exists(CURRENT, path) {
        return None;
    }
    Some(Err(match located.node {
        Node::Directory { .. } => Errno::ACCESS,
        Node::File(_) => Errno::NOTDIR,
    }))
}

interpose! {
    /// chdir(2): a directory that exists in the region only cannot become the current one.
    fn chdir(path: *const c_char) -> c_int {
        // SAFETY: chdir(2) demands a string.
        unsafe { refuse_stay(path) }
    }

    /// fchdir(2).
    fn fchdir(fd: c_int) -> c_int {
        let found = descriptor::of(fd)?;
        Some(Err(if found.tag.is_directory { Errno::ACCESS } else { Errno::NOTDIR }))
    }
}
