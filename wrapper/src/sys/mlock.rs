//! `mlock2(2)`: keeps a mapping out of swap.
#![expect(unsafe_code, reason = "rustix leaves the address range to the caller")]

use std::io;

use rustix::mm::{MlockFlags, mlock_with};
use rustix::process::{Resource, getrlimit};

use super::mmap::GuardedMapping;

/// Locks every page of `mapping` into memory as soon as it is touched (`MLOCK_ONFAULT`, so that
/// the idle half of a region costs no memory). Not inherited by `fork(2)`.
///
/// # Errors
///
/// `EPERM` (the limit is 0 and `CAP_IPC_LOCK` is missing), `ENOMEM` (above the limit), `ENOSYS`.
///
/// # Minimum kernel version
///
/// 4.4.
#[doc(alias = "mlock")]
pub fn mlock_on_fault(mapping: &GuardedMapping) -> io::Result<()> {
    let start = mapping.as_ptr().cast_mut().cast();
    // SAFETY: `mlock2` wants a mapped range and changes no contents: the range is the mapping's
    // own, borrowed here.
    unsafe { mlock_with(start, mapping.len(), MlockFlags::ONFAULT) }?;
    Ok(())
}

/// The soft limit of locked memory, in bytes; `None` without limit.
#[doc(alias = "RLIMIT_MEMLOCK")]
#[must_use]
pub fn memlock_limit() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}
