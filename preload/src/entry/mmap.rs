//! mmap(2) of a virtual descriptor: each mapping gets secret memory of its own with the value in
//! it. A private mapping is shared with the children of a later `fork`, because secret memory knows
//! no private ones.

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::descriptor::{self, Virtual};
use crate::sys::errno::{self, Errno};
use crate::sys::{kernel, next};

const PROT_WRITE: c_int = 2;
const MAP_SHARED: c_int = 1;
const MAP_PRIVATE: c_int = 2;
const MAP_TYPE: c_int = 15;
const MAP_ANONYMOUS: c_int = 0x20;

type Map = unsafe extern "C" fn(*mut c_void, usize, c_int, c_int, c_int, isize) -> *mut c_void;

/// What mmap(2) answers when it fails.
const MAP_FAILED: *mut c_void = usize::MAX as *mut c_void;

/// # Safety
///
/// As mmap(2); `next` is the next function.
unsafe fn map(
    found: &Virtual,
    (address, len, protection, flags, offset): (*mut c_void, usize, c_int, c_int, isize),
    next: Map,
) -> Result<*mut c_void, Errno> {
    let found = found.readable().map_err(|error| match error {
        Errno::ISDIR => Errno::NODEV,
        other => other,
    })?;
    if flags & MAP_TYPE != MAP_PRIVATE && protection & PROT_WRITE != 0 {
        return Err(Errno::ACCESS);
    }
    let copy = descriptor::again(&found, found.tag, true)?;
    let flags = (flags & !MAP_TYPE) | MAP_SHARED;
    // SAFETY: the caller's promise; the descriptor is open during the call.
    let mapped = unsafe { next(address, len, protection, flags, copy.number(), offset) };
    Ok(mapped)
}

/// mmap(2) itself, for the time before the next function can be found: a sanitizer's start calls us
/// while the loaded objects are being listed.
unsafe extern "C" fn map_by_kernel(
    address: *mut c_void,
    len: usize,
    protection: c_int,
    flags: c_int,
    fd: c_int,
    offset: isize,
) -> *mut c_void {
    // SAFETY: the caller's promise.
    let mapped = unsafe { kernel::mmap_as(address, len, protection, flags, fd, offset) };
    mapped.unwrap_or_else(|error| {
        errno::set(error);
        MAP_FAILED
    })
}

fn find(cache: &AtomicUsize, name: *const u8) -> Map {
    let address = match cache.load(Ordering::Relaxed) {
        0 => next::resolve(cache, name, map_by_kernel as *const () as usize),
        known => known,
    };
    // SAFETY: the C library's function of one of the two names, which are of this type (mmap(2)),
    // or ours.
    unsafe { core::mem::transmute::<usize, Map>(address) }
}

macro_rules! mmap_function {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        ///
        /// # Safety
        ///
        /// What mmap(2) demands of its caller.
        #[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
        pub unsafe extern "C" fn $name(
            address: *mut c_void,
            len: usize,
            protection: c_int,
            flags: c_int,
            fd: c_int,
            offset: isize,
        ) -> *mut c_void {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let next = find(&NEXT, concat!(stringify!($name), "\0").as_ptr());
            let found = if flags & MAP_ANONYMOUS == 0 {
                descriptor::of(fd)
            } else {
                None
            };
            let Some(found) = found else {
                // SAFETY: the arguments as they came.
                return unsafe { next(address, len, protection, flags, fd, offset) };
            };
            let wanted = (address, len, protection, flags, offset);
            // SAFETY: the caller's promise.
            let mapped = unsafe { map(&found, wanted, next) };
            mapped.unwrap_or_else(|error| {
                errno::set(error);
                MAP_FAILED
            })
        }
    };
}

mmap_function! {
    /// mmap(2).
    mmap
}

mmap_function! {
    /// mmap(2) for large files.
    mmap64
}
