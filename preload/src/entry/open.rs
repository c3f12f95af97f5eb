//! `open` and its relatives: open(2), openat(2), openat2(2), creat(3).

use core::ffi::{c_char, c_int, c_uint, c_void};

use crate::sys::errno::Errno;

use crate::descriptor::{self, Access};
use crate::lookup::path::trim;
use crate::lookup::{Last, Located, Look, behind, descriptor_named, resolve, starts_in_virtual};
use crate::macros::Outcome;
use crate::state::names::{self, Node, last_component};
use crate::state::{init, marks, overlay, region};
use crate::sys::{kernel, string};

/// `AT_FDCWD` (fcntl.h).
pub(super) const CURRENT: c_int = -100;

pub(super) const O_ACCMODE: c_int = 0o3;
pub(super) const O_CREAT: c_int = 0o100;
pub(super) const O_EXCL: c_int = 0o200;
pub(super) const O_TRUNC: c_int = 0o1000;
const O_DIRECTORY: c_int = 0o200_000;
const O_NOFOLLOW: c_int = 0o400_000;
pub(super) const O_CLOEXEC: c_int = 0o2_000_000;
const O_PATH: c_int = 0o10_000_000;
/// With [`O_DIRECTORY`]: a file without a name.
const TMPFILE: c_int = 0o20_000_000;

/// `struct open_how` (openat2(2)).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct OpenHow {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// Whether the program's path is certainly not ours, and names no descriptor of ours: asked first,
/// with the few instructions that every call by a path pays.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
pub(crate) unsafe fn is_foreign(path: *const c_char) -> bool {
    init::ensure();
    // SAFETY: the caller's promise.
    let text = unsafe { string::bytes(path) };
    !marks::any() && text.is_none_or(|text| !names::may_be(text))
}

/// What of ours stands at the program's path; a symbolic link at its end stands for itself.
///
/// # Safety
///
/// `path` is null or a string.
pub(super) unsafe fn locate(directory: c_int, path: *const c_char) -> Option<Located> {
    // SAFETY: the caller's promise.
    unsafe { locate_as(directory, path, Last::Kept) }
}

/// The same, for calls that follow a symbolic link at the path's end.
///
/// # Safety
///
/// `path` is null or a string.
pub(super) unsafe fn locate_as(
    directory: c_int,
    path: *const c_char,
    last: Last,
) -> Option<Located> {
    init::ensure();
    // SAFETY: the caller's promise.
    let path = unsafe { string::bytes(path) }?;
    resolve(directory, path, last)
}

/// The same, before or after the kernel was asked.
///
/// # Safety
///
/// `path` is null or a string.
pub(super) unsafe fn locate_at(
    directory: c_int,
    path: *const c_char,
    last: Last,
    look: Look,
) -> Option<Located> {
    match look {
        // SAFETY: the caller's promise.
        Look::First => unsafe { locate_as(directory, path, last) },
        // SAFETY: the caller's promise.
        Look::Again => behind(directory, unsafe { string::cstr(path) }?),
    }
}

/// What `open` answers for a path that is ours.
///
/// # Errors
///
/// As open(2) on a read-only file system.
pub(super) fn open_located(located: Located, flags: c_int) -> Result<c_int, Errno> {
    let access = access(flags);
    let is_directory = matches!(located.node, Node::Directory { .. });
    if !access.is_path_only {
        if flags & (O_CREAT | O_EXCL) == O_CREAT | O_EXCL {
            return Err(Errno::EXIST);
        }
        if flags & TMPFILE != 0 {
            return Err(Errno::ROFS);
        }
        if flags & (O_ACCMODE | O_TRUNC) != 0 {
            return Err(if is_directory {
                Errno::ISDIR
            } else {
                Errno::ROFS
            });
        }
    }
    if !is_directory && (located.wants_directory || flags & O_DIRECTORY != 0) {
        return Err(Errno::NOTDIR);
    }
    descriptor::open_node(located.node, access)
}

/// Whether the text does not name the directory that it leads to.
pub(super) fn is_unnamed(path: &[u8]) -> bool {
    matches!(path, [] | [.., b'/' | b'.'])
        && region::region().is_some()
        && matches!(last_component(trim(path).0), b"" | b"." | b"..")
}

/// Whether the directory that would have a new name is one of ours.
#[cold]
fn is_in_own(directory: c_int, path: &[u8]) -> bool {
    let slash = trim(path).0.iter().rposition(|byte| *byte == b'/');
    let parent = slash.and_then(|slash| path.get(..slash));
    let located = parent.and_then(|parent| resolve(directory, parent, Last::Followed));
    matches!(
        located,
        Some(Located {
            node: Node::Directory { .. },
            ..
        })
    )
}

fn access(flags: c_int) -> Access {
    Access {
        is_close_on_exec: flags & O_CLOEXEC != 0,
        is_path_only: flags & O_PATH != 0,
    }
}

/// Opens a directory that the kernel has and that may have children of ours, and notes that.
///
/// # Safety
///
/// `path` is null or a string.
unsafe fn open_overlay(directory: c_int, path: *const c_char, flags: c_int) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let path = unsafe { string::cstr(path) }?;
    let opened = kernel::openat(directory, path, flags.cast_unsigned());
    Some(opened.map(|opened| {
        overlay::set(opened.number());
        opened.into_number()
    }))
}

/// What the family answers for a path that is ours.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
pub(super) unsafe fn decide(
    directory: c_int,
    path: *const c_char,
    flags: c_int,
    look: Look,
) -> Outcome<c_int> {
    if look == Look::Again {
        // SAFETY: the caller's promise.
        let text = unsafe { string::cstr(path) }?;
        if flags & O_CREAT != 0 && is_in_own(directory, text.to_bytes()) {
            return Some(Err(Errno::ROFS));
        }
        return Some(open_located(behind(directory, text)?, flags));
    }
    let last = if flags & O_NOFOLLOW != 0 {
        Last::Kept
    } else {
        Last::Followed
    };
    // SAFETY: the caller's promise.
    if let Some(located) = unsafe { locate_as(directory, path, last) } {
        let is_directory = matches!(located.node, Node::Directory { .. });
        if is_directory && super::stat::exists(directory, path) {
            // SAFETY: the caller's promise.
            return unsafe { open_overlay(directory, path, flags) };
        }
        return Some(open_located(located, flags));
    }
    // The current directory and the like: which one, is seen when it is to be listed.
    // SAFETY: the caller's promise.
    if flags & O_DIRECTORY != 0 && is_unnamed(unsafe { string::bytes(path) }?) {
        // SAFETY: the caller's promise.
        return unsafe { open_overlay(directory, path, flags) };
    }
    // SAFETY: the caller's promise.
    let text = unsafe { string::bytes(path) }?;
    if starts_in_virtual(directory, text) {
        return Some(Err(Errno::NOENT));
    }
    let found = descriptor_named(text)?;
    if flags & (O_ACCMODE | O_TRUNC) != 0 {
        return Some(Err(Errno::ACCESS));
    }
    Some(descriptor::open_again(&found, access(flags)))
}

interpose_path! {
    /// open(2). `mode` counts for a new file only.
    fn open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        // SAFETY: open(2) demands a string.
        |path, look| unsafe { decide(CURRENT, path, flags, look) }
    }

    /// Fortified `open` without a mode (glibc, `_FORTIFY_SOURCE`).
    fn __open_2(path: *const c_char, flags: c_int) -> c_int {
        // SAFETY: open(2) demands a string.
        |path, look| unsafe { decide(CURRENT, path, flags, look) }
    }

    /// Fortified `open64` without a mode.
    fn __open64_2(path: *const c_char, flags: c_int) -> c_int {
        // SAFETY: open(2) demands a string.
        |path, look| unsafe { decide(CURRENT, path, flags, look) }
    }

    /// openat(2).
    fn openat(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
        // SAFETY: openat(2) demands a string.
        |path, look| unsafe { decide(directory, path, flags, look) }
    }

    /// Fortified `openat` without a mode.
    fn __openat_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        // SAFETY: openat(2) demands a string.
        |path, look| unsafe { decide(directory, path, flags, look) }
    }

    /// Fortified `openat64` without a mode.
    fn __openat64_2(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        // SAFETY: openat(2) demands a string.
        |path, look| unsafe { decide(directory, path, flags, look) }
    }
}

interpose! {
    /// openat2(2), for C libraries that have it.
    fn openat2(directory: c_int, path: *const c_char, how: *const OpenHow, size: usize) -> c_int {
        if how.is_null() || size < size_of::<OpenHow>() {
            return None;
        }
        // SAFETY: openat2(2) demands `size` bytes.
        let how = unsafe { how.read_unaligned() };
        let flags = c_int::try_from(how.flags & 0x7fff_ffff).ok()?;
        // SAFETY: openat2(2) demands a string.
        unsafe { decide(directory, path, flags, Look::First) }
    }

    /// creat(3).
    fn creat(path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: creat(3) demands a string.
        unsafe { decide(CURRENT, path, O_CREAT | O_TRUNC | 1, Look::First) }
    }

    /// name_to_handle_at(2): our files have no handles.
    fn name_to_handle_at(
        directory: c_int,
        path: *const c_char,
        handle: *mut c_void,
        mount: *mut c_int,
        flags: c_int,
    ) -> c_int {
        // SAFETY: name_to_handle_at(2) demands a string.
        unsafe { locate(directory, path) }?;
        Some(Err(Errno::OPNOTSUPP))
    }
}

same! {
    /// open(2) for large files.
    fn open64 = open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    /// `open` under another name of glibc.
    fn __open = open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    /// `open64` under another name of glibc.
    fn __open64 = open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    /// openat(2) for large files.
    fn openat64 = openat(directory: c_int, path: *const c_char, flags: c_int, mode: c_uint) -> c_int;
    /// creat(3) for large files.
    fn creat64 = creat(path: *const c_char, mode: c_uint) -> c_int;
}
