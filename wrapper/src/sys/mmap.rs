//! `mmap(2)` and its relatives, for one kind of memory: a shared mapping between two guard pages.
#![expect(
    unsafe_code,
    reason = "addresses and lengths of mappings are the caller's duty in every call of this family"
)]

use std::ffi::c_void;
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{
    Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap, mmap_anonymous, mprotect, munmap,
};
use rustix::param::page_size;

/// Shared memory between two pages that fault, wiped (unless [`GuardedMapping::keep_content`] was
/// called) and unmapped when dropped.
///
/// The guards stop what runs over the end of a neighbouring buffer, in either direction. The
/// memory reads as zeros at first.
pub struct GuardedMapping {
    /// Start of the lower guard page.
    base: *mut c_void,
    /// Bytes between the guards, whole pages.
    len: usize,
    page: usize,
    is_writable: bool,
    is_kept: bool,
}

// SAFETY: the struct owns its mapping, which belongs to the process and not to a thread; the
// memory is reached through atomics only.
unsafe impl Send for GuardedMapping {}
// SAFETY: `&self` gives out atomics and addresses; everything that changes the mapping itself
// takes `&mut self`.
unsafe impl Sync for GuardedMapping {}

impl GuardedMapping {
    /// Maps `file` (or anonymous shared memory) of at least `len` bytes, rounded up to pages.
    ///
    /// # Errors
    ///
    /// What `mmap` answers: `EAGAIN` when secret memory exceeds `RLIMIT_MEMLOCK`, `ENOMEM`.
    pub fn new(len: usize, file: Option<BorrowedFd<'_>>) -> io::Result<Self> {
        let page = page_size();
        let len = len.max(1).checked_next_multiple_of(page);
        let total = len.and_then(|len| len.checked_add(page.checked_mul(2)?));
        let (Some(len), Some(total)) = (len, total) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        let reserve = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: `mmap` without MAP_FIXED takes an unused range, so no other object changes.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), total, ProtFlags::empty(), reserve) }?;
        let start = base.wrapping_byte_add(page);
        if let Err(error) = place(start, len, file) {
            // What lies between the guards now differs by kernel (the reservation, or a hole that
            // another thread may have filled), so the guards alone are given back.
            unmap(base, page);
            unmap(start.wrapping_byte_add(len), page);
            return Err(error);
        }
        Ok(Self {
            base,
            len,
            page,
            is_writable: true,
            is_kept: false,
        })
    }

    /// Leaves the memory as it is when the mapping is dropped: others have it too.
    pub fn keep_content(&mut self) {
        self.is_kept = true;
    }

    fn start(&self) -> *mut c_void {
        self.base.wrapping_byte_add(self.page)
    }

    /// Address of the first byte.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        self.start().cast::<u8>()
    }

    /// Bytes between the guards.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a mapping has one page at least"
    )]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The memory as atomic words. A store while the mapping is read-only ends the process with
    /// SIGSEGV.
    #[must_use]
    pub fn words(&self) -> &[AtomicU64] {
        // SAFETY: `from_raw_parts` wants memory that is readable and aligned for as long as the
        // borrow lives, and changed through atomics only: the mapping is page-aligned, readable
        // until `drop`, and nothing in this process has another reference to it.
        unsafe { slice::from_raw_parts(self.start().cast::<AtomicU64>(), self.len / 8) }
    }

    /// Makes the memory writable, or read-only.
    ///
    /// # Errors
    ///
    /// What `mprotect` answers.
    pub fn set_writable(&mut self, is_writable: bool) -> io::Result<()> {
        let mut prot = MprotectFlags::READ;
        prot.set(MprotectFlags::WRITE, is_writable);
        // SAFETY: `mprotect` wants a range that is ours: `start` and `len` are the mapping's own;
        // it stays readable, so the borrows of `words` stay valid.
        unsafe { mprotect(self.start(), self.len, prot) }?;
        self.is_writable = is_writable;
        Ok(())
    }

    /// Keeps the memory out of core dumps (`MADV_DONTDUMP`).
    ///
    /// # Errors
    ///
    /// What `madvise` answers.
    pub fn exclude_from_dumps(&self) -> io::Result<()> {
        self.advise(Advice::LinuxDontDump)
    }

    /// Children forked from now on do not have the mapping (`MADV_DONTFORK`).
    ///
    /// # Errors
    ///
    /// What `madvise` answers.
    pub fn exclude_from_children(&self) -> io::Result<()> {
        self.advise(Advice::LinuxDontFork)
    }

    /// Takes only advice that leaves this process's view of the memory as it is.
    fn advise(&self, advice: Advice) -> io::Result<()> {
        // SAFETY: `madvise` wants a range that is ours; both kinds of advice above concern dumps
        // and children, not the contents.
        unsafe { madvise(self.start(), self.len, advice) }?;
        Ok(())
    }
}

impl Drop for GuardedMapping {
    fn drop(&mut self) {
        // Where even mprotect fails there is nothing to be done but to unmap: secret memory is
        // zeroed by the kernel when its last user goes.
        if !self.is_kept && (self.is_writable || self.set_writable(true).is_ok()) {
            for word in self.words() {
                // A load first: pages that nobody has written are zero, and reading the idle
                // area is cheaper than dirtying it.
                if word.load(Ordering::Relaxed) != 0 {
                    word.store(0, Ordering::Relaxed);
                }
            }
        }
        let total = self.len.saturating_add(self.page.saturating_mul(2));
        unmap(self.base, total);
    }
}

/// Puts the memory itself between the guards, at `start`, where `len` bytes are reserved.
fn place(start: *mut c_void, len: usize, file: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let prot = ProtFlags::READ | ProtFlags::WRITE;
    let flags = MapFlags::SHARED | MapFlags::FIXED;
    if let Some(file) = file {
        // SAFETY: MAP_FIXED replaces what is there: `start` and `len` lie within the range that
        // `GuardedMapping::new` has just reserved and given to nobody.
        unsafe { mmap(start, len, prot, flags, file, 0) }?;
    } else {
        // SAFETY: MAP_FIXED as above: the range is reserved and `GuardedMapping::new` owns it.
        unsafe { mmap_anonymous(start, len, prot, flags) }?;
    }
    Ok(())
}

/// Unmaps a range that `GuardedMapping::new` reserved.
fn unmap(start: *mut c_void, len: usize) {
    // SAFETY: `munmap` wants a range that nobody uses any more: the callers are the failed
    // constructor, for its guard pages, and `drop`, after which no borrow is left.
    let unmapped = unsafe { munmap(start, len) };
    debug_assert!(unmapped.is_ok(), "munmap of our own range: {unmapped:?}");
}

impl fmt::Debug for GuardedMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedMapping")
            .field("len", &self.len)
            .field("is_writable", &self.is_writable)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::{Read, Seek};
    use std::os::fd::AsFd;

    use rustix::fs::{MemfdFlags, memfd_create};

    #[test]
    fn what_was_written_is_wiped_when_the_mapping_goes() {
        let file = memfd_create("wiped", MemfdFlags::CLOEXEC).expect("memfd_create");
        let mut file = File::from(file);
        file.set_len(8192).expect("ftruncate");
        let mut mapping = GuardedMapping::new(8192, Some(file.as_fd())).expect("mmap");
        mapping.words()[600].store(u64::MAX, Ordering::Relaxed);
        mapping.set_writable(false).expect("mprotect");
        let mut read = || {
            let mut bytes = Vec::new();
            file.rewind().expect("lseek");
            file.read_to_end(&mut bytes).expect("read");
            bytes
        };
        assert_eq!(read().iter().filter(|byte| **byte != 0).count(), 8);
        drop(mapping);
        assert!(read() == [0; 8192], "left behind");
    }

    #[test]
    fn a_mapping_that_the_kernel_refuses_is_an_error() {
        let file = File::open("/proc/self/status").expect("open");
        GuardedMapping::new(1, Some(file.as_fd())).expect_err("proc files cannot be mapped");
        GuardedMapping::new(usize::MAX, None).expect_err("too large");
    }
}
