//! `memfd_secret(2)`: memory that the kernel itself takes out of its direct map.
#![expect(
    unsafe_code,
    reason = "neither rustix nor glibc has the system call, and its answer is checked as a raw number"
)]

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::{fstatfs, ftruncate};
use rustix::io::{FdFlags, fcntl_getfd};

/// Magic number of the file system that `memfd_secret` files live in (kernel:
/// `include/uapi/linux/magic.h`, `SECRETMEM_MAGIC`).
const SECRETMEM_MAGIC: u64 = 0x5345_434d;

/// Why there is no secret memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemfdSecretError {
    /// The kernel refused.
    #[error("{call} failed")]
    Syscall {
        /// The kernel's name of the call.
        call: &'static str,
        /// What it answered.
        #[source]
        source: io::Error,
    },
    /// The call answered a descriptor that is not secret memory: a filter in between pretends.
    #[error("memfd_secret answered a descriptor of something else")]
    Faked,
}

/// Makes a secret memory file of `len` bytes, closed on exec.
///
/// The answer is not trusted: a seccomp filter can make any call appear to succeed, so the file
/// system of the descriptor is looked at too. A supervisor that fakes `fstatfs` as well is not
/// noticed here. Nor does this notice arm64 kernels before the fix of CVE-2024-50182, where the
/// call succeeds and may protect nothing.
///
/// # Errors
///
/// [`MemfdSecretError`]: `ENOSYS` (before Linux 5.14, or before 6.5 without `secretmem.enable=1`,
/// or a filter), `EPERM` and `EACCES` (a filter), `EMFILE`, `ENFILE`, `ENOMEM`.
///
/// # Minimum kernel version
///
/// 5.14; enabled by default since 6.5.
#[doc(alias = "SYS_memfd_secret")]
pub fn memfd_secret(len: u64) -> Result<OwnedFd, MemfdSecretError> {
    // SAFETY: `memfd_secret` takes a flag word by value and no pointer; unknown flags give EINVAL,
    // which is read below.
    let answer = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let raw = match libc::c_int::try_from(answer) {
        Ok(raw) if raw >= 0 => raw,
        _ => return Err(syscall("memfd_secret", io::Error::last_os_error())),
    };
    check(raw)?;
    // SAFETY: `from_raw_fd` wants an open descriptor that nothing else owns: `check` has found it
    // to be a new secret memory file, which only the call above can have opened.
    let file = unsafe { OwnedFd::from_raw_fd(raw) };
    ftruncate(&file, len).map_err(|errno| syscall("ftruncate", errno.into()))?;
    Ok(file)
}

/// Refuses a descriptor that is not secret memory, and leaves it open: it is then not ours.
fn check(raw: libc::c_int) -> Result<(), MemfdSecretError> {
    // SAFETY: `borrow_raw` wants a descriptor that stays open meanwhile. A filter's invention may
    // be closed; then the two calls below answer EBADF and harm nothing.
    let fd = unsafe { BorrowedFd::borrow_raw(raw) };
    let Ok(file_system) = fstatfs(fd) else {
        return Err(MemfdSecretError::Faked);
    };
    let magic = u64::try_from(file_system.f_type);
    let closes_on_exec = fcntl_getfd(fd).is_ok_and(|flags| flags.contains(FdFlags::CLOEXEC));
    if magic == Ok(SECRETMEM_MAGIC) && closes_on_exec {
        Ok(())
    } else {
        Err(MemfdSecretError::Faked)
    }
}

fn syscall(call: &'static str, source: io::Error) -> MemfdSecretError {
    MemfdSecretError::Syscall { call, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_descriptor_of_something_else_is_noticed_and_stays_open() {
        let file = File::open("/dev/null").expect("open /dev/null");
        let error = check(file.as_raw_fd()).expect_err("no secret memory");
        assert!(matches!(error, MemfdSecretError::Faked));
        file.metadata().expect("still open");
    }
}
