//! getenv(3), secure_getenv(3), for constructors of other libraries that run before ours: without
//! them they would see slots. Everything else finds the array as it should be. And wordexp(3),
//! whose shell the C libraries start past us.

use core::ffi::{c_char, c_int, c_void};

use crate::state::{init, variables};
use crate::sys::stream::is_glibc;

/// Refuse commands (wordexp.h, the same in both C libraries); glibc then answers `WRDE_CMDSUB`.
const WRDE_NOCMD: c_int = 4;
/// There is no such function (wordexp.h).
const WRDE_NOSYS: c_int = -1;

interpose! {
    /// getenv(3).
    fn getenv(name: *const c_char) -> *mut c_char {
        init::ensure();
        None
    }

    /// wordexp(3). A shell that it starts would have the secret variables in its kernel
    /// environment. So commands are refused while there are any; in musl, which starts one for
    /// every text, all of it. Fails closed: an error, where the words would be right but the
    /// secrets shown.
    fn wordexp(text: *const c_char, words: *mut c_void, flags: c_int) -> c_int {
        init::ensure();
        if !variables::any() {
            return None;
        }
        if !is_glibc() {
            return Some(Ok(WRDE_NOSYS));
        }
        let flags = flags | WRDE_NOCMD;
        Some(Ok(next!(
            fn wordexp(text: *const c_char, words: *mut c_void, flags: c_int) -> c_int
        )))
    }

    /// secure_getenv(3).
    fn secure_getenv(name: *const c_char) -> *mut c_char {
        init::ensure();
        None
    }
}
