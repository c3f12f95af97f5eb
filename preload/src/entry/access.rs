//! What may be done with a file: access(2) and its relatives.

use core::ffi::{c_char, c_int};

use crate::sys::errno::Errno;

use super::open::{CURRENT, locate_at};
use super::stat::exists;
use crate::descriptor;
use crate::lookup::{Last, Look};
use crate::macros::Outcome;
use crate::state::names::Node;
use crate::state::{ledger, region};

const X_OK: c_int = 1;
const W_OK: c_int = 2;
const R_OK: c_int = 4;

/// # Safety
///
/// `path` is null or a string.
#[inline(never)]
unsafe fn decide(directory: c_int, path: *const c_char, mode: c_int, look: Look) -> Outcome<c_int> {
    // SAFETY: the caller's promise.
    let located = unsafe { locate_at(directory, path, Last::Followed, look) }?;
    let answer = match located.node {
        Node::Directory { .. } if exists(directory, path) => return None,
        Node::Directory { .. } if mode & W_OK != 0 => Err(Errno::ROFS),
        Node::Directory { .. } => Ok(0),
        Node::File(_) if located.wants_directory => Err(Errno::NOTDIR),
        Node::File(index) => of_file(index, mode),
    };
    Some(answer)
}

fn of_file(index: usize, mode: c_int) -> Result<c_int, Errno> {
    let region = region::region().ok_or(Errno::NOENT)?;
    let entry = region.entry(index).ok_or(Errno::IO)?;
    if !ledger::is_left(index, &entry) {
        return Err(Errno::NOENT);
    }
    if mode & W_OK != 0 {
        return Err(Errno::ROFS);
    }
    if mode & X_OK != 0 && entry.mode() & 0o111 == 0 {
        return Err(Errno::ACCESS);
    }
    if mode & R_OK != 0 {
        descriptor::permit(&entry)?;
    }
    Ok(0)
}

interpose_path! {
    /// access(2).
    fn access(path: *const c_char, mode: c_int) -> c_int {
        // SAFETY: access(2) demands a string.
        |path, look| unsafe { decide(CURRENT, path, mode, look) }
    }

    /// faccessat(2).
    fn faccessat(directory: c_int, path: *const c_char, mode: c_int, flags: c_int) -> c_int {
        // SAFETY: faccessat(2) demands a string.
        |path, look| unsafe { decide(directory, path, mode, look) }
    }

    /// euidaccess(3).
    fn euidaccess(path: *const c_char, mode: c_int) -> c_int {
        // SAFETY: euidaccess(3) demands a string.
        |path, look| unsafe { decide(CURRENT, path, mode, look) }
    }
}

same! {
    /// eaccess(3).
    fn eaccess = euidaccess(path: *const c_char, mode: c_int) -> c_int;
}
