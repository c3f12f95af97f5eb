//! Streams (`FILE`) of the C library: made with fopencookie(3), which glibc and musl both have.
#![expect(unsafe_code, reason = "the C library's streams")]

use core::ffi::{c_char, c_int, c_void};
use core::sync::atomic::{AtomicU8, Ordering};

/// A `FILE`: known by its address only.
pub type Stream = c_void;

type Read = unsafe extern "C" fn(*mut c_void, *mut c_char, usize) -> isize;
type Write = unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> isize;
type Seek = unsafe extern "C" fn(*mut c_void, *mut i64, c_int) -> c_int;
type Close = unsafe extern "C" fn(*mut c_void) -> c_int;

/// `cookie_io_functions_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Functions {
    /// Fills a buffer, and answers how many bytes; 0 at the end, -1 with `errno`.
    pub read: Option<Read>,
    /// Absent: not for writing.
    pub write: Option<Write>,
    /// Moves the offset, and puts the new one to where the old one stood.
    pub seek: Option<Seek>,
    /// After the last use.
    pub close: Option<Close>,
}

unsafe extern "C" {
    /// The variable of stdin(3). Where the program has a copy of it, this is that one.
    static mut stdin: *mut Stream;
}

/// A stream for reading whose callbacks get `cookie`; null with `errno` when there is no memory.
#[must_use]
pub fn make(cookie: usize, functions: Functions) -> *mut Stream {
    let cookie = cookie as *mut c_void;
    let mode = c"r".as_ptr();
    next!(fn fopencookie(
        cookie: *mut c_void,
        mode: *const c_char,
        functions: Functions,
    ) -> *mut Stream)
}

/// Whether the C library is glibc, whose standard streams are variables that may be set.
#[must_use]
pub fn is_glibc() -> bool {
    const NO: u8 = 1;
    const YES: u8 = 2;
    static KNOWN: AtomicU8 = AtomicU8::new(0);
    let known = match KNOWN.load(Ordering::Relaxed) {
        0 => {
            let found = super::next::find(b"gnu_get_libc_version");
            let known = if found.is_some() { YES } else { NO };
            KNOWN.store(known, Ordering::Relaxed);
            known
        }
        known => known,
    };
    known == YES
}

/// Sets the variable `stdin`: in glibc only, and before `main`.
///
/// # Safety
///
/// `stream` is a stream that is open for reading, and no other thread runs yet.
pub unsafe fn set_stdin(stream: *mut Stream) {
    // SAFETY: glibc's manual allows to assign it ("Standard Streams"), and for the rest the
    // caller's promise.
    unsafe { stdin = stream };
}
