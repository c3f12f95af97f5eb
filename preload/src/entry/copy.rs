//! Copying between descriptors inside the kernel, which cannot read a token: sendfile(2),
//! splice(2), copy_file_range(2). We read a piece, and write it.

use core::ffi::{c_int, c_uint};

use crate::sys::errno::Errno;

use crate::descriptor::{self, Virtual};
use crate::macros::Outcome;
use crate::sys::page::Page;
use crate::sys::{kernel, wipe};

/// Reads up to `count` bytes and writes them to `to`; they pass through a page, which is wiped.
pub(super) fn transfer(
    found: &Virtual,
    start: Option<u64>,
    count: usize,
    write: impl Fn(&[u8], u64) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    let found = found.readable()?;
    let mut piece = Page::new()?;
    let mut done = 0_usize;
    let from = start.unwrap_or_else(|| found.offset());
    let result = loop {
        let want = count.saturating_sub(done).min(piece.len());
        let at = from.saturating_add(u64::try_from(done).unwrap_or(u64::MAX));
        let read = match piece.get_mut(..want) {
            Some(out) => found.read_at(at, out),
            None => Ok(0),
        };
        let read = match read {
            Ok(0) => break Ok(done),
            Ok(read) => read,
            Err(error) => break Err(error),
        };
        let position = u64::try_from(done).unwrap_or(u64::MAX);
        match write(piece.get(..read).unwrap_or_default(), position) {
            Ok(written) => {
                done = done.saturating_add(written);
                if written < read {
                    break Ok(done);
                }
            }
            Err(error) => break Err(error),
        }
    };
    wipe(piece.as_mut_slice());
    let done = match result {
        // What was written before the fault counts.
        Err(_fault) if done > 0 => done,
        other => other?,
    };
    if start.is_none() {
        found.advance(from, done)?;
    }
    Ok(done)
}

/// The offset that the caller keeps, if it does, and its place.
///
/// # Safety
///
/// `place` is null or the caller's to be read and written.
unsafe fn offset_at(place: *mut i64) -> Result<Option<u64>, Errno> {
    if place.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let offset = unsafe { place.read() };
    u64::try_from(offset)
        .map(Some)
        .map_err(|_negative| Errno::INVAL)
}

/// # Safety
///
/// `in_place` and `out_place` are null or the caller's.
unsafe fn decide(
    from: c_int,
    in_place: *mut i64,
    to: c_int,
    out_place: *mut i64,
    count: usize,
) -> Outcome<isize> {
    if descriptor::of(to).is_some() {
        return Some(Err(Errno::BADF));
    }
    let found = descriptor::of(from)?;
    let run = || {
        // SAFETY: the caller's promise.
        let start = unsafe { offset_at(in_place) }?;
        // SAFETY: the caller's promise.
        let target = unsafe { offset_at(out_place) }?;
        let done = transfer(&found, start, count, |bytes, position| match target {
            None => kernel::write(to, bytes),
            Some(target) => kernel::pwrite(to, bytes, target.saturating_add(position)),
        })?;
        let moved = i64::try_from(done).unwrap_or(0);
        for place in [in_place, out_place] {
            if !place.is_null() {
                // SAFETY: not null, and the caller's to be read.
                let before = unsafe { place.read() };
                // SAFETY: not null, and the caller's to be written.
                unsafe { place.write(before.saturating_add(moved)) };
            }
        }
        Ok(isize::try_from(done).unwrap_or(isize::MAX))
    };
    Some(run())
}

interpose! {
    /// sendfile(2).
    fn sendfile(to: c_int, from: c_int, offset: *mut i64, count: usize) -> isize {
        // SAFETY: sendfile(2) demands the same.
        unsafe { decide(from, offset, to, core::ptr::null_mut(), count) }
    }

    /// copy_file_range(2).
    fn copy_file_range(
        from: c_int,
        in_place: *mut i64,
        to: c_int,
        out_place: *mut i64,
        count: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: copy_file_range(2) demands the same.
        unsafe { decide(from, in_place, to, out_place, count) }
    }

    /// splice(2).
    fn splice(
        from: c_int,
        in_place: *mut i64,
        to: c_int,
        out_place: *mut i64,
        count: usize,
        flags: c_uint,
    ) -> isize {
        // SAFETY: splice(2) demands the same.
        unsafe { decide(from, in_place, to, out_place, count) }
    }
}

same! {
    /// sendfile(2) for large files.
    fn sendfile64 = sendfile(to: c_int, from: c_int, offset: *mut i64, count: usize) -> isize;
}
