//! Sharing: what is about to get a second number or to go to another process gets a token of its
//! own, so that the kernel keeps its offset for all of them.

use crate::sys::errno::Errno;
use crate::sys::kernel;

use super::tag::Tag;
use super::{of, offset, token};
use crate::state::{marks, process};

/// Gives `fd` a token of its own if it has none; other descriptors stay as they are.
///
/// # Errors
///
/// `EMFILE`, `ENOMEM`.
pub fn share(fd: i32) -> Result<(), Errno> {
    let Some(found) = of(fd) else {
        return Ok(());
    };
    let Some(offset) = found.position.offset() else {
        return Ok(());
    };
    let tag = Tag {
        offset,
        is_path_only: found.is_path_only(),
        ..found.tag
    };
    let token = token::duplicate(fd, found.len, tag)?;
    kernel::dup3(token.number(), fd, kernel::is_close_on_exec(fd)?)?;
    // In a child that runs in its parent's memory the numbers are the child's own, and the parent
    // goes on with its own offset.
    if process::owns_memory() {
        offset::forget(fd);
    }
    Ok(())
}

/// Shares every descriptor, as well as it goes: before `fork` and `exec`.
///
/// One that cannot be shared keeps its offset in each process; no byte of a secret is lost by that.
pub fn share_all() {
    let end = marks::end();
    for fd in 0..end {
        let Ok(fd) = i32::try_from(fd) else {
            return;
        };
        if marks::has(fd) && offset::of(fd).offset().is_some() {
            let _kept = share(fd);
        }
    }
}

/// The highest number of a virtual descriptor, for a program that inherits it.
#[must_use]
pub fn highest() -> Option<u32> {
    (0..marks::end())
        .rev()
        .find(|fd| i32::try_from(*fd).is_ok_and(|fd| of(fd).is_some()))
}

/// Marks the virtual descriptors up to `last` that this process inherited.
pub fn find_inherited(last: u32) {
    for fd in 0..=last.min(4096) {
        let Ok(fd) = i32::try_from(fd) else {
            return;
        };
        if token::inspect(fd).is_some() {
            marks::set(fd);
        }
    }
}

/// The program closes `fd`, or puts another file there. Before the kernel does it: then no other
/// thread can have got the number anew.
pub fn forget(fd: i32) {
    // A child that runs in its parent's memory closes its own descriptors, not the parent's.
    if process::owns_memory() {
        offset::forget(fd);
        marks::clear(fd);
    }
}
