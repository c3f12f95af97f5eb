//! Executing another program in this process: execve(2), execveat(2), exec(3). The C library's own
//! functions of that family call each other past us, so each is here. What the program gets is
//! decided in `launch`; the variadic ones are in [`super::exec_list`].

use core::ffi::{CStr, c_char, c_int};

use crate::sys::errno::{self, Errno};

use super::open::{CURRENT, locate};
use linux_raw_sys::general::{S_IFMT, S_IFREG};

use crate::launch::environment::Size;
use crate::launch::search::{Candidates, goes_on};
use crate::launch::target::{DescriptorName, Target};
use crate::launch::{self, frame};
use crate::lookup::path::PATH_MAX;
use crate::state::init;
use crate::sys::environ::{self, Array};
use crate::sys::{kernel, process, string};

/// Null-ended strings, as execve(2) takes them.
pub(super) type Strings = *const *const c_char;

/// `AT_EMPTY_PATH` (fcntl.h).
const EMPTY_PATH: c_int = 0x1000;

/// The shell of scripts without a `#!` line.
pub(super) const SHELL: &CStr = c"/bin/sh";

/// execve(2).
///
/// # Safety
///
/// What execve(2) demands.
unsafe fn execute(path: *const c_char, arguments: Strings, environment: Array) -> c_int {
    // SAFETY: execve(2) demands a string.
    if unsafe { locate(CURRENT, path) }.is_some() {
        // A secret may be read and not executed.
        errno::set(Errno::ACCESS);
        return -1;
    }
    // SAFETY: execve(2) demands a string.
    let target = unsafe { string::cstr(path) }.map(Target::at);
    let next = |array: Strings| {
        let (path, arguments, array) = (path, arguments, array);
        next!(fn execve(path: *const c_char, arguments: Strings, array: Strings) -> c_int)
    };
    launch::exec(target, environment, &next)
}

/// Executes `path`, or the shell with it when the kernel knows no such format.
///
/// # Safety
///
/// What execvp(3) demands.
unsafe fn execute_or_shell(path: &CStr, arguments: Strings, environment: Array) -> c_int {
    // SAFETY: the caller's promise.
    let answer = unsafe { execute(path.as_ptr(), arguments, environment) };
    if errno::get() != Errno::NOEXEC {
        return answer;
    }
    // SAFETY: execvp(3) demands null-ended strings.
    let count = (0..).take_while(|index| unsafe { environ::element(arguments, *index) }.is_some());
    let count = count.count();
    let size = Size {
        pointers: count.saturating_add(3),
        text: 0,
    };
    let answer = frame::with(size, &|(pointers, _)| {
        let first = [SHELL.as_ptr(), path.as_ptr()].into_iter();
        // SAFETY: below the number of elements.
        let rest = (1..count).map(|index| unsafe { arguments.wrapping_add(index).read() });
        let all = first.chain(rest).chain([core::ptr::null()]);
        for (to, from) in pointers.iter_mut().zip(all) {
            to.write(from);
        }
        // SAFETY: strings of the caller's and of ours, ended by the null pointer.
        unsafe { execute(SHELL.as_ptr(), pointers.as_ptr().cast(), environment) }
    });
    answer.unwrap_or_else(|error| {
        errno::set(error);
        -1
    })
}

/// execvpe(3).
///
/// # Safety
///
/// What execvpe(3) demands.
pub(super) unsafe fn search_and_execute(
    name: *const c_char,
    arguments: Strings,
    environment: Array,
) -> c_int {
    init::ensure();
    // SAFETY: execvp(3) demands a string.
    let Some(file) = (unsafe { string::cstr(name) }) else {
        errno::set(Errno::FAULT);
        return -1;
    };
    if file.to_bytes().contains(&b'/') {
        // SAFETY: the caller's promise.
        return unsafe { execute_or_shell(file, arguments, environment) };
    }
    // SAFETY: the caller's promise.
    let error = unsafe { search_path(file, arguments, environment) };
    errno::set(error);
    -1
}

/// Tries what `PATH` leads to, and answers why none was executed.
///
/// # Safety
///
/// What execvpe(3) demands.
unsafe fn search_path(file: &CStr, arguments: Strings, environment: Array) -> Errno {
    let candidates = match Candidates::new(file.to_bytes(), init::variable("PATH")) {
        Ok(candidates) => candidates,
        Err(error) => return error,
    };
    let path = Size {
        pointers: 0,
        text: PATH_MAX,
    };
    let answer = frame::with(path, &|(_, path)| {
        let mut candidates = candidates.clone();
        let mut found = Errno::NOENT;
        while let Some(path) = candidates.next(path) {
            // SAFETY: the caller's promise.
            unsafe { execute_or_shell(path, arguments, environment) };
            let error = errno::get();
            if !goes_on(error) {
                return error.0;
            }
            // That one was there and may not be executed says more than that others are missing.
            if found != Errno::ACCESS {
                found = error;
            }
        }
        found.0
    });
    answer.map_or_else(|error| error, Errno)
}

/// The program that `name` means, for looking at it.
pub(super) fn find<'b>(name: &CStr, out: &'b mut [u8]) -> Option<Target<'b>> {
    let mut candidates = Candidates::new(name.to_bytes(), init::variable("PATH")).ok()?;
    loop {
        let path = candidates.next(out)?;
        // A directory may be executed too, and is not what the C library starts.
        let is_file = |stat: kernel::Stat| stat.st_mode & S_IFMT == S_IFREG;
        if kernel::fstatat(CURRENT, path).is_ok_and(is_file) && process::may_execute(CURRENT, path)
        {
            break;
        }
    }
    CStr::from_bytes_until_nul(out).ok().map(Target::at)
}

interpose! {
    /// execve(2).
    fn execve(path: *const c_char, arguments: Strings, environment: Strings) -> c_int {
        // SAFETY: execve(2) demands the same.
        let environment = unsafe { Array::new(environment) };
        // SAFETY: execve(2) demands the same.
        Some(Ok(unsafe { execute(path, arguments, environment) }))
    }

    /// execv(3).
    fn execv(path: *const c_char, arguments: Strings) -> c_int {
        // SAFETY: execv(3) demands the same.
        Some(Ok(unsafe { execute(path, arguments, Array::own()) }))
    }

    /// execvp(3).
    fn execvp(name: *const c_char, arguments: Strings) -> c_int {
        // SAFETY: execvp(3) demands the same.
        Some(Ok(unsafe { search_and_execute(name, arguments, Array::own()) }))
    }

    /// execvpe(3).
    fn execvpe(name: *const c_char, arguments: Strings, environment: Strings) -> c_int {
        // SAFETY: execvpe(3) demands the same.
        let environment = unsafe { Array::new(environment) };
        // SAFETY: execvpe(3) demands the same.
        Some(Ok(unsafe { search_and_execute(name, arguments, environment) }))
    }

    /// fexecve(3).
    fn fexecve(fd: c_int, arguments: Strings, environment: Strings) -> c_int {
        let mut name = DescriptorName::default();
        let target = Target::of_descriptor(fd, &mut name);
        let next = |array: Strings| {
            let (fd, arguments, array) = (fd, arguments, array);
            next!(fn fexecve(fd: c_int, arguments: Strings, array: Strings) -> c_int)
        };
        // SAFETY: fexecve(3) demands the same.
        let environment = unsafe { Array::new(environment) };
        Some(Ok(launch::exec(target, environment, &next)))
    }

    /// execveat(2), which not every C library has.
    fn execveat(
        directory: c_int,
        path: *const c_char,
        arguments: Strings,
        environment: Strings,
        flags: c_int,
    ) -> c_int {
        // SAFETY: execveat(2) demands a string.
        if unsafe { locate(directory, path) }.is_some() {
            return Some(Err(Errno::ACCESS));
        }
        // SAFETY: execveat(2) demands a string.
        let text = unsafe { string::cstr(path) }?;
        let mut name = DescriptorName::default();
        let target = if text.is_empty() && flags & EMPTY_PATH != 0 {
            Target::of_descriptor(directory, &mut name)
        } else {
            Some(Target { directory, path: text })
        };
        let next = |array: Strings| {
            // SAFETY: execveat(2) demands the same.
            let error = unsafe { process::execveat(directory, text, arguments, array, flags) };
            errno::set(error);
            -1
        };
        // SAFETY: execveat(2) demands the same.
        let environment = unsafe { Array::new(environment) };
        Some(Ok(launch::exec(target, environment, &next)))
    }
}
