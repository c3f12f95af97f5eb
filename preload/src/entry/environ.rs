//! getenv(3), secure_getenv(3), for constructors of other libraries that run before ours: without
//! them they would see slots. Everything else finds the array as it should be.

use core::ffi::c_char;

use crate::state::init;

interpose! {
    /// getenv(3).
    fn getenv(name: *const c_char) -> *mut c_char {
        init::ensure();
        None
    }

    /// secure_getenv(3).
    fn secure_getenv(name: *const c_char) -> *mut c_char {
        init::ensure();
        None
    }
}
