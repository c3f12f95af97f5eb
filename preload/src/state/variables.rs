//! The secret variables of this process: their strings as the program sees them, and which strings
//! of an environment are theirs.
//!
//! The strings are copies in secret memory of this process's own, twice. One is the program's,
//! which may write into it (bash puts a NUL over each `=` at its start); the other stays as it was,
//! so that a variable is known again on the way to the next program, after a rotation too. After a
//! `fork` both processes have the same memory, and see what the other one writes into it.
#![expect(unsafe_code, reason = "memory that is mapped once and for ever")]

use core::ffi::{c_char, c_void};
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use cloudtaser_abi::region::Entry;

use super::records::{self, HEAD};
use super::region;
use crate::sys::errno::Errno;
use crate::sys::kernel;

/// Start of the copy that stays, and with [`LEN`] behind it, of the program's.
static BASE: AtomicUsize = AtomicUsize::new(0);
/// Bytes of one copy.
static LEN: AtomicUsize = AtomicUsize::new(0);

/// Whether there is any.
#[must_use]
pub fn any() -> bool {
    LEN.load(Ordering::Acquire) != 0
}

/// Copies the variables of the entries with these `indices`. To be called once, by the thread that
/// initialises. What cannot be had is left out.
pub fn fill(indices: impl Iterator<Item = usize> + Clone) -> Option<()> {
    let region = region::region()?;
    let entries = indices.filter_map(|index| Some((index, region.entry(index)?)));
    let len = entries.clone().try_fold(0_usize, |sum, (_, entry)| {
        sum.checked_add(room(&entry).unwrap_or(0))
    })?;
    // The program's copy starts with a word of its own, so that both are aligned alike.
    let len = len.checked_next_multiple_of(64).filter(|len| *len > 0)?;
    let base = map(len.checked_mul(2)?).ok()?.cast::<u8>();
    // SAFETY: mapped above with twice `len` bytes, writable, and nobody else knows of it.
    let kept = unsafe { slice::from_raw_parts_mut(base, len) };
    let mut at = 0;
    for (index, entry) in entries {
        let Some(out) = kept.get_mut(at..) else {
            break;
        };
        if let Some(written) = records::write(out, index, |out| write(&entry, out)) {
            at = usize::saturating_add(at, written);
        }
    }
    // SAFETY: the second half of the mapping, of which no slice was made.
    let programs = unsafe { slice::from_raw_parts_mut(base.wrapping_add(len), len) };
    for (to, from) in programs.iter_mut().zip(kept) {
        *to = *from;
    }
    LEN.store(len, Ordering::Relaxed);
    BASE.store(base as usize, Ordering::Release);
    Some(())
}

/// The program's string of entry `index`.
#[must_use]
pub fn address(index: usize) -> Option<*mut c_char> {
    let record = all().find(|record| record.index == index)?;
    let base = BASE.load(Ordering::Acquire);
    let start = base
        .checked_add(LEN.load(Ordering::Relaxed))?
        .checked_add(record.start)?;
    Some(start as *mut c_char)
}

/// The entry whose variable stands at `pointer` or has the words `text`: its name with the value of
/// the program's start, or with the one that is live now.
#[must_use]
pub fn index_of(pointer: *const c_char, text: &[u8]) -> Option<usize> {
    at(pointer).or_else(|| named(text))
}

fn at(pointer: *const c_char) -> Option<usize> {
    let len = LEN.load(Ordering::Relaxed);
    let offset = (pointer as usize).wrapping_sub(BASE.load(Ordering::Acquire));
    let offset = match offset.checked_sub(len) {
        Some(offset) => offset,
        None => offset,
    };
    if offset >= len {
        return None;
    }
    let record = all().find(|record| record.holds(offset))?;
    Some(record.index)
}

fn named(text: &[u8]) -> Option<usize> {
    if let Some(record) = all().find(|record| record.text == text) {
        return Some(record.index);
    }
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = text.split_at_checked(equals)?;
    let value = value.get(1..)?;
    let region = region::region()?;
    region.entries().position(|entry| {
        entry.variable().is_some_and(|own| own.is(name))
            && matches!(entry.environ(), Ok(Some(_)))
            && has_value(&entry, value)
    })
}

/// Whether the live value is `value`.
fn has_value(entry: &Entry<'_>, value: &[u8]) -> bool {
    let mut piece = [0_u8; 64];
    let Ok(snapshot) = entry.snapshot() else {
        return false;
    };
    let mut offset = 0_usize;
    let is_same = snapshot.len == value.len()
        && value.chunks(piece.len()).all(|wanted| {
            let out = piece.get_mut(..wanted.len()).unwrap_or_default();
            let read = entry.read_at(snapshot, offset, out);
            offset = offset.saturating_add(wanted.len());
            read.is_ok() && out == wanted
        });
    crate::sys::wipe(&mut piece);
    is_same
}

fn all() -> records::Records<'static> {
    let base = BASE.load(Ordering::Acquire);
    if base == 0 {
        return records::read(&[]);
    }
    // SAFETY: mapped for ever by `fill`, that many bytes, and never written after it.
    records::read(unsafe { slice::from_raw_parts(base as *const u8, LEN.load(Ordering::Relaxed)) })
}

/// Bytes that the record of an entry can need, whatever the value is rotated to.
fn room(entry: &Entry<'_>) -> Option<usize> {
    let name = entry.variable()?.len();
    HEAD.checked_add(name)?
        .checked_add(entry.capacity())?
        .checked_add(2)
}

/// Writes `NAME=value`, and answers its length.
fn write(entry: &Entry<'_>, out: &mut [u8]) -> Option<usize> {
    entry.environ().ok()??;
    let name = entry.variable()?.copy_to(out).ok()?;
    *out.get_mut(name)? = b'=';
    let start = name.checked_add(1)?;
    let len = entry.read(out.get_mut(start..)?).ok()?;
    start.checked_add(len)
}

/// Secret memory; ordinary memory, which no dump has, where locked memory is at its limit.
fn map(len: usize) -> Result<*mut c_void, Errno> {
    let secret = kernel::memfd_secret(true).and_then(|file| {
        kernel::ftruncate(file.number(), len)?;
        kernel::mmap(file.number(), len, true)
    });
    let base = match secret {
        Ok(base) => base,
        Err(_limit) => kernel::mmap_anonymous(len)?,
    };
    kernel::exclude_from_dumps(base, len);
    Ok(base)
}
