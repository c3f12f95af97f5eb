//! Memory for the next program's environment and path: on the stack where it is small, mapped where
//! not.
//!
//! A mapping ends with the call, unless the call is an `exec` that succeeds in a child that runs in
//! its parent's memory: then it stays in the parent. Such a child has a [`Place`], in which the
//! kernel itself notes that the child has left the memory (`CLONE_CHILD_CLEARTID`, clone(2)); the
//! next start of a program, in whichever thread, unmaps it.
#![expect(unsafe_code, reason = "memory is mapped for the time of a call")]

use core::ffi::{c_char, c_int};
use core::mem::MaybeUninit;
use core::slice;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

use super::environment::Size;
use crate::state::process;
use crate::sys::errno::Errno;
use crate::sys::kernel;

/// Where the pointers and the new strings go.
pub type Memory<'m> = (&'m mut [MaybeUninit<*const c_char>], &'m mut [u8]);

/// Pointers and bytes that are taken from the stack, 1 KiB in all. Chosen: most environments have
/// less than 60 strings, and the smallest stacks of threads have some KiB left.
const SMALL: Size = Size {
    pointers: 64,
    text: 512,
};

/// Runs `run` with memory of `size`.
///
/// # Errors
///
/// `ENOMEM`.
pub fn with(size: Size, run: &dyn Fn(Memory<'_>) -> c_int) -> Result<c_int, Errno> {
    if size.pointers <= SMALL.pointers && size.text <= SMALL.text {
        Ok(on_stack(run))
    } else {
        mapped(size, run)
    }
}

#[inline(never)]
fn on_stack(run: &dyn Fn(Memory<'_>) -> c_int) -> c_int {
    let mut pointers = [const { MaybeUninit::uninit() }; SMALL.pointers];
    let mut text = [0; SMALL.text];
    run((&mut pointers, &mut text))
}

#[inline(never)]
fn mapped(size: Size, run: &dyn Fn(Memory<'_>) -> c_int) -> Result<c_int, Errno> {
    release_left();
    let pointer_bytes = size.pointers.checked_mul(size_of::<*const c_char>());
    let pointer_bytes = pointer_bytes.ok_or(Errno::NOMEM)?;
    let len = pointer_bytes.checked_add(size.text).ok_or(Errno::NOMEM)?;
    let base = kernel::mmap_anonymous(len)?.cast::<u8>();
    let place = if process::owns_memory() {
        None
    } else {
        Place::of_child()
    };
    let noted = place.and_then(|place| place.note(base as usize, len));
    // SAFETY: mapped above, page-aligned, `pointers` words, and nobody else knows of it.
    let pointers = unsafe { slice::from_raw_parts_mut(base.cast(), size.pointers) };
    // SAFETY: the rest of the mapping.
    let text = unsafe { slice::from_raw_parts_mut(base.wrapping_add(pointer_bytes), size.text) };
    let result = run((pointers, text));
    if let (Some(place), Some(noted)) = (place, noted) {
        noted.base.store(0, Ordering::Relaxed);
        place.leave();
    }
    // SAFETY: the mapping of this call, which `run` has used.
    unsafe { kernel::munmap(base.cast(), len) };
    Ok(result)
}

/// A mapping of a child.
struct Mapping {
    base: AtomicUsize,
    len: AtomicUsize,
}

/// What a child that runs in this memory has mapped.
struct Place {
    /// The child's number; 0 for none, [`TAKEN`] while the rest is not in order.
    process: AtomicI32,
    /// The kernel writes 0 when the child has another memory, or has ended.
    is_here: AtomicU32,
    /// One inside the other: the path that is tried, the shell's arguments, the environment.
    mappings: [Mapping; 3],
}

const TAKEN: c_int = -1;

/// Children at the same time. Chosen: threads of one process that start a program at the same
/// instant; what more there are lose their mapping, some KiB, each time.
static PLACES: [Place; 64] = [const {
    Place {
        process: AtomicI32::new(0),
        is_here: AtomicU32::new(0),
        mappings: [const {
            Mapping {
                base: AtomicUsize::new(0),
                len: AtomicUsize::new(0),
            }
        }; 3],
    }
}; 64];

/// Whether any place was ever taken.
static ANY: AtomicU32 = AtomicU32::new(0);

impl Place {
    /// The calling child's, or a free one for it.
    ///
    /// None for a thread of a process, whose end somebody waits for by that address; and none for
    /// the first process of a PID namespace, of which there may be several.
    fn of_child() -> Option<&'static Self> {
        let own = kernel::getpid();
        if own == 1 || own != kernel::gettid() {
            return None;
        }
        ANY.store(1, Ordering::Relaxed);
        let is_own = |place: &&Self| place.process.load(Ordering::Relaxed) == own;
        if let Some(place) = PLACES.iter().find(is_own) {
            return Some(place);
        }
        let place = PLACES.iter().find(|place| place.take(0, TAKEN))?;
        place.is_here.store(1, Ordering::Relaxed);
        place.process.store(own, Ordering::Release);
        kernel::set_tid_address(&raw const place.is_here);
        Some(place)
    }

    fn take(&self, from: c_int, to: c_int) -> bool {
        let taken = self
            .process
            .compare_exchange(from, to, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok()
    }

    fn note(&self, base: usize, len: usize) -> Option<&Mapping> {
        let is_free = |mapping: &&Mapping| mapping.base.load(Ordering::Relaxed) == 0;
        let mapping = self.mappings.iter().find(is_free)?;
        mapping.len.store(len, Ordering::Relaxed);
        mapping.base.store(base, Ordering::Relaxed);
        Some(mapping)
    }

    /// The child's `exec` has failed; with its last mapping it gives the place back.
    fn leave(&self) {
        let mut bases = self.mappings.iter().map(|mapping| &mapping.base);
        if bases.all(|base| base.load(Ordering::Relaxed) == 0) {
            kernel::set_tid_address(core::ptr::null());
            self.process.store(0, Ordering::Release);
        }
    }

    /// Unmaps what the child left.
    fn release(&self) {
        let child = self.process.load(Ordering::Acquire);
        let is_left = child > 0 && self.is_here.load(Ordering::Acquire) == 0;
        if !is_left || !self.take(child, TAKEN) {
            return;
        }
        for mapping in &self.mappings {
            let base = mapping.base.swap(0, Ordering::Relaxed);
            if base != 0 {
                let len = mapping.len.load(Ordering::Relaxed);
                // SAFETY: the mapping of a child that runs another program.
                unsafe { kernel::munmap(base as *mut _, len) };
            }
        }
        self.process.store(0, Ordering::Release);
    }
}

/// Unmaps what children left when they executed a program.
pub fn release_left() {
    if ANY.load(Ordering::Relaxed) != 0 {
        PLACES.iter().for_each(Place::release);
    }
}
