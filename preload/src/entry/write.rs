//! Writing and changing: a virtual descriptor is open for reading, and its file system read-only.

use core::ffi::{c_char, c_int, c_uint, c_void};

use crate::sys::errno::Errno;

use super::buffers::Iovec;
use super::open::{CURRENT, locate};
use super::stat::exists;
use crate::descriptor;
use crate::macros::Outcome;
use crate::state::marks;
use crate::state::names::Node;

/// `EBADF` for a virtual descriptor: it is not open for writing.
#[inline(always)]
fn not_for_writing<T>(fd: c_int) -> Outcome<T> {
    (marks::any() && is_virtual(fd)).then_some(Err(Errno::BADF))
}

#[inline(never)]
fn is_virtual(fd: c_int) -> bool {
    descriptor::of(fd).is_some()
}

/// `EROFS` for a virtual descriptor: it cannot be changed.
fn read_only<T>(fd: c_int) -> Outcome<T> {
    descriptor::of(fd)?;
    Some(Err(Errno::ROFS))
}

/// `EROFS` for a path that is ours.
///
/// # Safety
///
/// `path` is null or a string.
unsafe fn read_only_path<T>(directory: c_int, path: *const c_char) -> Outcome<T> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate(directory, path) }?;
    // A directory that exists is the kernel's, whatever of ours is below it.
    if matches!(located.node, Node::Directory { .. }) && exists(directory, path) {
        return None;
    }
    Some(Err(Errno::ROFS))
}

/// The same for two paths of one call.
///
/// # Safety
///
/// Both are null or strings.
unsafe fn read_only_paths<T>(
    from_directory: c_int,
    from: *const c_char,
    to_directory: c_int,
    to: *const c_char,
) -> Outcome<T> {
    // SAFETY: the caller's promise.
    let of_first = unsafe { read_only_path(from_directory, from) };
    // SAFETY: the caller's promise.
    of_first.or_else(|| unsafe { read_only_path(to_directory, to) })
}

/// Success without an effect, for what makes a file permanent.
fn nothing_to_do(fd: c_int) -> Outcome<c_int> {
    descriptor::of(fd)?;
    Some(Ok(0))
}

interpose! {
    /// write(2).
    fn write(fd: c_int, buffer: *const c_void, count: usize) -> isize {
        not_for_writing(fd)
    }

    /// pwrite(2).
    fn pwrite(fd: c_int, buffer: *const c_void, count: usize, offset: i64) -> isize {
        not_for_writing(fd)
    }

    /// writev(2).
    fn writev(fd: c_int, pieces: *const Iovec, count: c_int) -> isize {
        not_for_writing(fd)
    }

    /// pwritev(2).
    fn pwritev(fd: c_int, pieces: *const Iovec, count: c_int, offset: i64) -> isize {
        not_for_writing(fd)
    }

    /// pwritev2(2).
    fn pwritev2(
        fd: c_int,
        pieces: *const Iovec,
        count: c_int,
        offset: i64,
        flags: c_int,
    ) -> isize {
        not_for_writing(fd)
    }

    /// ftruncate(2): `EINVAL` for a descriptor that is not open for writing.
    fn ftruncate(fd: c_int, len: i64) -> c_int {
        descriptor::of(fd)?;
        Some(Err(Errno::INVAL))
    }

    /// truncate(2).
    fn truncate(path: *const c_char, len: i64) -> c_int {
        // SAFETY: truncate(2) demands a string.
        unsafe { read_only_path(CURRENT, path) }
    }

    /// fallocate(2).
    fn fallocate(fd: c_int, mode: c_int, offset: i64, len: i64) -> c_int {
        not_for_writing(fd)
    }

    /// posix_fallocate(3), which answers its error.
    fn posix_fallocate(fd: c_int, offset: i64, len: i64) -> c_int {
        descriptor::of(fd)?;
        Some(Ok(Errno::BADF.0))
    }

    /// fsync(2).
    fn fsync(fd: c_int) -> c_int {
        nothing_to_do(fd)
    }

    /// fdatasync(2).
    fn fdatasync(fd: c_int) -> c_int {
        nothing_to_do(fd)
    }

    /// syncfs(2).
    fn syncfs(fd: c_int) -> c_int {
        nothing_to_do(fd)
    }

    /// fchmod(2).
    fn fchmod(fd: c_int, mode: c_uint) -> c_int {
        read_only(fd)
    }

    /// fchown(2).
    fn fchown(fd: c_int, user: c_uint, group: c_uint) -> c_int {
        read_only(fd)
    }

    /// futimens(3). The token's time is our own bookkeeping.
    fn futimens(fd: c_int, times: *const c_void) -> c_int {
        read_only(fd)
    }

    /// futimes(3).
    fn futimes(fd: c_int, times: *const c_void) -> c_int {
        read_only(fd)
    }

    /// utimensat(2).
    fn utimensat(directory: c_int, path: *const c_char, times: *const c_void, flags: c_int) -> c_int {
        if path.is_null() {
            return read_only(directory);
        }
        // SAFETY: utimensat(2) demands a string.
        unsafe { read_only_path(directory, path) }
    }

    /// utimes(2).
    fn utimes(path: *const c_char, times: *const c_void) -> c_int {
        // SAFETY: utimes(2) demands a string.
        unsafe { read_only_path(CURRENT, path) }
    }

    /// chmod(2).
    fn chmod(path: *const c_char, mode: c_uint) -> c_int {
        // SAFETY: chmod(2) demands a string.
        unsafe { read_only_path(CURRENT, path) }
    }

    /// fchmodat(2).
    fn fchmodat(directory: c_int, path: *const c_char, mode: c_uint, flags: c_int) -> c_int {
        // SAFETY: fchmodat(2) demands a string.
        unsafe { read_only_path(directory, path) }
    }

    /// chown(2).
    fn chown(path: *const c_char, user: c_uint, group: c_uint) -> c_int {
        // SAFETY: chown(2) demands a string.
        unsafe { read_only_path(CURRENT, path) }
    }

    /// lchown(2).
    fn lchown(path: *const c_char, user: c_uint, group: c_uint) -> c_int {
        // SAFETY: lchown(2) demands a string.
        unsafe { read_only_path(CURRENT, path) }
    }

    /// fchownat(2).
    fn fchownat(
        directory: c_int,
        path: *const c_char,
        user: c_uint,
        group: c_uint,
        flags: c_int,
    ) -> c_int {
        // SAFETY: fchownat(2) demands a string.
        unsafe { read_only_path(directory, path) }
    }

    /// unlink(2).
    fn unlink(path: *const c_char) -> c_int {
        // SAFETY: unlink(2) demands a string.
        unsafe { read_only_path(CURRENT, path) }
    }

    /// unlinkat(2).
    fn unlinkat(directory: c_int, path: *const c_char, flags: c_int) -> c_int {
        // SAFETY: unlinkat(2) demands a string.
        unsafe { read_only_path(directory, path) }
    }

    /// remove(3).
    fn remove(path: *const c_char) -> c_int {
        // SAFETY: remove(3) demands a string.
        unsafe { read_only_path(CURRENT, path) }
    }

    /// rename(2).
    fn rename(from: *const c_char, to: *const c_char) -> c_int {
        // SAFETY: rename(2) demands strings.
        unsafe { read_only_paths(CURRENT, from, CURRENT, to) }
    }

    /// renameat(2).
    fn renameat(
        from_directory: c_int,
        from: *const c_char,
        to_directory: c_int,
        to: *const c_char,
    ) -> c_int {
        // SAFETY: renameat(2) demands strings.
        unsafe { read_only_paths(from_directory, from, to_directory, to) }
    }

    /// renameat2(2).
    fn renameat2(
        from_directory: c_int,
        from: *const c_char,
        to_directory: c_int,
        to: *const c_char,
        flags: c_uint,
    ) -> c_int {
        // SAFETY: renameat2(2) demands strings.
        unsafe { read_only_paths(from_directory, from, to_directory, to) }
    }

    /// link(2): a file of ours is on no file system that could have a second name for it.
    fn link(from: *const c_char, to: *const c_char) -> c_int {
        // SAFETY: link(2) demands strings.
        unsafe { read_only_paths(CURRENT, from, CURRENT, to) }
    }
}

same! {
    /// `write` under another name of glibc.
    fn __write = write(fd: c_int, buffer: *const c_void, count: usize) -> isize;
    /// pwrite(2) for large files.
    fn pwrite64 = pwrite(fd: c_int, buffer: *const c_void, count: usize, offset: i64) -> isize;
    /// `pwrite64` under another name of glibc.
    fn __pwrite64 = pwrite(fd: c_int, buffer: *const c_void, count: usize, offset: i64) -> isize;
    /// posix_fallocate(3) for large files.
    fn posix_fallocate64 = posix_fallocate(fd: c_int, offset: i64, len: i64) -> c_int;
    /// pwritev(2) for large files.
    fn pwritev64 = pwritev(fd: c_int, pieces: *const Iovec, count: c_int, offset: i64) -> isize;
    /// pwritev2(2) for large files.
    fn pwritev64v2 = pwritev2(
        fd: c_int,
        pieces: *const Iovec,
        count: c_int,
        offset: i64,
        flags: c_int,
    ) -> isize;
    /// ftruncate(2) for large files.
    fn ftruncate64 = ftruncate(fd: c_int, len: i64) -> c_int;
    /// truncate(2) for large files.
    fn truncate64 = truncate(path: *const c_char, len: i64) -> c_int;
    /// fallocate(2) for large files.
    fn fallocate64 = fallocate(fd: c_int, mode: c_int, offset: i64, len: i64) -> c_int;
}
