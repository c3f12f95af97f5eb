//! Memory: mmap(2), munmap(2), madvise(2).

use core::ffi::{c_int, c_void};

use linux_raw_sys::general::{self as linux, MADV_DONTDUMP, MAP_SHARED, PROT_READ, PROT_WRITE};
use syscalls::raw;

use super::{answer, arg, flag};
use crate::sys::errno::Errno;

/// mmap(2), shared, at an address that the kernel chooses.
///
/// # Errors
///
/// Those of the call: `EAGAIN` when locked memory is at its limit.
pub fn mmap(fd: c_int, len: usize, is_writable: bool) -> Result<*mut c_void, Errno> {
    let protection = PROT_READ | if is_writable { PROT_WRITE } else { 0 };
    map_new(len, protection, MAP_SHARED, fd)
}

/// mmap(2), anonymous and private.
///
/// # Errors
///
/// `ENOMEM`.
pub fn mmap_anonymous(len: usize) -> Result<*mut c_void, Errno> {
    let flags = linux::MAP_PRIVATE | linux::MAP_ANONYMOUS;
    map_new(len, PROT_READ | PROT_WRITE, flags, -1)
}

fn map_new(len: usize, protection: u32, flags: u32, fd: c_int) -> Result<*mut c_void, Errno> {
    let (protection, flags) = (protection.cast_signed(), flags.cast_signed());
    // SAFETY: without MAP_FIXED the kernel takes an unused range, so no object changes.
    unsafe { mmap_as(core::ptr::null_mut(), len, protection, flags, fd, 0) }
}

/// mmap(2) with all its arguments.
///
/// # Errors
///
/// Those of the call.
///
/// # Safety
///
/// With `MAP_FIXED`, nothing that is used lies in the range.
pub unsafe fn mmap_as(
    address: *mut c_void,
    len: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: isize,
) -> Result<*mut c_void, Errno> {
    // SAFETY: the caller's promise.
    let base = answer(unsafe {
        raw::syscall6(
            linux::__NR_mmap as usize,
            address as usize,
            len,
            arg(protection),
            arg(flags),
            arg(fd),
            offset.cast_unsigned(),
        )
    })?;
    Ok(base as *mut c_void)
}

/// munmap(2).
///
/// # Safety
///
/// The range is the caller's, and nothing in it is used any more.
pub unsafe fn munmap(base: *mut c_void, len: usize) {
    // SAFETY: the caller's promise.
    let _unmapped = unsafe { raw::syscall2(linux::__NR_munmap as usize, base as usize, len) };
}

/// mremap(2) with `MREMAP_FIXED`: the mapping at `from` takes the place of what is at `to`.
///
/// # Errors
///
/// Those of the call.
///
/// # Safety
///
/// Both ranges are the caller's, and nobody refers to what is lost.
pub unsafe fn mremap_fixed(from: *mut c_void, len: usize, to: usize) -> Result<usize, Errno> {
    let flags = linux::MREMAP_MAYMOVE | linux::MREMAP_FIXED;
    // SAFETY: the caller's promise.
    answer(unsafe {
        raw::syscall5(
            linux::__NR_mremap as usize,
            from as usize,
            len,
            len,
            flag(flags),
            to,
        )
    })
}

/// madvise(2) with `MADV_DONTDUMP`: the range is in no core dump. Where that fails there is nothing
/// to be done; secret memory is in none anyway.
pub fn exclude_from_dumps(base: *mut c_void, len: usize) {
    // SAFETY: the advice concerns dumps and not what is in the memory.
    let _advised = unsafe {
        raw::syscall3(
            linux::__NR_madvise as usize,
            base as usize,
            len,
            flag(MADV_DONTDUMP),
        )
    };
}
