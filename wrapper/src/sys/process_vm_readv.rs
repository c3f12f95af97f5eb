//! `process_vm_readv(2)`: reads another process's memory, or our own, through the kernel.
//!
//! Here it is the attacker's tool: `doctor` aims it at a secret mapping, where it must fail, and
//! at ordinary memory, where it must succeed. Nothing else of the wrapper calls it.
#![expect(
    unsafe_code,
    reason = "rustix has no process_vm_readv; the call takes raw pointers"
)]

use std::io;

use rustix::process::Pid;

/// Reads the memory of `process` at `address` into `buffer`; gives the number of bytes read.
///
/// Never faults: an address that is not mapped is an error. Safe to call with any address, since
/// the kernel only copies *from* there.
///
/// # Errors
///
/// `EFAULT`: not mapped, or a `memfd_secret` mapping, whoever asks. `EPERM`: tracing refused.
/// `ENOSYS`: a kernel without the call, or gVisor and the like.
pub fn process_vm_readv(process: Pid, address: usize, buffer: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let remote = libc::iovec {
        iov_base: std::ptr::without_provenance_mut(address),
        iov_len: buffer.len(),
    };
    // SAFETY: the kernel writes at most `iov_len` bytes to the local vector, which is `buffer`,
    // borrowed mutably here for the whole call; both counts are 1, the number of vectors behind
    // each pointer. The remote vector is only read, with every address checked by the kernel.
    let read =
        unsafe { libc::process_vm_readv(process.as_raw_nonzero().get(), &local, 1, &remote, 1, 0) };
    usize::try_from(read).map_err(|_negative| io::Error::last_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getpid;

    #[test]
    fn ordinary_memory_is_read() {
        let source = *b"ordinary memory";
        let mut copy = [0; 15];
        let read = process_vm_readv(getpid(), source.as_ptr().addr(), &mut copy).unwrap();
        assert_eq!((read, copy), (15, source));
    }

    #[test]
    fn an_unmapped_address_is_an_error() {
        let error = process_vm_readv(getpid(), 8, &mut [0; 8]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EFAULT));
    }
}
