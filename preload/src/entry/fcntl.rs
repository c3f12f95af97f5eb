//! fcntl(2), ioctl(2), and what else asks a descriptor about itself. Locks, `F_GETFD`, `F_SETFD`,
//! posix_fadvise(3), poll(2), select(2) and epoll(7) need nothing of us: the kernel treats a token
//! as the regular file that it is.

use core::ffi::{c_int, c_ulong};

use crate::sys::errno::Errno;

use crate::descriptor;
use crate::macros::Outcome;
use crate::state::{hidden, init, marks, overlay};
use crate::sys::kernel;

const F_DUPFD: c_int = 0;
const F_GETFL: c_int = 3;
const F_SETLK: c_int = 6;
const F_SETLKW: c_int = 7;
const F_OFD_SETLK: c_int = 37;
const F_OFD_SETLKW: c_int = 38;
const F_DUPFD_CLOEXEC: c_int = 1030;
const F_WRLCK: i16 = 1;

/// What `F_GETFL` says of a file that is open for reading (`O_LARGEFILE`).
const READ_ONLY: c_int = 0o100_000;
const O_PATH: c_int = 0o10_000_000;

/// Bytes that can be read at once (asm-generic/ioctls.h).
const FIONREAD: c_ulong = 0x541b;

#[inline(never)]
fn decide(fd: c_int, command: c_int, argument: usize) -> Outcome<c_int> {
    init::ensure();
    if hidden::has(fd) {
        return Some(Err(Errno::BADF));
    }
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => copy(fd, command == F_DUPFD_CLOEXEC, argument),
        F_GETFL => {
            let found = descriptor::of(fd)?;
            let flags = if found.tag.is_path_only { O_PATH } else { 0 };
            Some(Ok(READ_ONLY | flags))
        }
        F_SETLK | F_SETLKW | F_OFD_SETLK | F_OFD_SETLKW => refuse_write_lock(fd, argument),
        _ => None,
    }
}

/// A lock for writing needs a descriptor that is open for writing. The other locks are the
/// kernel's.
fn refuse_write_lock(fd: c_int, lock: usize) -> Outcome<c_int> {
    descriptor::of(fd)?;
    // SAFETY: fcntl(2) demands a `struct flock`, which starts with the type of the lock.
    let kind = unsafe { (lock as *const i16).read() };
    (kind == F_WRLCK).then_some(Err(Errno::BADF))
}

/// A second number of a virtual descriptor, or of a directory that has children of ours.
fn copy(fd: c_int, is_close_on_exec: bool, minimum: usize) -> Outcome<c_int> {
    let is_virtual = descriptor::of(fd).is_some();
    if !is_virtual && !overlay::has(fd) {
        return None;
    }
    let make = || {
        let minimum = c_int::try_from(minimum).map_err(|_large| Errno::INVAL)?;
        let copy = if is_close_on_exec {
            kernel::dupfd_cloexec(fd, minimum)?
        } else {
            kernel::dupfd(fd, minimum)?
        };
        Ok(copy.into_number())
    };
    Some(make().inspect(|copy| {
        if is_virtual {
            marks::set(*copy);
        } else {
            overlay::set(*copy);
        }
    }))
}

interpose! {
    /// fcntl(2).
    fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
        decide(fd, command, argument)
    }

    /// ioctl(2): how many bytes are left to be read.
    fn ioctl(fd: c_int, request: c_ulong, argument: usize) -> c_int {
        let found = descriptor::of(fd)?;
        if request != FIONREAD {
            return None;
        }
        let len = match found.value_len() {
            Ok(len) => u64::try_from(len).unwrap_or(u64::MAX),
            Err(error) => return Some(Err(error)),
        };
        let left = len.saturating_sub(found.offset());
        let out = argument as *mut c_int;
        if out.is_null() {
            return Some(Err(Errno::FAULT));
        }
        // SAFETY: `FIONREAD` demands an `int` to be written, and it is not null.
        unsafe { out.write_unaligned(c_int::try_from(left).unwrap_or(c_int::MAX)) };
        Some(Ok(0))
    }

    /// readahead(2): advice has no effect, and there is none to give.
    fn readahead(fd: c_int, offset: i64, count: usize) -> isize {
        descriptor::of(fd)?;
        Some(Ok(0))
    }
}

same! {
    /// `fcntl` under another name of glibc.
    fn __fcntl = fcntl(fd: c_int, command: c_int, argument: usize) -> c_int;
    /// fcntl(2) for large files.
    fn fcntl64 = fcntl(fd: c_int, command: c_int, argument: usize) -> c_int;
}
