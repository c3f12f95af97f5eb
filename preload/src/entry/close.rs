//! Closing: close(2), close_range(2), closefrom(3). Our own descriptors are not the program's to
//! close.

use core::ffi::{c_int, c_uint};

use crate::sys::errno::Errno;

use crate::descriptor;
use crate::state::{hidden, init, marks};

/// `CLOSE_RANGE_CLOEXEC` (linux/close_range.h).
const CLOSE_RANGE_CLOEXEC: c_int = 4;

/// Closes `first..=last` around our own numbers, with `close`, which answers as close_range(2).
fn close_around(first: c_uint, last: c_uint, close: impl Fn(c_uint, c_uint) -> c_int) -> c_int {
    let mut from = first;
    while let Some(own) = hidden::next_within(from, last) {
        if own > from {
            let answer = close(from, own.wrapping_sub(1));
            if answer != 0 {
                return answer;
            }
        }
        match own.checked_add(1) {
            Some(next) => from = next,
            None => return 0,
        }
    }
    if from > last { 0 } else { close(from, last) }
}

/// The virtual descriptors from `first` to `last` are closed.
fn forget(first: c_uint, last: c_uint) {
    let end = marks::end();
    if end == 0 {
        return;
    }
    for fd in first..=last.min(end) {
        if let Ok(fd) = c_int::try_from(fd)
            && marks::has(fd)
        {
            descriptor::forget(fd);
        }
    }
}

interpose! {
    /// close(2).
    fn close(fd: c_int) -> c_int {
        init::ensure();
        if hidden::has(fd) {
            return Some(Err(Errno::BADF));
        }
        if marks::has(fd) {
            descriptor::forget(fd);
        }
        None
    }

    /// close_range(2).
    fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
        init::ensure();
        if first > last {
            return None;
        }
        if flags & CLOSE_RANGE_CLOEXEC == 0 {
            forget(first, last);
        }
        let answer = close_around(first, last, |first, last| {
            next!(fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int)
        });
        Some(if answer == 0 { Ok(0) } else { Err(crate::sys::errno::get()) })
    }
}

same! {
    /// `close` under another name of glibc.
    fn __close = close(fd: c_int) -> c_int;
}

/// closefrom(3).
///
/// # Safety
///
/// What closefrom(3) demands of its caller.
#[cfg_attr(feature = "shared-object", unsafe(no_mangle))]
pub unsafe extern "C" fn closefrom(first: c_int) {
    let first = c_uint::try_from(first).unwrap_or(0);
    // SAFETY: close_range(2) demands nothing of its caller's memory.
    let answer = unsafe { close_range(first, c_uint::MAX, 0) };
    if answer != 0 {
        // A kernel before 5.9, or a filter: one by one, as far as descriptors can reach.
        for fd in first..=65_536 {
            if let Ok(fd) = c_int::try_from(fd) {
                // SAFETY: close(2) takes a number by value; whether it is open the kernel says.
                unsafe { close(fd) };
            }
        }
    }
}
