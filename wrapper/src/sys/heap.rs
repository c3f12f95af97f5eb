//! Keeps the heap in memory while secrets pass through it, and gives it back afterwards.
#![expect(
    unsafe_code,
    reason = "`mallopt`, `malloc`, `free`, `mlock2`, `munlock`, `malloc_trim`"
)]

use std::ffi::c_void;
use std::io;

/// A reserve of heap that is locked into memory until it is given back.
#[derive(Debug)]
pub struct LockedHeap {
    start: *mut c_void,
    bytes: usize,
}

/// Reserves `bytes` of heap in one piece and locks it, so that values on their way from a source
/// into the region cannot be swapped out.
///
/// The lock counts against `RLIMIT_MEMLOCK` in full at once (`MLOCK_ONFAULT` saves the pages, not
/// the accounting), so the caller leaves room for the region. A heap that grows beyond the reserve
/// is not locked there.
///
/// # Errors
///
/// `ENOMEM` or `EPERM` when `RLIMIT_MEMLOCK` is too small, `ENOMEM` when there is no memory.
///
/// # References
///
/// `mlock2(2)`, `mallopt(3)`.
pub fn lock(bytes: usize) -> io::Result<LockedHeap> {
    // Large blocks would otherwise get mappings of their own, outside the reserve.
    // 32 MiB is the largest value that glibc accepts on 64-bit machines (mallopt(3)).
    set_option(libc::M_MMAP_THRESHOLD, 32 << 20);
    set_option(libc::M_TRIM_THRESHOLD, i32::MAX);
    // SAFETY: `malloc(3)` takes a size by value; the result is checked and freed below.
    let start = unsafe { libc::malloc(bytes) };
    if start.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: `mlock2(2)` locks the pages of a mapped range and reads or writes none of it; the
    // range is the block just made. It stays mapped after the free below because trimming is off.
    let answer = unsafe { libc::mlock2(start, bytes, libc::MLOCK_ONFAULT) };
    let refusal = io::Error::last_os_error();
    // SAFETY: `free(3)` gets a block of `malloc(3)` that nobody else holds.
    unsafe { libc::free(start) };
    if answer == 0 {
        Ok(LockedHeap { start, bytes })
    } else {
        Err(refusal)
    }
}

impl LockedHeap {
    /// Unlocks the reserve, so that [`give_back`] can return its pages.
    pub fn unlock(self) {
        // SAFETY: `munlock(2)` takes a range of addresses and reads or writes none of it. Pages of
        // the range that are no longer mapped make it fail, and then there is nothing to unlock.
        unsafe { libc::munlock(self.start, self.bytes) };
    }
}

/// Gives free heap back to the kernel. To be called when no secret is left on the heap.
pub fn give_back() {
    set_option(libc::M_TRIM_THRESHOLD, 128 << 10); // glibc's default, mallopt(3)
    // SAFETY: `malloc_trim(3)` takes a number by value and moves no live block.
    unsafe { libc::malloc_trim(0) };
}

fn set_option(option: libc::c_int, value: libc::c_int) {
    // SAFETY: `mallopt(3)` takes two numbers by value; the process has one thread at this time.
    // A refused option leaves the default, which costs locking, not correctness.
    unsafe { libc::mallopt(option, value) };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kilobytes of locked memory of this process.
    fn locked_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("proc");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmLck:"))
            .expect("VmLck");
        line.trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number")
    }

    #[test]
    fn the_reserve_is_locked_until_it_is_given_back() {
        let before = locked_kib();
        let Ok(heap) = lock(1 << 20) else {
            panic!("RLIMIT_MEMLOCK below 1 MiB: raise it for the tests (`ulimit -l`)");
        };
        assert!(locked_kib() >= before + 1020, "{before} {}", locked_kib());
        heap.unlock();
        give_back();
        assert!(locked_kib() < before + 1020);
    }
}
