//! Directories: opendir(3), readdir(3) and what goes with them. A directory that exists in the
//! region only is listed from there; one that exists shows the kernel's entries, and then ours. All
//! others go to the C library: whether one is ours is decided by its last component, as for every
//! path.

use core::ffi::{c_char, c_int, c_long, c_void};

use crate::macros::Outcome;
use crate::state::directories::{self, Dirent};
use crate::sys::errno;

mod list;
mod open;
mod scan;

pub(super) use list::{directories_below, name_of};
pub use list::{getdents, getdents64};
pub(super) use open::directory_at;
use open::{close_descriptor, decide_descriptor, decide_path, next_closedir};
pub use scan::{scandir, scandir64, scandirat, scandirat64};

/// A directory stream of the C library, or the address of one of ours.
pub type Dir = c_void;

/// Telling of a place in the list of our own: the lowest bit of the kernel's numbers that it does
/// not use.
const OWN: c_long = c_long::MIN;

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
#[inline(always)]
unsafe fn decide_read(stream: *mut Dir) -> Outcome<*mut Dirent> {
    if !directories::any() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { read_own(stream) }
}

/// # Safety
///
/// That of [`decide_read`].
#[inline(never)]
unsafe fn read_own(stream: *mut Dir) -> Outcome<*mut Dirent> {
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
