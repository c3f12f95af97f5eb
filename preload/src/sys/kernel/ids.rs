//! Who this process is: getpid(2), geteuid(2), set_tid_address(2) and the like.

use core::ffi::c_int;
use core::sync::atomic::AtomicU32;

use linux_raw_sys::general as linux;
use syscalls::raw;

use super::number;

/// getpid(2).
#[must_use]
pub fn getpid() -> c_int {
    // SAFETY: no address is passed.
    number(unsafe { raw::syscall0(linux::__NR_getpid as usize) }).unwrap_or(0)
}

/// gettid(2).
#[must_use]
pub fn gettid() -> c_int {
    // SAFETY: no address is passed.
    number(unsafe { raw::syscall0(linux::__NR_gettid as usize) }).unwrap_or(0)
}

/// geteuid(2).
#[must_use]
pub fn geteuid() -> u32 {
    // SAFETY: no address is passed.
    u32::try_from(unsafe { raw::syscall0(linux::__NR_geteuid as usize) }).unwrap_or(u32::MAX)
}

/// getegid(2).
#[must_use]
pub fn getegid() -> u32 {
    // SAFETY: no address is passed.
    u32::try_from(unsafe { raw::syscall0(linux::__NR_getegid as usize) }).unwrap_or(u32::MAX)
}

/// getuid(2).
#[must_use]
pub fn getuid() -> u32 {
    // SAFETY: no address is passed.
    u32::try_from(unsafe { raw::syscall0(linux::__NR_getuid as usize) }).unwrap_or(u32::MAX)
}

/// getgid(2).
#[must_use]
pub fn getgid() -> u32 {
    // SAFETY: no address is passed.
    u32::try_from(unsafe { raw::syscall0(linux::__NR_getgid as usize) }).unwrap_or(u32::MAX)
}

/// Whether `group` is the effective group or one of getgroups(2); of more than 64, none counts.
#[must_use]
pub fn is_in_group(group: u32) -> bool {
    let mut groups = [0_u32; 64];
    let (room, list) = (groups.len(), groups.as_mut_ptr() as usize);
    // SAFETY: room for that many numbers.
    let count = number(unsafe { raw::syscall2(linux::__NR_getgroups as usize, room, list) });
    let count = count.ok().and_then(|count| usize::try_from(count).ok());
    let mut groups = groups.iter().take(count.unwrap_or(0));
    group == getegid() || groups.any(|other| *other == group)
}

/// Whether `CAP_DAC_OVERRIDE` or `CAP_DAC_READ_SEARCH` is effective (capget(2), version 3).
#[must_use]
pub fn may_read_everything() -> bool {
    let mut head = [linux::_LINUX_CAPABILITY_VERSION_3, 0];
    let mut sets = [0_u32; 6];
    let (head, out) = (head.as_mut_ptr() as usize, sets.as_mut_ptr() as usize);
    // SAFETY: a head of two numbers, and room for the sets of version 3, twice three.
    let _known = unsafe { raw::syscall2(linux::__NR_capget as usize, head, out) };
    let [effective, ..] = sets;
    effective & (1 << linux::CAP_DAC_OVERRIDE | 1 << linux::CAP_DAC_READ_SEARCH) != 0
}

/// set_tid_address(2): when the calling thread has left this memory, by `exec` or at its end, the
/// kernel writes 0 to `place` for those who stay. Null for nowhere.
pub fn set_tid_address(place: *const AtomicU32) {
    // SAFETY: null, or a place that may be written at any time.
    let _thread = unsafe { raw::syscall1(linux::__NR_set_tid_address as usize, place as usize) };
}
