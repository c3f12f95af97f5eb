//! Opening: from a path or a descriptor to a directory stream.

use core::ffi::{c_char, c_int};

use super::Dir;
use crate::descriptor::{self, Access};
use crate::entry::open::{CURRENT, is_unnamed, locate};
use crate::lookup::children::path_of;
use crate::lookup::{Last, canonical, root};
use crate::macros::Outcome;
use crate::state::names::{self, Node};
use crate::state::{directories, overlay, process, region};
use crate::sys::errno::{self, Errno};
use crate::sys::kernel::Fd;
use crate::sys::string;

/// The directory of ours that `path` is, seen from `directory`, or why it is none.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
pub(in crate::entry) unsafe fn directory_at(
    directory: c_int,
    path: *const c_char,
) -> Outcome<Node> {
    // SAFETY: the caller's promise.
    match unsafe { locate(directory, path) } {
        Some(located) => Some(match located.node {
            Node::File(_) => Err(Errno::NOTDIR),
            node => Ok(node),
        }),
        None => {
            // SAFETY: the caller's promise.
            let text = unsafe { string::bytes(path) }?;
            if text.is_empty() || !is_unnamed(text) {
                return None;
            }
            node_at(canonical(directory, text, Last::Followed)?.bytes()).map(Ok)
        }
    }
}

/// The directory at a whole path; the root directory is one, too, when it has a child of ours.
fn node_at(path: &[u8]) -> Option<Node> {
    let region = region::region()?;
    if path.is_empty() {
        region
            .entries()
            .position(|entry| entry.path().is_some())
            .map(|index| Node::Directory { index, len: 0 })
    } else {
        names::find(&region, path).filter(|node| matches!(node, Node::Directory { .. }))
    }
}

/// A stream for `node`, whose kernel's stream is `real`.
fn begin(node: Node, fd: c_int, real: *mut Dir) -> Result<*mut Dir, Errno> {
    let Node::Directory { index, len } = node else {
        return Err(Errno::NOTDIR);
    };
    let place = directories::take().ok_or(Errno::MFILE)?;
    // SAFETY: taken by us just now.
    if let Some(directory) = unsafe { directories::at(place.cast()) } {
        directory.fd = fd;
        directory.real = real;
        directory.index = index;
        directory.len = len;
        directory.is_real_read = real.is_null();
        directory.place = 0;
    }
    Ok(place.cast())
}

/// # Safety
///
/// `path` is a string.
unsafe fn next_opendir(path: *const c_char) -> *mut Dir {
    next!(fn opendir(path: *const c_char) -> *mut Dir)
}

fn next_dirfd(real: *mut Dir) -> c_int {
    next!(fn dirfd(real: *mut Dir) -> c_int)
}

pub(super) fn next_closedir(real: *mut Dir) -> c_int {
    next!(fn closedir(real: *mut Dir) -> c_int)
}

/// The kernel's stream of a directory that is ours too; null where it has none.
///
/// # Safety
///
/// `path` is a string.
unsafe fn open_real(node: Node, path: *const c_char) -> Result<*mut Dir, Errno> {
    // SAFETY: the caller's promise.
    let mut real = unsafe { next_opendir(path) };
    // The program's way may lead through a directory that the kernel does not have (`a/..`).
    if real.is_null()
        && root::is_same()
        && let Some(path) = path_of(node)
        && let Some(path) = path.with_nul()
    {
        // SAFETY: opendir(3) demands a string, which a `CStr` is.
        real = unsafe { next_opendir(path.as_ptr()) };
    }
    if real.is_null() {
        match errno::get() {
            Errno::NOENT | Errno::NOTDIR => {}
            error => return Err(error),
        }
    }
    Ok(real)
}

/// # Safety
///
/// `path` is a string.
unsafe fn open_node(node: Node, path: *const c_char) -> Result<*mut Dir, Errno> {
    // SAFETY: the caller's promise.
    let real = unsafe { open_real(node, path) }?;
    if real.is_null() {
        let access = Access {
            is_close_on_exec: true,
            ..Access::default()
        };
        let fd = descriptor::open_node(node, access)?;
        return begin(node, fd, real).inspect_err(|_full| close_descriptor(fd));
    }
    begin(node, next_dirfd(real), real).inspect_err(|_full| {
        next_closedir(real);
    })
}

/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
pub(super) unsafe fn decide_path(path: *const c_char) -> Outcome<*mut Dir> {
    // SAFETY: the caller's promise.
    let node = match unsafe { directory_at(CURRENT, path) }? {
        Ok(node) => node,
        Err(error) => return Some(Err(error)),
    };
    let before = errno::get();
    // SAFETY: the caller's promise; a null path is none of ours.
    let opened = unsafe { open_node(node, path) };
    errno::set(before);
    Some(opened)
}

pub(super) fn close_descriptor(fd: c_int) {
    descriptor::forget(fd);
    drop(Fd::from_number(fd));
}

/// Which directory of ours stands behind a descriptor of the kernel's.
fn overlaid(fd: c_int) -> Option<Node> {
    if !overlay::has(fd) {
        return None;
    }
    let node = canonical(fd, b".", Last::Kept).and_then(|path| node_at(path.bytes()));
    if node.is_none() && process::owns_memory() {
        overlay::clear(fd);
    }
    node
}

#[inline(never)]
pub(super) fn decide_descriptor(fd: c_int) -> Outcome<*mut Dir> {
    if let Some(found) = descriptor::of(fd) {
        return Some(if found.tag.is_path_only {
            Err(Errno::BADF)
        } else if found.tag.is_directory {
            begin(found.node(), fd, core::ptr::null_mut())
        } else {
            Err(Errno::NOTDIR)
        });
    }
    let node = overlaid(fd)?;
    let real = next!(fn fdopendir(fd: c_int) -> *mut Dir);
    if real.is_null() {
        return Some(Err(errno::get()));
    }
    // When all places are taken the program has lost its descriptor; it gets the error.
    Some(begin(node, fd, real).inspect_err(|_full| {
        next_closedir(real);
    }))
}
