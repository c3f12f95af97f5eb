//! Keeps the heap in memory while secrets pass through it, and gives it back afterwards.
#![expect(
    unsafe_code,
    reason = "`mallopt`, `malloc`, `free`, `mlock2` and `malloc_trim`"
)]

use std::io;

/// What [`reserve_and_lock`] could do.
#[derive(Debug)]
pub enum HeapLock {
    /// This many bytes of heap are locked as they are touched; until then they cost nothing.
    Locked {
        /// The locked range's size in bytes.
        bytes: usize,
    },
    /// The kernel refused: `ENOMEM` or `EPERM` when `RLIMIT_MEMLOCK` is too small.
    Refused(io::Error),
}

/// Reserves `bytes` of heap in one piece and locks it, so that values on their way from a source
/// into the region cannot be swapped out.
///
/// The lock counts against `RLIMIT_MEMLOCK` in full at once (`MLOCK_ONFAULT` saves the pages, not
/// the accounting), so the caller subtracts what the region needs first. A heap that grows beyond
/// the range is not locked there.
///
/// # References
///
/// `mlock2(2)`, `mallopt(3)`.
#[must_use]
pub fn reserve_and_lock(bytes: usize) -> HeapLock {
    // Large blocks would otherwise get mappings of their own, outside the locked range.
    // 32 MiB is the largest value that glibc accepts on 64-bit machines (mallopt(3)).
    set_option(libc::M_MMAP_THRESHOLD, 32 << 20);
    set_option(libc::M_TRIM_THRESHOLD, i32::MAX);
    // SAFETY: `malloc(3)` takes a size by value; the result is checked and freed below.
    let block = unsafe { libc::malloc(bytes) };
    if block.is_null() {
        return HeapLock::Refused(io::Error::last_os_error());
    }
    // SAFETY: `mlock2(2)` locks the pages of a mapped range and reads or writes none of it; the
    // range is the block just made. It stays mapped after the free below because trimming is off.
    let answer = unsafe { libc::mlock2(block, bytes, libc::MLOCK_ONFAULT as libc::c_uint) };
    let refusal = (answer != 0).then(io::Error::last_os_error);
    // SAFETY: `free(3)` gets a block of `malloc(3)` that nobody else holds.
    unsafe { libc::free(block) };
    refusal.map_or(HeapLock::Locked { bytes }, HeapLock::Refused)
}

/// Unlocks everything that is locked outside the region and gives free heap back to the kernel.
///
/// To be called when no secret is left on the heap. The region's own lock is not affected when
/// `region_is_locked_by_us` is false, as for `memfd_secret`, which is never swapped out anyway.
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
