//! System calls of our own, past the C library: they leave `errno` alone, and are no cancellation
//! points. One function for each, with the kernel's name.
#![expect(unsafe_code, reason = "system calls take addresses")]

mod ids;
mod memory;

use core::ffi::{CStr, c_int};
use core::mem::{MaybeUninit, forget};

use linux_raw_sys::general::{
    self as linux, AT_FDCWD, F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, FD_CLOEXEC, O_CLOEXEC,
};
use syscalls::raw;

use super::errno::Errno;

pub use ids::{
    getegid, geteuid, getgid, getpid, gettid, getuid, is_in_group, may_read_everything,
    set_tid_address,
};
pub use memory::{exclude_from_dumps, mmap, mmap_anonymous, mmap_as, mremap_fixed, munmap};

/// `struct stat` of the kernel and of both C libraries on this architecture.
pub type Stat = linux::stat;
/// `struct statx`.
pub type Statx = linux::statx;

/// Relative paths start at the current directory.
pub const CURRENT: c_int = AT_FDCWD;

/// A descriptor that is closed when it is dropped.
#[derive(Debug)]
pub struct Fd(c_int);

impl Fd {
    /// Takes a number over.
    #[must_use]
    pub const fn from_number(number: c_int) -> Self {
        Self(number)
    }

    /// The number, which stays ours.
    #[must_use]
    pub const fn number(&self) -> c_int {
        self.0
    }

    /// The number, which is not closed any more.
    #[must_use]
    #[expect(clippy::mem_forget, reason = "the number goes on to somebody else")]
    pub fn into_number(self) -> c_int {
        let number = self.0;
        forget(self);
        number
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: closes a number that is ours; no address is passed.
        let _closed = unsafe { raw::syscall1(linux::__NR_close as usize, arg(self.0)) };
    }
}

fn arg(number: c_int) -> usize {
    number.cast_unsigned() as usize
}

fn flag(bits: u32) -> usize {
    bits as usize
}

/// The kernel's answers from -4095 to -1 are error numbers.
fn answer(value: usize) -> Result<usize, Errno> {
    match value.cast_signed() {
        error @ -4095..=-1 => Err(Errno(c_int::try_from(error.wrapping_neg()).unwrap_or(0))),
        _ => Ok(value),
    }
}

fn number(value: usize) -> Result<c_int, Errno> {
    c_int::try_from(answer(value)?).map_err(|_large| Errno::IO)
}

fn opened(value: usize) -> Result<Fd, Errno> {
    number(value).map(Fd)
}

/// openat(2) without a mode.
///
/// # Errors
///
/// Those of the call.
pub fn openat(directory: c_int, path: &CStr, flags: u32) -> Result<Fd, Errno> {
    // SAFETY: `path` is a string that lives during the call.
    opened(unsafe {
        raw::syscall4(
            linux::__NR_openat as usize,
            arg(directory),
            path.as_ptr() as usize,
            flag(flags),
            0,
        )
    })
}

/// read(2).
///
/// # Errors
///
/// Those of the call.
pub fn read(fd: c_int, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `out.len()` bytes to `out`.
    answer(unsafe {
        raw::syscall3(
            linux::__NR_read as usize,
            arg(fd),
            out.as_mut_ptr() as usize,
            out.len(),
        )
    })
}

/// pread64(2).
///
/// # Errors
///
/// Those of the call.
pub fn pread(fd: c_int, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let offset = usize::try_from(offset).map_err(|_large| Errno::INVAL)?;
    let (at, len) = (out.as_mut_ptr() as usize, out.len());
    // SAFETY: the kernel writes at most `out.len()` bytes to `out`.
    answer(unsafe { raw::syscall4(linux::__NR_pread64 as usize, arg(fd), at, len, offset) })
}

/// write(2).
///
/// # Errors
///
/// Those of the call.
pub fn write(fd: c_int, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel reads `bytes`.
    answer(unsafe {
        raw::syscall3(
            linux::__NR_write as usize,
            arg(fd),
            bytes.as_ptr() as usize,
            bytes.len(),
        )
    })
}

/// pwrite64(2).
///
/// # Errors
///
/// Those of the call.
pub fn pwrite(fd: c_int, bytes: &[u8], offset: u64) -> Result<usize, Errno> {
    let offset = usize::try_from(offset).map_err(|_large| Errno::INVAL)?;
    let (at, len) = (bytes.as_ptr() as usize, bytes.len());
    // SAFETY: the kernel reads `bytes`.
    answer(unsafe { raw::syscall4(linux::__NR_pwrite64 as usize, arg(fd), at, len, offset) })
}

/// fstat(2).
///
/// # Errors
///
/// Those of the call.
pub fn fstat(fd: c_int) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the kernel writes one `struct stat` to where one has room.
    answer(unsafe {
        raw::syscall2(
            linux::__NR_fstat as usize,
            arg(fd),
            stat.as_mut_ptr() as usize,
        )
    })?;
    // SAFETY: the call succeeded, so the kernel has written the whole structure.
    Ok(unsafe { stat.assume_init() })
}

/// newfstatat(2), following symbolic links.
///
/// # Errors
///
/// Those of the call.
pub fn fstatat(directory: c_int, path: &CStr) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    let (path, out) = (path.as_ptr() as usize, stat.as_mut_ptr() as usize);
    // SAFETY: `path` is a string, and the kernel writes one `struct stat` to where one has room.
    answer(unsafe {
        raw::syscall4(
            linux::__NR_newfstatat as usize,
            arg(directory),
            path,
            out,
            0,
        )
    })?;
    // SAFETY: the call succeeded, so the kernel has written the whole structure.
    Ok(unsafe { stat.assume_init() })
}

/// faccessat(2) with the real user id.
///
/// # Errors
///
/// Those of the call.
pub fn faccessat(directory: c_int, path: &CStr, mode: u32) -> Result<(), Errno> {
    let path = path.as_ptr() as usize;
    // SAFETY: `path` is a string that lives during the call.
    answer(unsafe {
        raw::syscall3(
            linux::__NR_faccessat as usize,
            arg(directory),
            path,
            flag(mode),
        )
    })?;
    Ok(())
}

/// readlinkat(2) from the current directory.
///
/// # Errors
///
/// Those of the call.
pub fn readlink(path: &CStr, out: &mut [u8]) -> Result<usize, Errno> {
    readlinkat(CURRENT, path, out)
}

/// readlinkat(2); answers the bytes of the target, without NUL.
///
/// # Errors
///
/// Those of the call.
pub fn readlinkat(directory: c_int, path: &CStr, out: &mut [u8]) -> Result<usize, Errno> {
    let (path, at, len) = (path.as_ptr() as usize, out.as_mut_ptr() as usize, out.len());
    // SAFETY: `path` is a string, and the kernel writes at most `out.len()` bytes to `out`.
    answer(unsafe {
        raw::syscall4(
            linux::__NR_readlinkat as usize,
            arg(directory),
            path,
            at,
            len,
        )
    })
}

/// fgetxattr(2): the bytes of the attribute `name`.
///
/// # Errors
///
/// Those of the call.
pub fn fgetxattr(fd: c_int, name: &CStr) -> Result<usize, Errno> {
    let name = name.as_ptr() as usize;
    // SAFETY: `name` is a string, and with a size of 0 nothing is written.
    answer(unsafe { raw::syscall4(linux::__NR_fgetxattr as usize, arg(fd), name, 0, 0) })
}

/// memfd_secret(2), of size 0.
///
/// # Errors
///
/// `ENOSYS`, `EPERM`, `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn memfd_secret(is_close_on_exec: bool) -> Result<Fd, Errno> {
    let flags = if is_close_on_exec { O_CLOEXEC } else { 0 };
    // SAFETY: the call takes a flag word by value.
    opened(unsafe { raw::syscall1(linux::__NR_memfd_secret as usize, flag(flags)) })
}

/// memfd_create(2), of size 0.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn memfd_create(name: &CStr, is_close_on_exec: bool) -> Result<Fd, Errno> {
    let flags = if is_close_on_exec {
        linux::MFD_CLOEXEC
    } else {
        0
    };
    let (name, flags) = (name.as_ptr() as usize, flag(flags));
    // SAFETY: `name` is a string that lives during the call.
    opened(unsafe { raw::syscall2(linux::__NR_memfd_create as usize, name, flags) })
}

/// ftruncate(2).
///
/// # Errors
///
/// Those of the call.
pub fn ftruncate(fd: c_int, len: usize) -> Result<(), Errno> {
    // SAFETY: no address is passed.
    answer(unsafe { raw::syscall2(linux::__NR_ftruncate as usize, arg(fd), len) })?;
    Ok(())
}

/// utimensat(2) of a descriptor: seconds and nanoseconds of the last access and of the last
/// modification.
///
/// # Errors
///
/// `EPERM`: the file belongs to another user.
pub fn set_times(fd: c_int, (tv_sec, tv_nsec): (i64, i64)) -> Result<(), Errno> {
    let times = [linux::__kernel_timespec { tv_sec, tv_nsec }; 2];
    let times = times.as_ptr() as usize;
    // SAFETY: the kernel reads two times; a null path means the descriptor itself.
    answer(unsafe { raw::syscall4(linux::__NR_utimensat as usize, arg(fd), 0, times, 0) })?;
    Ok(())
}

/// fcntl(2), `F_DUPFD_CLOEXEC`: the lowest free number from `minimum` on.
///
/// # Errors
///
/// `EMFILE`, `EINVAL` (`minimum` is beyond the limit), `EBADF`.
pub fn dupfd_cloexec(fd: c_int, minimum: c_int) -> Result<Fd, Errno> {
    // SAFETY: no address is passed.
    opened(unsafe {
        raw::syscall3(
            linux::__NR_fcntl as usize,
            arg(fd),
            flag(F_DUPFD_CLOEXEC),
            arg(minimum),
        )
    })
}

/// The lowest of our own numbers. Chosen: out of the way of what programs count up from, and of the
/// numbers that a child closes one by one.
pub const HIGH: c_int = 700;

/// A second number for our own use: a high one, or where the limit is lower, from 3 on.
///
/// # Errors
///
/// Those of [`dupfd_cloexec`].
pub fn dupfd_high(fd: c_int, is_close_on_exec: bool) -> Result<Fd, Errno> {
    let dup = if is_close_on_exec {
        dupfd_cloexec
    } else {
        dupfd
    };
    dup(fd, HIGH).or_else(|_limit| dup(fd, 3))
}

/// fcntl(2), `F_DUPFD`: the same, and not close-on-exec.
///
/// # Errors
///
/// Those of [`dupfd_cloexec`].
pub fn dupfd(fd: c_int, minimum: c_int) -> Result<Fd, Errno> {
    // SAFETY: no address is passed.
    opened(unsafe {
        raw::syscall3(
            linux::__NR_fcntl as usize,
            arg(fd),
            flag(F_DUPFD),
            arg(minimum),
        )
    })
}

/// dup3(2).
///
/// # Errors
///
/// Those of the call.
pub fn dup3(old: c_int, new: c_int, is_close_on_exec: bool) -> Result<(), Errno> {
    let flags = if is_close_on_exec { flag(O_CLOEXEC) } else { 0 };
    // SAFETY: no address is passed.
    answer(unsafe { raw::syscall3(linux::__NR_dup3 as usize, arg(old), arg(new), flags) })?;
    Ok(())
}

/// fcntl(2), `F_GETFD`: whether the descriptor is close-on-exec.
///
/// # Errors
///
/// `EBADF`.
pub fn is_close_on_exec(fd: c_int) -> Result<bool, Errno> {
    // SAFETY: no address is passed.
    let flags =
        answer(unsafe { raw::syscall3(linux::__NR_fcntl as usize, arg(fd), flag(F_GETFD), 0) })?;
    Ok(flags & flag(FD_CLOEXEC) != 0)
}

/// fcntl(2), `F_SETFD`.
///
/// # Errors
///
/// `EBADF`.
pub fn set_close_on_exec(fd: c_int, is_set: bool) -> Result<(), Errno> {
    let flags = if is_set { flag(FD_CLOEXEC) } else { 0 };
    // SAFETY: no address is passed.
    answer(unsafe { raw::syscall3(linux::__NR_fcntl as usize, arg(fd), flag(F_SETFD), flags) })?;
    Ok(())
}

/// pipe2(2), close-on-exec: the end to read from, and the one to write to.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`.
pub fn pipe() -> Result<(Fd, Fd), Errno> {
    let mut ends = [0 as c_int; 2];
    let at = ends.as_mut_ptr() as usize;
    // SAFETY: the kernel writes two numbers to where two have room.
    answer(unsafe { raw::syscall2(linux::__NR_pipe2 as usize, at, flag(O_CLOEXEC)) })?;
    let [read, write] = ends;
    Ok((Fd(read), Fd(write)))
}

/// fcntl(2), `F_SETPIPE_SZ`: makes room in a pipe, and answers how much there is, in bytes.
///
/// # Errors
///
/// `EPERM` (beyond what the user may have), `EBUSY`.
pub fn set_pipe_size(fd: c_int, len: usize) -> Result<usize, Errno> {
    let command = flag(linux::F_SETPIPE_SZ);
    // SAFETY: no address is passed.
    answer(unsafe { raw::syscall3(linux::__NR_fcntl as usize, arg(fd), command, len) })
}
