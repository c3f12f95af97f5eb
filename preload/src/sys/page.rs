//! A page of memory for the time of a call, mapped and not on the stack: a thread may have as
//! little as 16 KiB of that, and a signal handler less.
//!
//! A few pages are kept for the next call. Where a call does not come back (a signal handler jumps
//! away, a child in its parent's memory executes a program) its page stays mapped.
#![expect(unsafe_code, reason = "memory is mapped for the time of a call")]

use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::errno::Errno;
use super::kernel;

/// Bytes of a page; as many as a path has at most, with its NUL (`PATH_MAX`, linux/limits.h).
pub const SIZE: usize = 4096;

/// Pages that nobody uses, by address; 0 for none. Chosen: a path that is looked at takes five at
/// most.
static FREE: [AtomicUsize; 8] = [const { AtomicUsize::new(0) }; 8];

/// Any bytes at first. Who puts a secret there wipes it.
#[derive(Debug)]
pub struct Page(*mut [u8; SIZE]);

impl Page {
    /// A new page.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    #[inline(never)]
    pub fn new() -> Result<Self, Errno> {
        let free = FREE.iter().map(|place| place.swap(0, Ordering::Acquire));
        match free.into_iter().find(|base| *base != 0) {
            Some(base) => Ok(Self(base as *mut [u8; SIZE])),
            None => kernel::mmap_anonymous(SIZE).map(|base| Self(base.cast())),
        }
    }
}

impl Deref for Page {
    type Target = [u8; SIZE];

    fn deref(&self) -> &Self::Target {
        // SAFETY: mapped in `new`, and nobody else has them before `drop`.
        unsafe { &*self.0 }
    }
}

impl DerefMut for Page {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: mapped in `new`, kept until `drop`, and `&mut self` is the only way to them.
        unsafe { &mut *self.0 }
    }
}

impl Drop for Page {
    #[inline(never)]
    fn drop(&mut self) {
        let keep = |place: &AtomicUsize| {
            let kept =
                place.compare_exchange(0, self.0 as usize, Ordering::Release, Ordering::Relaxed);
            kept.is_ok()
        };
        if !FREE.iter().any(keep) {
            // SAFETY: the mapping of `new`, which nobody borrows any more.
            unsafe { kernel::munmap(self.0.cast(), SIZE) };
        }
    }
}
