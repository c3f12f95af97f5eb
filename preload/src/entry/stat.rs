//! What a file is: stat(2), statx(2), and glibc's older names for them.

use core::ffi::{c_char, c_int, c_uint};

use crate::sys::errno::Errno;
use crate::sys::kernel::{self, Stat, Statx};

use super::open::{CURRENT, is_foreign, locate_at};
use crate::descriptor::{self, Virtual};
use crate::lookup::{Last, Located, Look, descriptor_named, starts_in_virtual};
use crate::macros::Outcome;
use crate::state::hidden;
use crate::state::init;
use crate::state::names::Node;
use crate::sys::string;

mod attributes;

pub(super) use attributes::Attributes;

const AT_EMPTY_PATH: c_int = 0x1000;

/// Whether the kernel has something at a path that is ours too.
pub(super) fn exists(directory: c_int, path: *const c_char) -> bool {
    // SAFETY: the callers have a string of the program's.
    let Some(path) = (unsafe { string::cstr(path) }) else {
        return false;
    };
    kernel::fstatat(directory, path).is_ok()
}

/// What stat says of a path that is ours; `None` goes on to the kernel, as for a directory that
/// exists there.
pub(super) fn of_located(
    located: Located,
    directory: c_int,
    path: *const c_char,
) -> Outcome<Attributes> {
    match located.node {
        Node::Directory { .. } if exists(directory, path) => None,
        Node::File(_) if located.wants_directory => Some(Err(Errno::NOTDIR)),
        node => Some(Attributes::of_node(node)),
    }
}

fn of_descriptor(found: &Virtual) -> Result<Attributes, Errno> {
    Attributes::of_virtual(found)
}

/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
unsafe fn decide(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    look: Look,
) -> Outcome<Attributes> {
    init::ensure();
    // SAFETY: the caller's promise.
    let text = unsafe { string::bytes(path) };
    if flags & AT_EMPTY_PATH != 0 && text.is_none_or(<[u8]>::is_empty) {
        return decide_open(directory);
    }
    let last = if flags & NOFOLLOW != 0 {
        Last::Kept
    } else {
        Last::Followed
    };
    // SAFETY: the caller's promise.
    if let Some(located) = unsafe { locate_at(directory, path, last, look) } {
        return of_located(located, directory, path);
    }
    if look == Look::Again {
        return None;
    }
    if text.is_some_and(|text| starts_in_virtual(directory, text)) {
        return Some(Err(Errno::NOENT));
    }
    // A link of /proc itself is the kernel's to describe.
    if flags & NOFOLLOW != 0 {
        return None;
    }
    Some(of_descriptor(&descriptor_named(text?)?))
}

fn decide_open(fd: c_int) -> Outcome<Attributes> {
    init::ensure();
    if hidden::has(fd) {
        return Some(Err(Errno::BADF));
    }
    Some(of_descriptor(&descriptor::of(fd)?))
}

/// Writes what stands at a path where the caller wants it.
///
/// # Safety
///
/// As stat(2): `path` is null or a string, `out` is the caller's to be written.
#[inline(never)]
unsafe fn of_path(
    directory: c_int,
    path: *const c_char,
    (flags, look): (c_int, Look),
    out: *mut Stat,
) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let decided = unsafe { decide(directory, path, flags, look) }?;
    Some(decided.map(|attributes| {
        // SAFETY: the caller's promise.
        unsafe { out.write(attributes.stat()) };
        0
    }))
}

/// The same of an open descriptor.
///
/// # Safety
///
/// As fstat(2): `out` is the caller's to be written.
#[inline(never)]
unsafe fn of_open(fd: c_int, out: *mut Stat) -> Outcome<c_int> {
    let decided = decide_open(fd)?;
    Some(decided.map(|attributes| {
        // SAFETY: the caller's promise.
        unsafe { out.write(attributes.stat()) };
        0
    }))
}

/// The same in the form of statx(2).
///
/// # Safety
///
/// As statx(2).
unsafe fn statx_of_path(
    directory: c_int,
    path: *const c_char,
    (flags, look): (c_int, Look),
    out: *mut Statx,
) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let decided = unsafe { decide(directory, path, flags, look) }?;
    Some(decided.map(|attributes| {
        // SAFETY: the caller's promise.
        unsafe { out.write(attributes.statx()) };
        0
    }))
}

/// `AT_SYMLINK_NOFOLLOW`.
const NOFOLLOW: c_int = 0x100;

interpose_path! {
    /// stat(2).
    fn stat(path: *const c_char, out: *mut Stat) -> c_int {
        // SAFETY: stat(2) demands a string and room for the answer.
        |path, look| unsafe { of_path(CURRENT, path, (0, look), out) }
    }

    /// `stat` as programs linked before glibc 2.33 call it.
    fn __xstat(version: c_int, path: *const c_char, out: *mut Stat) -> c_int {
        // SAFETY: stat(2) demands a string and room for the answer.
        |path, look| unsafe { of_path(CURRENT, path, (0, look), out) }
    }

    /// fstatat(2).
    fn fstatat(directory: c_int, path: *const c_char, out: *mut Stat, flags: c_int) -> c_int {
        // SAFETY: stat(2) demands a string and room for the answer.
        |path, look| unsafe { of_path(directory, path, (flags, look), out) }
    }

    /// `fstatat` as programs linked before glibc 2.33 call it.
    fn __fxstatat(version: c_int, directory: c_int, path: *const c_char, out: *mut Stat, flags: c_int) -> c_int {
        // SAFETY: stat(2) demands a string and room for the answer.
        |path, look| unsafe { of_path(directory, path, (flags, look), out) }
    }

    /// statx(2).
    fn statx(directory: c_int, path: *const c_char, flags: c_int, mask: c_uint, out: *mut Statx) -> c_int {
        // SAFETY: stat(2) demands a string and room for the answer.
        |path, look| unsafe { statx_of_path(directory, path, (flags, look), out) }
    }
}

interpose! {
    /// lstat(2): none of our files is a symbolic link.
    fn lstat(path: *const c_char, out: *mut Stat) -> c_int {
        // SAFETY: stat(2) demands a string.
        if unsafe { is_foreign(path) } {
            return None;
        }
        // SAFETY: stat(2) demands a string and room for the answer.
        unsafe { of_path(CURRENT, path, (NOFOLLOW, Look::First), out) }
    }

    /// `lstat` as programs linked before glibc 2.33 call it.
    fn __lxstat(version: c_int, path: *const c_char, out: *mut Stat) -> c_int {
        // SAFETY: stat(2) demands a string.
        if unsafe { is_foreign(path) } {
            return None;
        }
        // SAFETY: stat(2) demands a string and room for the answer.
        unsafe { of_path(CURRENT, path, (NOFOLLOW, Look::First), out) }
    }

    /// fstat(2).
    fn fstat(fd: c_int, out: *mut Stat) -> c_int {
        // SAFETY: stat(2) demands a string and room for the answer.
        unsafe { of_open(fd, out) }
    }

    /// `fstat` as programs linked before glibc 2.33 call it.
    fn __fxstat(version: c_int, fd: c_int, out: *mut Stat) -> c_int {
        // SAFETY: stat(2) demands a string and room for the answer.
        unsafe { of_open(fd, out) }
    }
}

same! {
    /// stat(2) for large files.
    fn stat64 = stat(path: *const c_char, out: *mut Stat) -> c_int;
    /// lstat(2) for large files.
    fn lstat64 = lstat(path: *const c_char, out: *mut Stat) -> c_int;
    /// fstat(2) for large files.
    fn fstat64 = fstat(fd: c_int, out: *mut Stat) -> c_int;
    /// fstatat(2) for large files.
    fn fstatat64 = fstatat(
        directory: c_int,
        path: *const c_char,
        out: *mut Stat,
        flags: c_int,
    ) -> c_int;
    /// `stat64` as programs linked before glibc 2.33 call it.
    fn __xstat64 = __xstat(version: c_int, path: *const c_char, out: *mut Stat) -> c_int;
    /// `lstat64` as programs linked before glibc 2.33 call it.
    fn __lxstat64 = __lxstat(version: c_int, path: *const c_char, out: *mut Stat) -> c_int;
    /// `fstat64` as programs linked before glibc 2.33 call it.
    fn __fxstat64 = __fxstat(version: c_int, fd: c_int, out: *mut Stat) -> c_int;
    /// `fstatat64` as programs linked before glibc 2.33 call it.
    fn __fxstatat64 = __fxstatat(
        version: c_int,
        directory: c_int,
        path: *const c_char,
        out: *mut Stat,
        flags: c_int,
    ) -> c_int;
}
