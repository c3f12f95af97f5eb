//! Reading: read(2), pread(2), readv(2), preadv(2), preadv2(2), and their large-file and fortified
//! names.

use core::ffi::{c_int, c_void};

use crate::sys::errno::Errno;

use super::buffers::{Iovec, bytes, scatter};
use crate::descriptor;
use crate::macros::Outcome;
use crate::state::marks;

/// # Safety
///
/// As read(2).
#[inline(always)]
unsafe fn decide(fd: c_int, buffer: *mut c_void, count: usize) -> Outcome<isize> {
    if !marks::any() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { read_marked(fd, buffer, count) }
}

/// # Safety
///
/// As read(2).
#[inline(never)]
unsafe fn read_marked(fd: c_int, buffer: *mut c_void, count: usize) -> Outcome<isize> {
    let found = descriptor::of(fd)?;
    let read = || {
        let found = found.readable()?;
        // SAFETY: the caller's promise.
        let out = unsafe { bytes(buffer, count) }?;
        found.read(out)
    };
    Some(read().map(length))
}

/// # Safety
///
/// As pread(2).
unsafe fn decide_at(fd: c_int, buffer: *mut c_void, count: usize, offset: i64) -> Outcome<isize> {
    let found = descriptor::of(fd)?;
    let read = || {
        let offset = u64::try_from(offset).map_err(|_negative| Errno::INVAL)?;
        let found = found.readable()?;
        // SAFETY: the caller's promise.
        let out = unsafe { bytes(buffer, count) }?;
        found.read_at(offset, out)
    };
    Some(read().map(length))
}

/// # Safety
///
/// As preadv(2). `offset` is absent for readv(2), and -1 where preadv2(2) means the same.
unsafe fn decide_scattered(
    fd: c_int,
    pieces: *const Iovec,
    count: c_int,
    offset: Option<i64>,
) -> Outcome<isize> {
    let found = descriptor::of(fd)?;
    let read = || {
        let found = found.readable()?;
        let offset = match offset {
            None => None,
            Some(offset) => Some(u64::try_from(offset).map_err(|_negative| Errno::INVAL)?),
        };
        // SAFETY: the caller's promise.
        unsafe { scatter(&found, pieces, count, offset) }
    };
    Some(read())
}

fn length(count: usize) -> isize {
    isize::try_from(count).unwrap_or(isize::MAX)
}

/// The offset of preadv2(2): -1 reads on from where the last read ended.
fn or_current(offset: i64) -> Option<i64> {
    (offset != -1).then_some(offset)
}

interpose! {
    /// read(2).
    fn read(fd: c_int, buffer: *mut c_void, count: usize) -> isize {
        // SAFETY: read(2) demands the same.
        unsafe { decide(fd, buffer, count) }
    }

    /// Fortified `read`.
    fn __read_chk(fd: c_int, buffer: *mut c_void, count: usize, size: usize) -> isize {
        if count > size {
            return None;
        }
        // SAFETY: read(2) demands the same.
        unsafe { decide(fd, buffer, count) }
    }

    /// pread(2).
    fn pread(fd: c_int, buffer: *mut c_void, count: usize, offset: i64) -> isize {
        // SAFETY: pread(2) demands the same.
        unsafe { decide_at(fd, buffer, count, offset) }
    }

    /// Fortified `pread`.
    fn __pread_chk(
        fd: c_int,
        buffer: *mut c_void,
        count: usize,
        offset: i64,
        size: usize,
    ) -> isize {
        if count > size {
            return None;
        }
        // SAFETY: pread(2) demands the same.
        unsafe { decide_at(fd, buffer, count, offset) }
    }

    /// readv(2).
    fn readv(fd: c_int, pieces: *const Iovec, count: c_int) -> isize {
        // SAFETY: readv(2) demands the same.
        unsafe { decide_scattered(fd, pieces, count, None) }
    }

    /// preadv(2).
    fn preadv(fd: c_int, pieces: *const Iovec, count: c_int, offset: i64) -> isize {
        // SAFETY: preadv(2) demands the same.
        unsafe { decide_scattered(fd, pieces, count, Some(offset)) }
    }

    /// preadv2(2).
    fn preadv2(
        fd: c_int,
        pieces: *const Iovec,
        count: c_int,
        offset: i64,
        flags: c_int,
    ) -> isize {
        // SAFETY: preadv2(2) demands the same.
        unsafe { decide_scattered(fd, pieces, count, or_current(offset)) }
    }
}

same! {
    /// pread(2) for large files.
    fn pread64 = pread(fd: c_int, buffer: *mut c_void, count: usize, offset: i64) -> isize;
    /// preadv(2) for large files.
    fn preadv64 = preadv(fd: c_int, pieces: *const Iovec, count: c_int, offset: i64) -> isize;
    /// preadv2(2) for large files.
    fn preadv64v2 = preadv2(
        fd: c_int,
        pieces: *const Iovec,
        count: c_int,
        offset: i64,
        flags: c_int,
    ) -> isize;
    /// `read` under another name of glibc.
    fn __read = read(fd: c_int, buffer: *mut c_void, count: usize) -> isize;
    /// `pread64` under another name of glibc.
    fn __pread64 = pread(fd: c_int, buffer: *mut c_void, count: usize, offset: i64) -> isize;
    /// Fortified `pread64`.
    fn __pread64_chk = __pread_chk(
        fd: c_int,
        buffer: *mut c_void,
        count: usize,
        offset: i64,
        size: usize,
    ) -> isize;
}
