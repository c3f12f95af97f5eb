//! Streams: fopen(3), fdopen(3), fileno(3). The C library opens and reads by calls of its own,
//! which do not come here; so a stream of ours has a virtual descriptor and callbacks that read
//! from it. What a stream becomes anew (freopen(3)) and the standard input are in `stdio/`.

use core::ffi::{c_char, c_int, c_void};

use crate::sys::errno::{self, Errno};

use super::open;
use super::open::{CURRENT, O_ACCMODE, O_CLOEXEC, O_CREAT, O_EXCL, O_TRUNC};
use crate::descriptor;
use crate::lookup::Look;
use crate::macros::Outcome;
use crate::state::streams;
use crate::sys::kernel::{self, Fd};
use crate::sys::stream::{self, Functions, Stream};
use crate::sys::string;

mod freopen;
mod standard_input;
mod wide;

pub use freopen::{freopen, freopen64};
pub(crate) use standard_input::serve_standard_input;
pub use wide::{
    __fgetws_chk, fgetwc, fgetwc_unlocked, fgetws, fgetws_unlocked, fwide, getwc, getwc_unlocked,
    ungetwc,
};

const FUNCTIONS: Functions = Functions {
    read: Some(read),
    write: None,
    seek: Some(move_to),
    close: Some(close),
};

/// The descriptor of the stream with this cookie.
fn descriptor_of(cookie: *mut c_void) -> c_int {
    streams::fd(cookie as usize).unwrap_or(-1)
}

/// # Safety
///
/// For the C library: `buffer` has room for `count` bytes.
unsafe extern "C" fn read(cookie: *mut c_void, buffer: *mut c_char, count: usize) -> isize {
    // Another file may stand under the number by now, and then it goes on to the kernel.
    // SAFETY: the caller's promise.
    unsafe { super::read::read(descriptor_of(cookie), buffer.cast(), count) }
}

/// # Safety
///
/// For the C library: `offset` is its own, to be read and written.
unsafe extern "C" fn move_to(cookie: *mut c_void, offset: *mut i64, whence: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let wanted = unsafe { offset.read() };
    // SAFETY: lseek(2) takes numbers.
    let reached = unsafe { super::seek::lseek(descriptor_of(cookie), wanted, whence) };
    if reached < 0 {
        return -1;
    }
    // SAFETY: the caller's promise.
    unsafe { offset.write(reached) };
    0
}

/// # Safety
///
/// For the C library, once.
unsafe extern "C" fn close(cookie: *mut c_void) -> c_int {
    forget(cookie as usize);
    0
}

/// The stream at `index` is gone, and so is its descriptor.
fn forget(index: usize) {
    if let Some(fd) = streams::release(index) {
        close_descriptor(fd);
    }
}

fn close_descriptor(fd: c_int) {
    if fd < 0 {
        return;
    }
    descriptor::forget(fd);
    drop(Fd::from_number(fd));
}

/// A stream that reads from `fd`.
fn wrap(fd: c_int) -> Result<*mut Stream, Errno> {
    let index = streams::reserve(fd).ok_or(Errno::MFILE)?;
    let stream = stream::make(index, FUNCTIONS);
    if stream.is_null() {
        let error = errno::get();
        streams::release(index);
        return Err(error);
    }
    streams::enter(index, stream as usize);
    Ok(stream)
}

/// What the mode of fopen(3) asks for.
#[derive(Clone, Copy)]
struct Mode {
    /// As open(2) takes them.
    flags: c_int,
    /// `,ccs=`: another character set, which glibc knows for files of its own only.
    has_charset: bool,
}

impl Mode {
    /// `None` for what the C library refuses itself.
    ///
    /// # Safety
    ///
    /// `mode` is null or a string.
    unsafe fn parse(mode: *const c_char) -> Option<Self> {
        // SAFETY: the caller's promise.
        let (first, rest) = unsafe { string::bytes(mode) }?.split_first()?;
        let mut flags = match first {
            b'r' => 0,
            b'w' => O_CREAT | O_TRUNC | 1,
            b'a' => O_CREAT | 1,
            _ => return None,
        };
        let mut has_charset = false;
        for byte in rest {
            match byte {
                b'+' => flags = (flags & !O_ACCMODE) | 2,
                b'x' => flags |= O_EXCL,
                b'e' => flags |= O_CLOEXEC,
                b',' => {
                    has_charset = true;
                    break;
                }
                // `b`, `m`, `c`, `t`: no difference.
                _ => {}
            }
        }
        Some(Self { flags, has_charset })
    }
}

/// Opens `path` when it is ours.
///
/// # Safety
///
/// `path` and `mode` are null or strings.
unsafe fn open_virtual(path: *const c_char, mode: *const c_char, look: Look) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let mode = unsafe { Mode::parse(mode) }?;
    // SAFETY: the caller's promise.
    let opened = match unsafe { open::decide(CURRENT, path, mode.flags, look) }? {
        Ok(fd) => fd,
        Err(error) => return Some(Err(error)),
    };
    if descriptor::of(opened).is_none() {
        // A directory that exists: the kernel's.
        close_descriptor(opened);
        return None;
    }
    if mode.has_charset {
        close_descriptor(opened);
        return Some(Err(Errno::INVAL));
    }
    Some(Ok(opened))
}

/// # Safety
///
/// `path` and `mode` are null or strings.
#[inline(never)]
unsafe fn decide_open(
    path: *const c_char,
    mode: *const c_char,
    look: Look,
) -> Outcome<*mut Stream> {
    // SAFETY: the caller's promise.
    let opened = unsafe { open_virtual(path, mode, look) }?;
    Some(opened.and_then(|fd| wrap(fd).inspect_err(|_error| close_descriptor(fd))))
}

/// # Safety
///
/// `mode` is null or a string.
#[inline(never)]
unsafe fn decide_descriptor(fd: c_int, mode: *const c_char) -> Outcome<*mut Stream> {
    descriptor::of(fd)?;
    // SAFETY: the caller's promise.
    let mode = unsafe { Mode::parse(mode) };
    let readable = mode.filter(|mode| mode.flags & O_ACCMODE == 0 && !mode.has_charset);
    let Some(mode) = readable else {
        return Some(Err(Errno::INVAL));
    };
    // glibc ignores `e` here, musl does not.
    if mode.flags & O_CLOEXEC != 0 && !stream::is_glibc() {
        let _is_set = kernel::set_close_on_exec(fd, true);
    }
    Some(wrap(fd))
}

interpose_path! {
    /// fopen(3).
    fn fopen(path: *const c_char, mode: *const c_char) -> *mut Stream {
        // SAFETY: fopen(3) demands strings.
        |path, look| unsafe { decide_open(path, mode, look) }
    }
}

interpose! {
    /// fdopen(3).
    fn fdopen(fd: c_int, mode: *const c_char) -> *mut Stream {
        // SAFETY: fdopen(3) demands a string.
        unsafe { decide_descriptor(fd, mode) }
    }

    /// fileno(3).
    fn fileno(stream: *mut Stream) -> c_int {
        streams::fd(streams::find(stream as usize)?).map(Ok)
    }
}

same! {
    /// fopen(3) for large files.
    fn fopen64 = fopen(path: *const c_char, mode: *const c_char) -> *mut Stream;
    /// `fopen` under another name of glibc.
    #[cfg_attr(not(feature = "shared-object"), expect(non_snake_case, reason = "glibc's name"))]
    fn _IO_fopen = fopen(path: *const c_char, mode: *const c_char) -> *mut Stream;
    /// `fdopen` under another name of glibc.
    #[cfg_attr(not(feature = "shared-object"), expect(non_snake_case, reason = "glibc's name"))]
    fn _IO_fdopen = fdopen(fd: c_int, mode: *const c_char) -> *mut Stream;
    /// fileno(3) without the stream's lock, which we do not take anyway.
    fn fileno_unlocked = fileno(stream: *mut Stream) -> c_int;
}
