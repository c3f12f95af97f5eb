//! `fcntl(2)` for signals about a descriptor.
#![expect(unsafe_code, reason = "rustix has no F_SETOWN")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// Has the kernel send SIGIO to this process whenever `fd` becomes readable. The signal must be
/// blocked: its default action ends the process.
///
/// # Errors
///
/// What `fcntl(2)` answers; with these arguments the kernel has no reason to refuse.
#[doc(alias = "F_SETOWN")]
#[doc(alias = "O_ASYNC")]
pub fn signal_when_readable(fd: BorrowedFd<'_>) -> io::Result<()> {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    // SAFETY: `fcntl(2)` with F_SETOWN takes two numbers by value; `fd` is open.
    if unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETOWN, own) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let is_async = OFlags::from_bits_retain(libc::O_ASYNC.unsigned_abs());
    fcntl_setfl(fd, fcntl_getfl(fd)? | is_async)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn the_descriptor_has_owner_and_flag() {
        let (reader, _writer) = rustix::pipe::pipe().expect("pipe");
        signal_when_readable(reader.as_fd()).expect("fcntl");
        let flags = fcntl_getfl(&reader).expect("fcntl");
        assert!(flags.bits() & libc::O_ASYNC.unsigned_abs() != 0);
        // SAFETY: `fcntl(2)` with F_GETOWN takes numbers by value.
        let owner = unsafe { libc::fcntl(reader.as_raw_fd(), libc::F_GETOWN) };
        assert_eq!(owner, rustix::process::getpid().as_raw_nonzero().get());
        // Before the writer, whose end would be signalled: nobody has blocked SIGIO here.
        drop(reader);
    }
}
