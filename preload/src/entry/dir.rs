//! Directories: opendir(3), readdir(3) and what goes with them. A directory that exists in the region
//! only is listed from there; one that exists shows the kernel's entries, and then ours. All others
//! go to the C library: whether one is ours is decided by its last component, as for every path.

use core::ffi::{c_char, c_int, c_long, c_void};

use crate::sys::errno::{self, Errno};

use super::open::{CURRENT, is_unnamed, locate};
use crate::descriptor::{self, Access};
use crate::lookup::children::NodePath;
use crate::lookup::{Last, canonical, root};
use crate::macros::Outcome;
use crate::state::directories::{self, Dirent};
use crate::state::names::{self, Node};
use crate::state::{overlay, process, region};
use crate::sys::kernel::Fd;
use crate::sys::string;

mod list;
mod scan;

pub(super) use list::directories_below;
pub use list::{getdents, getdents64};
pub use scan::{scandir, scandir64, scandirat, scandirat64};

/// A directory stream of the C library, or the address of one of ours.
pub type Dir = c_void;

/// Telling of a place in the list of our own: the lowest bit of the kernel's numbers that it does
/// not use.
const OWN: c_long = c_long::MIN;

/// The directory of ours that `path` is, seen from `directory`, or why it is none.
///
/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
pub(super) unsafe fn directory_at(directory: c_int, path: *const c_char) -> Outcome<Node> {
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

fn next_closedir(real: *mut Dir) -> c_int {
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
    if real.is_null() && root::is_same() {
        if let Some(mut path) = NodePath::of(node) {
            // SAFETY: a string of ours.
            real = unsafe { next_opendir(path.terminated().as_ptr()) };
        }
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
unsafe fn decide_path(path: *const c_char) -> Outcome<*mut Dir> {
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

fn close_descriptor(fd: c_int) {
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
fn decide_descriptor(fd: c_int) -> Outcome<*mut Dir> {
    if let Some(found) = descriptor::of(fd) {
        let index = found.tag.index;
        let len = usize::try_from(found.len).unwrap_or(0);
        return Some(if found.is_path_only() {
            Err(Errno::BADF)
        } else if found.tag.is_directory {
            begin(Node::Directory { index, len }, fd, core::ptr::null_mut())
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

/// # Safety
///
/// `stream` is one that is open.
#[inline(never)]
unsafe fn decide_close(stream: *mut Dir) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let directory = unsafe { directories::at(stream) }?;
    let (fd, real) = (directory.fd, directory.real);
    directories::release(stream);
    if real.is_null() {
        close_descriptor(fd);
        Some(Ok(0))
    } else {
        Some(match next_closedir(real) {
            0 => Ok(0),
            _ => Err(errno::get()),
        })
    }
}

/// # Safety
///
/// `stream` is one that is open.
#[inline(never)]
unsafe fn decide_read(stream: *mut Dir) -> Outcome<*mut Dirent> {
    // SAFETY: the caller's promise.
    let directory = unsafe { directories::at(stream) }?;
    Some(match list::advance(directory) {
        Ok(entry) => Ok(entry.unwrap_or(core::ptr::null_mut())),
        Err(error) => Err(error),
    })
}

/// # Safety
///
/// As readdir_r(3).
#[inline(never)]
unsafe fn decide_read_into(
    stream: *mut Dir,
    out: *mut Dirent,
    result: *mut *mut Dirent,
) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let directory = unsafe { directories::at(stream) }?;
    let (answer, code) = match list::advance(directory) {
        Ok(None) => (core::ptr::null_mut(), 0),
        Ok(Some(entry)) => {
            list::copy(entry, out.cast());
            (out, 0)
        }
        Err(error) => (core::ptr::null_mut(), error.0),
    };
    // SAFETY: the caller's promise.
    unsafe { result.write(answer) };
    Some(Ok(code))
}

/// # Safety
///
/// `stream` is one that is open.
#[inline(never)]
unsafe fn decide_seek(stream: *mut Dir, place: c_long) -> Outcome<()> {
    // SAFETY: the caller's promise.
    let directory = unsafe { directories::at(stream) }?;
    let real = directory.real;
    if place & OWN != 0 {
        directory.is_real_read = true;
        directory.place = usize::try_from(place & !OWN).unwrap_or(0);
    } else {
        directory.place = 0;
        directory.is_real_read = real.is_null();
        if !real.is_null() {
            next!(fn seekdir(real: *mut Dir, place: c_long) -> ());
        }
    }
    Some(Ok(()))
}

interpose! {
    /// opendir(3).
    fn opendir(path: *const c_char) -> *mut Dir {
        // SAFETY: opendir(3) demands a string.
        unsafe { decide_path(path) }
    }

    /// fdopendir(3).
    fn fdopendir(fd: c_int) -> *mut Dir {
        decide_descriptor(fd)
    }

    /// closedir(3).
    fn closedir(stream: *mut Dir) -> c_int {
        // SAFETY: closedir(3) demands an open stream.
        unsafe { decide_close(stream) }
    }

    /// readdir(3).
    fn readdir(stream: *mut Dir) -> *mut Dirent {
        // SAFETY: readdir(3) demands an open stream.
        unsafe { decide_read(stream) }
    }

    /// readdir_r(3): answers an error number.
    fn readdir_r(stream: *mut Dir, out: *mut Dirent, result: *mut *mut Dirent) -> c_int {
        // SAFETY: readdir_r(3) demands the same.
        unsafe { decide_read_into(stream, out, result) }
    }

    /// dirfd(3).
    fn dirfd(stream: *mut Dir) -> c_int {
        // SAFETY: dirfd(3) demands an open stream.
        Some(Ok(unsafe { directories::at(stream) }?.fd))
    }

    /// telldir(3).
    fn telldir(stream: *mut Dir) -> c_long {
        // SAFETY: telldir(3) demands an open stream.
        let directory = unsafe { directories::at(stream) }?;
        let real = directory.real;
        if directory.is_real_read {
            return Some(Ok(c_long::try_from(directory.place).unwrap_or(0) | OWN));
        }
        Some(Ok(next!(fn telldir(real: *mut Dir) -> c_long)))
    }

    /// seekdir(3).
    fn seekdir(stream: *mut Dir, place: c_long) -> () {
        // SAFETY: seekdir(3) demands an open stream.
        unsafe { decide_seek(stream, place) }
    }

    /// rewinddir(3).
    fn rewinddir(stream: *mut Dir) -> () {
        // SAFETY: rewinddir(3) demands an open stream.
        let directory = unsafe { directories::at(stream) }?;
        directory.place = 0;
        directory.is_real_read = directory.real.is_null();
        let real = directory.real;
        if !real.is_null() {
            next!(fn rewinddir(real: *mut Dir) -> ());
        }
        Some(Ok(()))
    }
}

same! {
    /// readdir(3) for large files.
    fn readdir64 = readdir(stream: *mut Dir) -> *mut Dirent;
    /// readdir_r(3) for large files.
    fn readdir64_r = readdir_r(
        stream: *mut Dir,
        out: *mut Dirent,
        result: *mut *mut Dirent,
    ) -> c_int;
}
