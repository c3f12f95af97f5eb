//! Shells: system(3), popen(3), pclose(3). The C library's own start them past us, with `environ`
//! as it is; these do the same by our `posix_spawn`. Without a region the C library's are called.

use core::ffi::{c_char, c_int, c_void};

use super::exec::SHELL;
use super::spawn::posix_spawn;
use crate::launch::{quiet, streams};
use crate::state::{init, region};
use crate::sys::errno::{self, Errno};
use crate::sys::signal::{self, SignalSet};
use crate::sys::{environ, kernel, process, string};

/// Memory for the C library's `posix_spawnattr_t` (336 bytes) or `posix_spawn_file_actions_t` (80).
type Opaque = [u64; 64];

/// `POSIX_SPAWN_SETSIGMASK` and `POSIX_SPAWN_SETSIGDEF` (spawn.h).
const FLAGS: i16 = 0x08 | 0x04;

/// Starts the shell with `command`; answers its process.
///
/// # Safety
///
/// `command` is a string; `actions` and `attributes` are null or what posix_spawn(3) takes.
unsafe fn start(
    command: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
) -> Result<c_int, Errno> {
    let words = [
        c"sh".as_ptr(),
        c"-c".as_ptr(),
        c"--".as_ptr(),
        command,
        core::ptr::null(),
    ];
    let mut child = 0;
    let (child_at, shell) = (&raw mut child, SHELL.as_ptr());
    let environment = environ::array().cast();
    // SAFETY: strings, null-ended arrays, and the caller's promise.
    let error = unsafe {
        posix_spawn(
            child_at,
            shell,
            actions,
            attributes,
            words.as_ptr(),
            environment,
        )
    };
    if error == 0 {
        Ok(child)
    } else {
        Err(Errno(error))
    }
}

/// Waits for the end of `child`, and answers its status.
fn finish(child: c_int) -> Result<c_int, Errno> {
    loop {
        match process::wait(child) {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}

/// system(3) with a command.
///
/// # Safety
///
/// `command` is a string.
unsafe fn run(command: *const c_char) -> c_int {
    quiet::begin(signal::ignore_terminal);
    let mask = signal::block(SignalSet::of(&[signal::CHILD]));
    let mut memory: Opaque = [0; 64];
    let attributes = (&raw mut memory).cast::<c_void>();
    let defaults = signal::terminal_defaults();
    let (defaults_at, mask_at) = (&raw const defaults, &raw const mask);
    next!(fn posix_spawnattr_init(attributes: *mut c_void) -> c_int);
    next!(fn posix_spawnattr_setsigmask(
        attributes: *mut c_void, mask_at: *const SignalSet
    ) -> c_int);
    next!(fn posix_spawnattr_setsigdefault(
        attributes: *mut c_void, defaults_at: *const SignalSet
    ) -> c_int);
    let flags = FLAGS;
    next!(fn posix_spawnattr_setflags(attributes: *mut c_void, flags: i16) -> c_int);
    // SAFETY: the caller's string, and attributes that were made above.
    let started = unsafe { start(command, core::ptr::null(), attributes) };
    next!(fn posix_spawnattr_destroy(attributes: *mut c_void) -> c_int);
    let answer = match started {
        Ok(child) => finish(child),
        Err(error) => {
            errno::set(error);
            // As if the shell had ended with 127.
            Ok(127 << 8)
        }
    };
    quiet::end(signal::restore_terminal);
    signal::set_mask(mask);
    answer.unwrap_or_else(|error| {
        errno::set(error);
        -1
    })
}

/// What a mode of popen(3) says: whether we read, and whether our end ends on exec.
fn mode(text: &[u8]) -> Result<(bool, bool), Errno> {
    let mut found = (None, false);
    for byte in text {
        match (byte, found.0) {
            (b'r', None) => found.0 = Some(true),
            (b'w', None) => found.0 = Some(false),
            (b'e', _) => found.1 = true,
            _ => return Err(Errno::INVAL),
        }
    }
    Ok((found.0.ok_or(Errno::INVAL)?, found.1))
}

/// popen(3).
///
/// # Safety
///
/// `command` is a string.
unsafe fn open(command: *const c_char, mode_text: &[u8]) -> Result<*mut c_void, Errno> {
    let (reads, ends_on_exec) = mode(mode_text)?;
    let place = streams::reserve().ok_or(Errno::MFILE)?;
    let (read, write) = kernel::pipe()?;
    let (own, mut other, target) = if reads {
        (read, write, 1)
    } else {
        (write, read, 0)
    };
    if other.number() == target {
        // A descriptor that is moved to its own number keeps ending on exec in old C libraries.
        other = kernel::dupfd_cloexec(other.number(), 3)?;
    }
    let mut memory: Opaque = [0; 64];
    let actions = (&raw mut memory).cast::<c_void>();
    let from = other.number();
    let init = next!(fn posix_spawn_file_actions_init(actions: *mut c_void) -> c_int);
    let mut failed = init;
    if failed == 0 {
        failed = next!(fn posix_spawn_file_actions_adddup2(
            actions: *mut c_void, from: c_int, target: c_int
        ) -> c_int);
    }
    for fd in streams::descriptors().filter(|fd| *fd != target) {
        if failed == 0 {
            failed = next!(fn posix_spawn_file_actions_addclose(
                actions: *mut c_void, fd: c_int
            ) -> c_int);
        }
    }
    let started = match failed {
        // SAFETY: the caller's string, and actions that were made above.
        0 => unsafe { start(command, actions, core::ptr::null()) },
        error => Err(Errno(error)),
    };
    if init == 0 {
        next!(fn posix_spawn_file_actions_destroy(actions: *mut c_void) -> c_int);
    }
    let child = started?;
    let own = own.into_number();
    let how = if reads { c"r" } else { c"w" }.as_ptr();
    let stream = next!(fn fdopen(own: c_int, how: *const c_char) -> *mut c_void);
    if stream.is_null() {
        let error = errno::get();
        drop(kernel::Fd::from_number(own));
        let _ended = finish(child);
        return Err(error);
    }
    if !ends_on_exec {
        kernel::set_close_on_exec(own, false)?;
    }
    place.fill(stream as usize, child, own);
    Ok(stream)
}

/// # Safety
///
/// What popen(3) demands.
unsafe fn decide(
    command: *const c_char,
    mode: *const c_char,
) -> crate::macros::Outcome<*mut c_void> {
    init::ensure();
    region::region()?;
    // SAFETY: popen(3) demands strings.
    let mode = unsafe { string::bytes(mode) }?;
    if command.is_null() {
        return None;
    }
    // SAFETY: popen(3) demands strings.
    Some(unsafe { open(command, mode) })
}

interpose! {
    /// system(3).
    fn system(command: *const c_char) -> c_int {
        init::ensure();
        region::region()?;
        if command.is_null() {
            return None;
        }
        // SAFETY: system(3) demands a string.
        Some(Ok(unsafe { run(command) }))
    }

    /// popen(3).
    fn popen(command: *const c_char, mode: *const c_char) -> *mut c_void {
        // SAFETY: popen(3) demands the same.
        unsafe { decide(command, mode) }
    }

    /// pclose(3).
    fn pclose(stream: *mut c_void) -> c_int {
        let child = streams::take(stream as usize)?;
        next!(fn fclose(stream: *mut c_void) -> c_int);
        Some(finish(child))
    }
}

same! {
    /// `popen` under another name of glibc.
    #[cfg_attr(not(feature = "shared-object"), expect(non_snake_case, reason = "glibc's name"))]
    fn _IO_popen = popen(command: *const c_char, mode: *const c_char) -> *mut c_void;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_says_one_direction() {
        assert_eq!(mode(b"r"), Ok((true, false)));
        assert_eq!(mode(b"we"), Ok((false, true)));
        assert_eq!(mode(b"er"), Ok((true, true)));
        for text in ["", "e", "rw", "rr", "r+", "rb"] {
            assert_eq!(mode(text.as_bytes()), Err(Errno::INVAL), "{text}");
        }
    }
}
