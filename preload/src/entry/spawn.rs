//! Starting a program in a process of its own: posix_spawn(3). The C library executes it past us,
//! so it is given the new environment, and descriptors that do not end on exec, for the call.

use core::ffi::{CStr, c_char, c_int, c_void};

use super::exec::{Strings, find};
use crate::launch::{self, target::Target};
use crate::sys::environ::Array;
use crate::sys::page::Page;
use crate::sys::string;

/// Calls `start` with the environment for the program `name`, which `PATH` is searched for if the
/// function does that.
///
/// # Safety
///
/// What posix_spawnp(3) demands.
unsafe fn spawn(
    searches: bool,
    name: *const c_char,
    environment: Strings,
    start: &dyn Fn(Strings) -> c_int,
) -> c_int {
    crate::state::init::ensure();
    let mut path = Page::new().ok();
    // SAFETY: posix_spawnp(3) demands a string.
    let text = unsafe { string::cstr(name) };
    let is_path = |text: &CStr| !searches || text.to_bytes().contains(&b'/');
    let target = match text {
        Some(text) if is_path(text) => Some(Target::at(text)),
        text => text
            .zip(path.as_mut())
            .and_then(|(text, path)| find(text, path.as_mut_slice())),
    };
    // SAFETY: posix_spawnp(3) demands the same.
    let environment = unsafe { Array::new(environment) };
    launch::spawn(target, environment, start)
}

macro_rules! spawn {
    ($($(#[$meta:meta])* fn $name:ident, $searches:literal;)*) => {
        interpose! {
            $(
                $(#[$meta])*
                fn $name(
                    process: *mut c_int,
                    path: *const c_char,
                    actions: *const c_void,
                    attributes: *const c_void,
                    arguments: Strings,
                    environment: Strings,
                ) -> c_int {
                    let start = |array: Strings| {
                        next!(fn $name(
                            process: *mut c_int,
                            path: *const c_char,
                            actions: *const c_void,
                            attributes: *const c_void,
                            arguments: Strings,
                            array: Strings,
                        ) -> c_int)
                    };
                    // SAFETY: posix_spawn(3) demands the same.
                    Some(Ok(unsafe { spawn($searches, path, environment, &start) }))
                }
            )*
        }
    };
}

spawn! {
    /// posix_spawn(3).
    fn posix_spawn, false;

    /// posix_spawnp(3).
    fn posix_spawnp, true;

    /// pidfd_spawn(3).
    fn pidfd_spawn, false;

    /// pidfd_spawnp(3).
    fn pidfd_spawnp, true;
}
