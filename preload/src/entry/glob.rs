//! glob(3): glibc opens and reads directories by calls of its own, and takes other functions where
//! the program gives some (`GLOB_ALTDIRFUNC`). We give ours. musl has no such thing: there glob(3)
//! finds nothing of ours.

use core::ffi::{c_char, c_int, c_void};

use super::dir::{Dir, closedir, opendir, readdir};
use super::stat::{lstat, stat};
use crate::state::directories::Dirent;
use crate::state::{init, region};
use crate::sys::kernel::Stat;
use crate::sys::stream::is_glibc;

/// `GLOB_ALTDIRFUNC` of glibc.
const OTHER_FUNCTIONS: c_int = 1 << 9;

type OnError = Option<unsafe extern "C" fn(*const c_char, c_int) -> c_int>;

/// `glob_t` of glibc: three words of the result, the flags, and five functions.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Glob {
    result: [usize; 3],
    flags: c_int,
    functions: Functions,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Functions {
    close: unsafe extern "C" fn(*mut Dir),
    read: unsafe extern "C" fn(*mut Dir) -> *mut Dirent,
    open: unsafe extern "C" fn(*const c_char) -> *mut Dir,
    lstat: unsafe extern "C" fn(*const c_char, *mut Stat) -> c_int,
    stat: unsafe extern "C" fn(*const c_char, *mut Stat) -> c_int,
}

const FUNCTIONS: Functions = Functions {
    close,
    read: readdir,
    open: opendir,
    lstat,
    stat,
};

/// # Safety
///
/// As closedir(3).
unsafe extern "C" fn close(stream: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { closedir(stream) };
}

/// glob(3).
///
/// # Safety
///
/// What glob(3) demands of its caller.
#[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
pub unsafe extern "C" fn glob(
    pattern: *const c_char,
    flags: c_int,
    on_error: OnError,
    out: *mut Glob,
) -> c_int {
    init::ensure();
    let is_ours = flags & OTHER_FUNCTIONS == 0 && region::region().is_some() && is_glibc();
    let flags = if is_ours {
        // SAFETY: glob(3) demands a structure with these members.
        let place = unsafe { &raw mut (*out).functions };
        // SAFETY: a member of that structure; without the flag nobody reads what stood there.
        unsafe { place.write(FUNCTIONS) };
        flags | OTHER_FUNCTIONS
    } else {
        flags
    };
    let answer = next!(fn glob(
        pattern: *const c_char,
        flags: c_int,
        on_error: OnError,
        out: *mut Glob,
    ) -> c_int);
    if is_ours {
        // SAFETY: the structure is the caller's to be written, as glob(3) demands.
        let place = unsafe { &raw mut (*out).flags };
        // SAFETY: glibc has written the flags.
        let kept = unsafe { place.read() } & !OTHER_FUNCTIONS;
        // SAFETY: the structure is the caller's to be written, as glob(3) demands.
        unsafe { place.write(kept) };
    }
    answer
}

same! {
    /// glob(3) for large files.
    fn glob64 = glob(
        pattern: *const c_char,
        flags: c_int,
        on_error: OnError,
        out: *mut Glob,
    ) -> c_int;
}
