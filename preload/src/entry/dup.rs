//! Second numbers: dup(2), dup2(2), dup3(2). The kernel's file keeps the offset, for both numbers.

use core::ffi::c_int;

use crate::sys::errno::{self, Errno};

use crate::descriptor;
use crate::macros::Outcome;
use crate::state::{hidden, init, marks, overlay};

/// Before `old` gets a second number.
fn prepare(old: c_int) -> Result<bool, Errno> {
    init::ensure();
    if hidden::has(old) {
        return Err(Errno::BADF);
    }
    Ok(descriptor::of(old).is_some())
}

/// Before `old` gets the number `new`.
#[inline(never)]
fn prepare_for(old: c_int, new: c_int) -> Result<bool, Errno> {
    let is_virtual = prepare(old)?;
    hidden::yield_number(new)?;
    Ok(is_virtual)
}

/// After `new` became a second number of a virtual descriptor, or of another one.
fn follow(old: c_int, new: c_int, is_virtual: bool) -> Outcome<c_int> {
    if new < 0 {
        return Some(Err(errno::get()));
    }
    if is_virtual {
        marks::set(new);
    } else if marks::has(new) {
        descriptor::forget(new);
    }
    overlay::follow(old, new);
    Some(Ok(new))
}

interpose! {
    /// dup(2).
    fn dup(old: c_int) -> c_int {
        let is_virtual = match prepare(old) {
            Ok(is_virtual) => is_virtual,
            Err(error) => return Some(Err(error)),
        };
        follow(old, next!(fn dup(old: c_int) -> c_int), is_virtual)
    }

    /// dup2(2).
    fn dup2(old: c_int, new: c_int) -> c_int {
        let is_virtual = match prepare_for(old, new) {
            Ok(is_virtual) => is_virtual,
            Err(error) => return Some(Err(error)),
        };
        follow(old, next!(fn dup2(old: c_int, new: c_int) -> c_int), is_virtual)
    }

    /// dup3(2).
    fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
        let is_virtual = match prepare_for(old, new) {
            Ok(is_virtual) => is_virtual,
            Err(error) => return Some(Err(error)),
        };
        follow(old, next!(fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int), is_virtual)
    }
}

same! {
    /// `dup2` under another name of glibc.
    fn __dup2 = dup2(old: c_int, new: c_int) -> c_int;
}
