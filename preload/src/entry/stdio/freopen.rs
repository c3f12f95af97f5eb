//! freopen(3): a stream of the C library's becomes one for a file of ours. A stream cannot change
//! its kind, and programs go on with the one they have (`freopen(path, "r", stdin)`, then `scanf`
//! or `std::cin`); so a pipe carries the value into it. Such a stream cannot seek.

use core::ffi::{c_char, c_int};

use super::super::copy::transfer;
use super::super::dup::dup2;
use super::super::open::{O_ACCMODE, open};
use super::super::seek::lseek;
use super::{Mode, close_descriptor, open_virtual};
use crate::descriptor::{self, Virtual};
use crate::lookup::Look;
use crate::lookup::descriptor_path;
use crate::macros::Outcome;
use crate::state::streams;
use crate::sys::errno::{self, Errno};
use crate::sys::kernel::{self, Fd};
use crate::sys::stream::Stream;

/// Bytes that a pipe carries at most: what an unprivileged user may have
/// (`/proc/sys/fs/pipe-max-size`, 1 MiB).
const MOST: usize = 1 << 20;

/// The end of a pipe that gives the file's bytes from its offset on, and then ends.
///
/// # Errors
///
/// `EFBIG`: more than a pipe can hold.
pub(super) fn carrier(found: &Virtual) -> Result<Fd, Errno> {
    let found = found.readable()?;
    let offset = usize::try_from(found.offset()).unwrap_or(usize::MAX);
    let rest = found.value_len()?.saturating_sub(offset);
    if rest > MOST {
        return Err(Errno::FBIG);
    }
    let (read_end, write_end) = kernel::pipe()?;
    let room = kernel::set_pipe_size(write_end.number(), rest.max(4096));
    if room.is_ok_and(|room| room < rest) || room.is_err() {
        return Err(Errno::FBIG);
    }
    let written = transfer(&found, None, rest, |bytes, _position| {
        kernel::write(write_end.number(), bytes)
    })?;
    // Never a part of a secret.
    if written == rest {
        Ok(read_end)
    } else {
        Err(Errno::IO)
    }
}

/// # Safety
///
/// As freopen(3).
unsafe fn next_freopen(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut Stream,
) -> *mut Stream {
    next!(fn freopen(path: *const c_char, mode: *const c_char, stream: *mut Stream) -> *mut Stream)
}

/// A stream of ours gets another file, ours or not: the C libraries cannot do that. It cannot be
/// made one for writing. Without a path it starts again.
///
/// # Safety
///
/// As freopen(3).
unsafe fn move_on(index: usize, path: *const c_char, mode: *const c_char) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    let mode = unsafe { Mode::parse(mode) }.ok_or(Errno::INVAL)?;
    if mode.flags & O_ACCMODE != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let old = streams::fd(index).ok_or(Errno::BADF)?;
    let last = |answer: i64| {
        if answer < 0 {
            Err(errno::get())
        } else {
            Ok(())
        }
    };
    if path.is_null() {
        // SAFETY: lseek(2) takes numbers.
        return last(unsafe { lseek(old, 0, 0) });
    }
    // SAFETY: the caller's promise.
    let new = unsafe { open(path, mode.flags, 0) };
    last(new.into())?;
    // SAFETY: dup2(2) takes numbers.
    let moved = last(unsafe { dup2(new, old) }.into());
    close_descriptor(new);
    moved
}

/// # Safety
///
/// As freopen(3).
#[inline(never)]
unsafe fn decide(
    path: *const c_char,
    mode: *const c_char,
    stream: *mut Stream,
) -> Outcome<*mut Stream> {
    if let Some(index) = streams::find(stream as usize) {
        // SAFETY: the caller's promise.
        let moved = unsafe { move_on(index, path, mode) };
        if moved.is_err() {
            close_descriptor(streams::fd(index).unwrap_or(-1));
            streams::clear(index);
        }
        next!(fn __fpurge(stream: *mut Stream) -> ());
        next!(fn clearerr(stream: *mut Stream) -> ());
        return Some(moved.map(|()| stream));
    }
    // SAFETY: the caller's promise.
    let carried = unsafe { open_virtual(path, mode, Look::First) }?.and_then(|fd| {
        let found = descriptor::of(fd).ok_or(Errno::BADF);
        let carried = found.and_then(|found| carrier(&found));
        close_descriptor(fd);
        carried
    });
    let error = match carried {
        Ok(pipe) => {
            let name = descriptor_path(pipe.number());
            // SAFETY: the path is a string, and for the rest the caller's promise.
            let reopened = unsafe { next_freopen(name.as_ptr().cast(), mode, stream) };
            if !reopened.is_null() {
                return Some(Ok(reopened));
            }
            errno::get()
        }
        Err(error) => {
            // A failure closes the stream: whoever goes on with it must not read the old file.
            // SAFETY: a path that cannot be opened, and for the rest the caller's promise.
            unsafe { next_freopen(c"/dev/null/".as_ptr(), mode, stream) };
            error
        }
    };
    Some(Err(error))
}

interpose! {
    /// freopen(3).
    fn freopen(path: *const c_char, mode: *const c_char, stream: *mut Stream) -> *mut Stream {
        // SAFETY: freopen(3) demands the same.
        unsafe { decide(path, mode, stream) }
    }
}

same! {
    /// freopen(3) for large files.
    fn freopen64 = freopen(
        path: *const c_char,
        mode: *const c_char,
        stream: *mut Stream,
    ) -> *mut Stream;
}

/// Puts a pipe with the file's bytes under the number of `found`, for what reads there without us.
/// Whoever shares the descriptor sees it at its end.
pub(super) fn replace(found: &Virtual) -> Result<(), Errno> {
    let pipe = carrier(found)?;
    kernel::dup3(pipe.number(), found.fd, false)?;
    let number: c_int = found.fd;
    descriptor::forget(number);
    Ok(())
}
