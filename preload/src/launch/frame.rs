//! Memory for the next program's environment: on the stack where it is small, mapped where not.
//!
//! A mapping ends with the call, unless the call is an `exec` that succeeds in a child that runs in
//! its parent's memory: then it stays in the parent. It is known by the child's number and by the
//! thread, which runs again when the child is gone, and unmaps it at its next `vfork` or `exec`.
#![expect(unsafe_code, reason = "memory is mapped for the time of a call")]

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use core::slice;
use core::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::environment::Size;
use crate::sys::errno::{self, Errno};
use crate::sys::kernel;

/// Where the pointers and the new strings go.
pub type Memory<'m> = (&'m mut [MaybeUninit<*const c_char>], &'m mut [u8]);

/// Runs `run` with memory of `size`.
///
/// # Errors
///
/// `ENOMEM`.
pub fn with(size: Size, run: &dyn Fn(Memory<'_>) -> c_int) -> Result<c_int, Errno> {
    // Chosen: most environments have less than 60 strings; 12 KiB is what the smallest stacks of
    // threads have left.
    if size.pointers <= 64 && size.text <= 1024 {
        Ok(on_stack::<64, 1024>(run))
    } else if size.pointers <= 256 && size.text <= 2048 {
        Ok(on_stack::<256, 2048>(run))
    } else if size.pointers <= 1024 && size.text <= 4096 {
        Ok(on_stack::<1024, 4096>(run))
    } else {
        mapped(size, run)
    }
}

#[inline(never)]
fn on_stack<const POINTERS: usize, const TEXT: usize>(run: &dyn Fn(Memory<'_>) -> c_int) -> c_int {
    let mut pointers = [const { MaybeUninit::uninit() }; POINTERS];
    let mut text = [0; TEXT];
    run((&mut pointers, &mut text))
}

/// A mapping that is in use.
struct Place {
    base: AtomicUsize,
    len: AtomicUsize,
    process: AtomicI32,
    /// The thread, by the address of its `errno`; 0 for none.
    thread: AtomicUsize,
}

/// Mappings at the same time. Chosen: threads that start programs with large environments at once.
static PLACES: [Place; 16] = [const {
    Place {
        base: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
        process: AtomicI32::new(0),
        thread: AtomicUsize::new(0),
    }
}; 16];

/// Whether any mapping was ever made.
static ANY: AtomicUsize = AtomicUsize::new(0);

#[inline(never)]
fn mapped(size: Size, run: &dyn Fn(Memory<'_>) -> c_int) -> Result<c_int, Errno> {
    release_left();
    let pointer_bytes = size.pointers.checked_mul(size_of::<*const c_char>());
    let pointer_bytes = pointer_bytes.ok_or(Errno::NOMEM)?;
    let len = pointer_bytes.checked_add(size.text).ok_or(Errno::NOMEM)?;
    let thread = errno::thread();
    ANY.store(1, Ordering::Relaxed);
    let place = PLACES.iter().find(|place| {
        let free = place
            .thread
            .compare_exchange(0, thread, Ordering::Acquire, Ordering::Relaxed);
        free.is_ok()
    });
    let place = place.ok_or(Errno::NOMEM)?;
    let base = match kernel::mmap_anonymous(len) {
        Ok(base) => base.cast::<u8>(),
        Err(error) => {
            place.thread.store(0, Ordering::Release);
            return Err(error);
        }
    };
    place.process.store(kernel::getpid(), Ordering::Relaxed);
    place.len.store(len, Ordering::Relaxed);
    place.base.store(base as usize, Ordering::Relaxed);
    // SAFETY: mapped above, page-aligned, `pointers` words, and nobody else knows of it.
    let pointers = unsafe { slice::from_raw_parts_mut(base.cast(), size.pointers) };
    // SAFETY: the rest of the mapping.
    let text = unsafe { slice::from_raw_parts_mut(base.wrapping_add(pointer_bytes), size.text) };
    let result = run((pointers, text));
    release(place);
    Ok(result)
}

fn release(place: &Place) {
    let base = place.base.swap(0, Ordering::Relaxed);
    let len = place.len.load(Ordering::Relaxed);
    if base != 0 {
        // SAFETY: the mapping of this place; whoever used it has ended, or runs another program.
        unsafe { kernel::munmap(base as *mut _, len) };
    }
    place.thread.store(0, Ordering::Release);
}

/// Unmaps what a child of this thread left when it executed a program.
pub fn release_left() {
    if ANY.load(Ordering::Relaxed) == 0 {
        return;
    }
    let (thread, process) = (errno::thread(), kernel::getpid());
    for place in &PLACES {
        let is_of_child = place.process.load(Ordering::Relaxed) != process;
        if place.thread.load(Ordering::Relaxed) == thread && is_of_child {
            release(place);
        }
    }
}
