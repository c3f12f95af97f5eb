//! Memory of the program, as the calls name it.

use core::ffi::{c_int, c_void};

use crate::sys::errno::Errno;

use crate::descriptor::Virtual;

/// One piece of a scattered read or write (`struct iovec`, readv(2)).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Iovec {
    /// Where the piece starts.
    pub base: *mut c_void,
    /// Its bytes.
    pub len: usize,
}

/// Pieces of one call, at most (`IOV_MAX`, linux/uio.h).
const IOV_MAX: c_int = 1024;

/// The `count` bytes at `buffer`.
///
/// # Errors
///
/// `EFAULT`: there is no buffer, and not nothing is asked for.
///
/// # Safety
///
/// They are the caller's to be written, as read(2) demands.
pub unsafe fn bytes<'a>(buffer: *mut c_void, count: usize) -> Result<&'a mut [u8], Errno> {
    if count == 0 {
        return Ok(&mut []);
    }
    if buffer.is_null() {
        return Err(Errno::FAULT);
    }
    let count = count.min(isize::MAX.unsigned_abs());
    // SAFETY: not null, and for the rest the caller's promise.
    Ok(unsafe { core::slice::from_raw_parts_mut(buffer.cast(), count) })
}

/// Reads into `count` pieces one after the other, from `offset` on or, without one, from where the
/// last read ended.
///
/// # Safety
///
/// `pieces` has `count` elements, each of which names memory of the caller's to be written.
pub unsafe fn scatter(
    found: &Virtual,
    pieces: *const Iovec,
    count: c_int,
    offset: Option<u64>,
) -> Result<isize, Errno> {
    let count = match count {
        0..=IOV_MAX => usize::try_from(count).unwrap_or(0),
        _ => return Err(Errno::INVAL),
    };
    let pieces = if pieces.is_null() || count == 0 {
        &[]
    } else {
        // SAFETY: the caller's promise.
        unsafe { core::slice::from_raw_parts(pieces, count) }
    };
    let start = offset.unwrap_or_else(|| found.offset());
    let mut at = start;
    let mut done = 0_usize;
    for piece in pieces {
        // SAFETY: the caller's promise.
        let out = unsafe { bytes(piece.base, piece.len) }?;
        let count = found.read_at(at, out)?;
        done = done.saturating_add(count);
        at = at.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if count < piece.len {
            break;
        }
    }
    if offset.is_none() {
        found.advance(start, done)?;
    }
    Ok(isize::try_from(done).unwrap_or(isize::MAX))
}
