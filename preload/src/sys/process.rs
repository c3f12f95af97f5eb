//! System calls about processes: who they are, and their ends.
#![expect(unsafe_code, reason = "system calls take addresses")]

use core::ffi::{CStr, c_char, c_int};
use core::mem::MaybeUninit;

use linux_raw_sys::general as linux;
use syscalls::raw;

use super::errno::Errno;

/// `PR_GET_NO_NEW_PRIVS` (linux/prctl.h).
const GET_NO_NEW_PRIVILEGES: usize = 39;
/// `ST_NOSUID` in `f_flags` (statfs(2)).
const NO_SET_USER_ID: i64 = 2;

fn answer(value: usize) -> Result<usize, Errno> {
    match value.cast_signed() {
        error @ -4095..=-1 => Err(Errno(c_int::try_from(error.wrapping_neg()).unwrap_or(0))),
        _ => Ok(value),
    }
}

/// prctl(2): whether `PR_SET_NO_NEW_PRIVS` was set.
#[must_use]
pub fn has_no_new_privileges() -> bool {
    // SAFETY: no address is passed.
    let value = unsafe {
        raw::syscall5(
            linux::__NR_prctl as usize,
            GET_NO_NEW_PRIVILEGES,
            0,
            0,
            0,
            0,
        )
    };
    value == 1
}

/// fstatfs(2): whether the file system behind `fd` is mounted `nosuid`.
#[must_use]
pub fn ignores_set_user_id(fd: c_int) -> bool {
    let mut out = MaybeUninit::<linux::statfs64>::uninit();
    let fd = fd.cast_unsigned() as usize;
    // SAFETY: the kernel writes one `struct statfs` to where one has room.
    let written =
        unsafe { raw::syscall2(linux::__NR_fstatfs as usize, fd, out.as_mut_ptr() as usize) };
    if answer(written).is_err() {
        return false;
    }
    // SAFETY: the call succeeded, so the kernel has written the whole structure.
    let found = unsafe { out.assume_init() };
    found.f_flags & NO_SET_USER_ID != 0
}

/// wait4(2) without options: waits for the end of process `pid`, and answers its status.
///
/// # Errors
///
/// `ECHILD`, `EINTR`.
pub fn wait(pid: c_int) -> Result<c_int, Errno> {
    let mut status: c_int = 0;
    let pid = pid as isize;
    let out = &raw mut status as usize;
    // SAFETY: the kernel writes an `int` to where one has room.
    answer(unsafe { raw::syscall4(linux::__NR_wait4 as usize, pid.cast_unsigned(), out, 0, 0) })?;
    Ok(status)
}

/// sched_yield(2).
pub fn sched_yield() {
    // SAFETY: no address is passed.
    let _yielded = unsafe { raw::syscall0(linux::__NR_sched_yield as usize) };
}

/// faccessat2(2) with the effective ids: whether the file may be executed.
///
/// A kernel before 5.8 is asked for the real ids.
#[must_use]
pub fn may_execute(directory: c_int, path: &CStr) -> bool {
    let at = directory.cast_unsigned() as usize;
    let name = path.as_ptr() as usize;
    let effective = linux::AT_EACCESS as usize;
    // SAFETY: `path` is a string that lives during the call.
    let found =
        answer(unsafe { raw::syscall4(linux::__NR_faccessat2 as usize, at, name, 1, effective) });
    match found {
        Err(Errno::NOSYS | Errno::PERM) => super::kernel::faccessat(directory, path, 1).is_ok(),
        other => other.is_ok(),
    }
}

/// execveat(2), which comes back only when it failed.
///
/// # Safety
///
/// `arguments` and `environment` are null or null-ended arrays of strings.
#[must_use]
pub unsafe fn execveat(
    directory: c_int,
    path: &CStr,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    flags: c_int,
) -> Errno {
    // SAFETY: `path` is a string, and for the rest the caller's promise.
    let answered = answer(unsafe {
        raw::syscall5(
            linux::__NR_execveat as usize,
            directory.cast_unsigned() as usize,
            path.as_ptr() as usize,
            arguments as usize,
            environment as usize,
            flags.cast_unsigned() as usize,
        )
    });
    answered.err().unwrap_or(Errno::NOEXEC)
}
