//! The canonical path: realpath(3), canonicalize_file_name(3). The C libraries ask the kernel about
//! each component by calls of their own.

use core::ffi::{c_char, c_int};

use super::open::{CURRENT, locate};
use super::stat::{exists, of_located};
use crate::lookup::path::{PATH_MAX, PathBuf};
use crate::lookup::{Last, canonical, root};
use crate::macros::Outcome;
use crate::state::names::Node;
use crate::sys::errno::Errno;
use crate::sys::{memory, string};

/// Writes the path to `out`, which has room for [`PATH_MAX`] bytes, or to new memory.
///
/// # Safety
///
/// `path` is null or a string, `out` is null or has that room.
#[inline(never)]
unsafe fn decide(path: *const c_char, out: *mut c_char) -> Outcome<*mut c_char> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(CURRENT, path) }?;
    if matches!(located.node, Node::Directory { .. }) && exists(CURRENT, path) {
        return None;
    }
    // SAFETY: the caller's promise.
    let text = unsafe { string::bytes(path) }?;
    Some(match of_located(located, CURRENT, path)? {
        Err(error) => Err(error),
        Ok(_there) => {
            // SAFETY: the caller's promise.
            canonical(CURRENT, text, Last::Followed)
                .ok_or(Errno::NOENT)
                .and_then(|path| unsafe { put(&path, out) })
        }
    })
}

/// # Safety
///
/// `out` is null or has room for [`PATH_MAX`] bytes.
unsafe fn put(path: &PathBuf, out: *mut c_char) -> Result<*mut c_char, Errno> {
    let prefix = root::prefix().ok_or(Errno::NOENT)?;
    let own = path
        .bytes()
        .strip_prefix(prefix.bytes())
        .ok_or(Errno::NOENT)?;
    let own = if own.is_empty() { b"/" } else { own };
    let out = if out.is_null() {
        memory::allocate(PATH_MAX).cast()
    } else {
        out
    };
    if out.is_null() {
        return Err(Errno::NOMEM);
    }
    // SAFETY: the path is shorter than `PATH_MAX`, for which there is room.
    unsafe { core::ptr::copy_nonoverlapping(own.as_ptr(), out.cast(), own.len()) };
    // SAFETY: `out` has room for PATH_MAX bytes: the caller's promise, or allocated so.
    unsafe { out.wrapping_add(own.len()).write(0) };
    Ok(out)
}

interpose! {
    /// realpath(3).
    fn realpath(path: *const c_char, out: *mut c_char) -> *mut c_char {
        // SAFETY: realpath(3) demands the same.
        unsafe { decide(path, out) }
    }

    /// Fortified `realpath`.
    fn __realpath_chk(path: *const c_char, out: *mut c_char, size: usize) -> *mut c_char {
        if size < PATH_MAX {
            return None;
        }
        // SAFETY: realpath(3) demands the same.
        unsafe { decide(path, out) }
    }

    /// canonicalize_file_name(3).
    fn canonicalize_file_name(path: *const c_char) -> *mut c_char {
        // SAFETY: canonicalize_file_name(3) demands a string.
        unsafe { decide(path, core::ptr::null_mut()) }
    }
}

/// The names that pathconf(3) answers are those of the root directory.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
unsafe fn decide_limit(path: *const c_char, name: c_int) -> Outcome<i64> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(CURRENT, path) }?;
    Some(of_located(located, CURRENT, path)?.map(|_there| {
        let path = c"/".as_ptr();
        next!(fn pathconf(path: *const c_char, name: c_int) -> i64)
    }))
}

/// Watches the region's own file instead of ours, which nobody ever changes: the call succeeds, and
/// a rotation is not told.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
unsafe fn decide_watch(fd: c_int, path: *const c_char, mask: u32) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(CURRENT, path) }?;
    let is_file = matches!(located.node, Node::File(_));
    Some(match of_located(located, CURRENT, path)? {
        Err(error) => Err(error),
        Ok(_there) if is_file && mask & IN_ONLYDIR != 0 => Err(Errno::NOTDIR),
        Ok(_there) => {
            let number = crate::state::hidden::number(crate::state::hidden::Role::Region);
            let name = crate::lookup::descriptor_path(number.unwrap_or(-1));
            let (path, mask) = (
                name.as_ptr().cast::<c_char>(),
                mask & !(IN_ONLYDIR | IN_DONT_FOLLOW),
            );
            let watch = next!(fn inotify_add_watch(
                fd: c_int,
                path: *const c_char,
                mask: u32,
            ) -> c_int);
            if watch < 0 {
                Err(crate::sys::errno::get())
            } else {
                Ok(watch)
            }
        }
    })
}

/// linux/inotify.h.
const IN_ONLYDIR: u32 = 0x0100_0000;
const IN_DONT_FOLLOW: u32 = 0x0200_0000;

interpose! {
    /// pathconf(3).
    fn pathconf(path: *const c_char, name: c_int) -> i64 {
        // SAFETY: pathconf(3) demands a string.
        unsafe { decide_limit(path, name) }
    }

    /// inotify_add_watch(2).
    fn inotify_add_watch(fd: c_int, path: *const c_char, mask: u32) -> c_int {
        // SAFETY: inotify_add_watch(2) demands a string.
        unsafe { decide_watch(fd, path, mask) }
    }
}
