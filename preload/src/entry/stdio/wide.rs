//! Wide characters from a stream: fgetwc(3), fgetws(3), ungetwc(3), fwide(3). glibc's streams with
//! callbacks have no room for them, and it crashes when asked; so they are put together here from
//! the stream's bytes, in the program's locale. fwscanf(3) is not, and answers `EOF`.

use core::ffi::c_int;

use crate::macros::Outcome;
use crate::state::streams;
use crate::sys::errno::{self, Errno};
use crate::sys::stream::{self, Stream};

/// `EOF` and `WEOF` (wchar.h).
const EOF: c_int = -1;
const WEOF: u32 = u32::MAX;

/// The most bytes of a character (`MB_LEN_MAX`, limits.h).
const MOST_BYTES: usize = 16;

/// mbrtowc(3): the bytes so far are the start of a character.
const INCOMPLETE: usize = usize::MAX - 1;
/// mbrtowc(3): the bytes are no character.
const INVALID: usize = usize::MAX;

/// `mbstate_t` of glibc (8 bytes); all zero at the start of a character.
type State = u64;

/// Whether we have to do it: a stream of ours, in glibc.
fn is_served(stream: *mut Stream) -> Option<()> {
    streams::find(stream as usize)?;
    stream::is_glibc().then_some(())
}

fn byte(stream: *mut Stream) -> Option<u8> {
    u8::try_from(next!(fn getc(stream: *mut Stream) -> c_int)).ok()
}

fn push_back(byte: u8, stream: *mut Stream) -> c_int {
    let byte = c_int::from(byte);
    next!(fn ungetc(byte: c_int, stream: *mut Stream) -> c_int)
}

/// The next character; `None` at the end, and with `EILSEQ` for bytes that are none.
fn character(stream: *mut Stream) -> Option<u32> {
    let mut state: State = 0;
    let mut wide = 0_u32;
    for _ in 0..MOST_BYTES {
        let byte = byte(stream)?;
        let (out, from, count) = (&raw mut wide, &raw const byte, 1);
        let state = &raw mut state;
        let length = next!(fn mbrtowc(
            out: *mut u32,
            from: *const u8,
            count: usize,
            state: *mut State,
        ) -> isize);
        match length.cast_unsigned() {
            INCOMPLETE => {}
            INVALID => return None,
            _ => return Some(wide),
        }
    }
    errno::set(Errno::ILSEQ);
    None
}

/// # Safety
///
/// As fgetws(3).
#[inline(never)]
unsafe fn decide_line(out: *mut u32, count: c_int, stream: *mut Stream) -> Outcome<*mut u32> {
    is_served(stream)?;
    let room = usize::try_from(count).unwrap_or(0).checked_sub(1)?;
    let mut filled = 0_usize;
    while filled < room {
        let Some(wide) = character(stream) else {
            break;
        };
        // SAFETY: below `count`, for which the caller has room.
        unsafe { out.wrapping_add(filled).write(wide) };
        filled = filled.wrapping_add(1);
        if wide == u32::from(b'\n') {
            break;
        }
    }
    if filled == 0 && room > 0 {
        return Some(Ok(core::ptr::null_mut()));
    }
    // SAFETY: at most `room`, which is below `count`.
    unsafe { out.wrapping_add(filled).write(0) };
    Some(Ok(out))
}

#[inline(never)]
fn decide_push_back(wide: u32, stream: *mut Stream) -> Outcome<u32> {
    is_served(stream)?;
    let mut bytes = [0_u8; MOST_BYTES];
    let mut state: State = 0;
    let (out, state) = (bytes.as_mut_ptr(), &raw mut state);
    let length = next!(fn wcrtomb(out: *mut u8, wide: u32, state: *mut State) -> isize);
    let Some(bytes) = usize::try_from(length)
        .ok()
        .and_then(|end| bytes.get(..end))
    else {
        return Some(Ok(WEOF));
    };
    let is_back = bytes
        .iter()
        .rev()
        .all(|byte| push_back(*byte, stream) != EOF);
    Some(Ok(if is_back { wide } else { WEOF }))
}

interpose! {
    /// fgetwc(3).
    fn fgetwc(stream: *mut Stream) -> u32 {
        is_served(stream)?;
        Some(Ok(character(stream).unwrap_or(WEOF)))
    }

    /// fgetws(3).
    fn fgetws(out: *mut u32, count: c_int, stream: *mut Stream) -> *mut u32 {
        // SAFETY: fgetws(3) demands the same.
        unsafe { decide_line(out, count, stream) }
    }

    /// Fortified `fgetws`.
    fn __fgetws_chk(out: *mut u32, size: usize, count: c_int, stream: *mut Stream) -> *mut u32 {
        if usize::try_from(count).is_ok_and(|count| count > size) {
            return None;
        }
        // SAFETY: fgetws(3) demands the same.
        unsafe { decide_line(out, count, stream) }
    }

    /// ungetwc(3).
    fn ungetwc(wide: u32, stream: *mut Stream) -> u32 {
        decide_push_back(wide, stream)
    }

    /// fwide(3): what was asked for.
    fn fwide(stream: *mut Stream, mode: c_int) -> c_int {
        is_served(stream)?;
        Some(Ok(mode))
    }
}

same! {
    /// `fgetwc` as a macro may be.
    fn getwc = fgetwc(stream: *mut Stream) -> u32;
    /// `fgetwc` without the stream's lock.
    fn fgetwc_unlocked = fgetwc(stream: *mut Stream) -> u32;
    /// `fgetwc` without the stream's lock.
    fn getwc_unlocked = fgetwc(stream: *mut Stream) -> u32;
    /// `fgetws` without the stream's lock.
    fn fgetws_unlocked = fgetws(out: *mut u32, count: c_int, stream: *mut Stream) -> *mut u32;
}
