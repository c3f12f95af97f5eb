//! Open directory streams (`DIR`) that show children of ours: a pool in static memory. The program
//! gets the address of a place, by which it is known again.
#![expect(unsafe_code, reason = "places of a pool, known by their addresses")]

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Streams at the same time. Chosen: a walk through a tree has one for each level.
const PLACES: usize = 64;

/// `struct dirent` of glibc and of musl on this architecture.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Dirent {
    /// Inode number.
    pub inode: u64,
    /// Where the next entry is.
    pub offset: i64,
    /// Bytes of this structure.
    pub length: u16,
    /// `DT_DIR` or `DT_REG`.
    pub kind: u8,
    /// The name, with its NUL.
    pub name: [u8; 256],
}

/// A directory stream. All zero is a valid one.
#[derive(Debug)]
pub struct Directory {
    /// Its descriptor.
    pub fd: i32,
    /// The C library's stream, where the directory exists too; else null.
    pub real: *mut c_void,
    /// Index of an entry below the directory.
    pub index: usize,
    /// Bytes of the directory's path, which is the start of that entry's.
    pub len: usize,
    /// All that `real` has was read.
    pub is_real_read: bool,
    /// The next place of the list of our own: 0 and 1 are `.` and `..`.
    pub place: usize,
    /// What was answered last.
    pub dirent: Dirent,
}

struct Place {
    is_taken: AtomicBool,
    directory: UnsafeCell<Directory>,
}

// SAFETY: a place is used by whoever has its address, and the C library's rule is that two threads
// do not use one stream at the same time (readdir(3)).
unsafe impl Sync for Place {}

static POOL: [Place; PLACES] = [const {
    Place {
        is_taken: AtomicBool::new(false),
        directory: UnsafeCell::new(Directory {
            fd: 0,
            real: core::ptr::null_mut(),
            index: 0,
            len: 0,
            is_real_read: false,
            place: 0,
            dirent: Dirent {
                inode: 0,
                offset: 0,
                length: 0,
                kind: 0,
                name: [0; 256],
            },
        }),
    }
}; PLACES];

/// Streams that are open, so that a program without any pays for nothing.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// Takes a place; `None` when all are taken.
#[must_use]
pub fn take() -> Option<*mut Directory> {
    let place = POOL.iter().find(|place| {
        let taken = &place.is_taken;
        let swapped = taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        swapped.is_ok()
    })?;
    COUNT.fetch_add(1, Ordering::Relaxed);
    Some(place.directory.get())
}

/// The stream at `address`, if that is one of ours.
///
/// # Safety
///
/// Nobody else uses the stream at the same time, and it is not used after [`release`].
#[must_use]
#[inline]
pub unsafe fn at<'a>(address: *mut c_void) -> Option<&'a mut Directory> {
    let place = place(address)?;
    // SAFETY: an element of the pool; the caller's promise.
    Some(unsafe { &mut *place.directory.get() })
}

/// Whether any stream of ours is open.
#[inline(always)]
#[must_use]
pub fn any() -> bool {
    COUNT.load(Ordering::Relaxed) != 0
}

/// Gives the place back.
pub fn release(address: *mut c_void) {
    if let Some(place) = place(address) {
        place.is_taken.store(false, Ordering::Release);
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

fn place(address: *mut c_void) -> Option<&'static Place> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let mut taken = POOL.iter();
    taken.find(|place| core::ptr::eq(place.directory.get().cast(), address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_its_address_until_it_is_closed() {
        let all: std::vec::Vec<_> = (0..PLACES).map(|_| take().unwrap()).collect();
        assert!(take().is_none(), "full");
        for stream in &all {
            // SAFETY: no other reference is alive.
            assert!(unsafe { at(stream.cast()) }.is_some());
        }
        let mut other = 0_u8;
        // SAFETY: the address is compared only, being none of the pool's.
        assert!(unsafe { at((&raw mut other).cast()) }.is_none());
        for stream in all {
            release(stream.cast());
        }
    }
}
