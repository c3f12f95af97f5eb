//! Tokens: the kernel's files behind virtual descriptors.
#![expect(unsafe_code, reason = "memory is mapped for the time of a copy")]

use core::ffi::c_void;
use core::{mem, ptr, slice};

use cloudtaser_abi::region::{Entry, Snapshot};
use linux_raw_sys::general::{S_IFMT, S_IFREG};

use super::Access;
use super::tag::Tag;
use crate::state::region;
use crate::sys::errno::Errno;
use crate::sys::kernel::{self, Fd, ftruncate};
use crate::sys::page;

/// How often a copy is begun anew when the value is rotated meanwhile.
const ATTEMPTS: u32 = 100;

/// Memory of a token, mapped for the time of a copy.
pub(super) struct Mapping {
    base: *mut c_void,
    len: usize,
}

impl Mapping {
    fn new(fd: i32, len: usize, is_writable: bool) -> Result<Self, Errno> {
        let base = kernel::mmap(fd, len, is_writable).map_err(|error| match error {
            // Locked memory is at its limit: for who reads a file that is a lack of memory.
            Errno::AGAIN => Errno::NOMEM,
            other => other,
        })?;
        Ok(Self { base, len })
    }

    /// Memory like that of a token of `len` bytes, to see that it can be had.
    fn of_nothing(len: usize) -> Result<Self, Errno> {
        let file = region::memory(true)?;
        ftruncate(file.number(), len)?;
        Self::new(file.number(), len, true)
    }

    /// A page with the live value, and which that is. `None` when the value is longer, when there
    /// is no memory, or when there would be no page left below the limit for what else is mapped.
    pub(super) fn of_value(entry: &Entry<'_>) -> Option<(Self, Snapshot)> {
        let file = region::memory(true).ok()?;
        ftruncate(file.number(), page::SIZE).ok()?;
        let _spare = Self::new(file.number(), page::SIZE, false).ok()?;
        let mut mapping = Self::new(file.number(), page::SIZE, true).ok()?;
        kernel::exclude_from_dumps(mapping.base, page::SIZE);
        let snapshot = read_live(entry, mapping.bytes())?;
        Some((mapping, snapshot))
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped by `new`, `len` bytes, writable where this is called, and nobody else
        // knows of it.
        unsafe { slice::from_raw_parts_mut(self.base.cast::<u8>(), self.len) }
    }

    /// Stays mapped from now on.
    #[expect(clippy::mem_forget, reason = "the mapping goes on to somebody else")]
    pub(super) fn into_base(self) -> usize {
        let base = self.base as usize;
        mem::forget(self);
        base
    }

    /// Takes the place of the mapping of the same size at `base`, in one step.
    pub(super) fn replace(self, base: usize) -> Option<usize> {
        // SAFETY: both are mappings of ours of `len` bytes; who reads there finds the one or the
        // other.
        unsafe { kernel::mremap_fixed(self.base, self.len, base) }.ok()?;
        // What was at its own address is at `base` now.
        self.into_base();
        Some(base)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is ours, and no slice of it is left.
        unsafe { kernel::munmap(self.base, self.len) };
    }
}

/// A new token with the live value of `entry` in it.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM` (locked memory is at its limit), `EIO` (the region is damaged).
pub fn of_entry(index: usize, entry: &Entry<'_>, access: Access) -> Result<Fd, Errno> {
    for _ in 0..ATTEMPTS {
        let len = entry.value_len().map_err(|_damaged| Errno::IO)?;
        let file = region::memory(access.is_close_on_exec)?;
        let mut live = None;
        fill(file.number(), len, |out| {
            live = read_live(entry, out);
            live.is_some()
        })?;
        if let Some(live) = live.filter(|live| live.len == len) {
            let tag = Tag {
                index,
                version: Tag::version_bits(live.version),
                is_path_only: access.is_path_only,
                ..Tag::default()
            };
            store(file.number(), tag)?;
            return Ok(file);
        }
    }
    Err(Errno::IO)
}

/// Copies the live value to the start of `out`; `None` when it does not fit. Copying is quick: a
/// writer that publishes all the time is outrun.
fn read_live(entry: &Entry<'_>, out: &mut [u8]) -> Option<Snapshot> {
    (0..ATTEMPTS).find_map(|_| {
        let snapshot = entry.snapshot().ok()?;
        let read = entry.read_at(snapshot, 0, out.get_mut(..snapshot.len)?);
        read.ok().map(|_count| snapshot)
    })
}

/// A new token that is `tag`, without content.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn empty(tag: Tag, is_close_on_exec: bool) -> Result<Fd, Errno> {
    let file = region::memory(is_close_on_exec)?;
    store(file.number(), tag)?;
    Ok(file)
}

/// A new token for a directory whose path has `len` bytes.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn of_directory(len: usize, tag: Tag, is_close_on_exec: bool) -> Result<Fd, Errno> {
    let file = region::memory(is_close_on_exec)?;
    ftruncate(file.number(), len)?;
    store(file.number(), tag)?;
    Ok(file)
}

/// Copies the token's bytes from `start` on; `out` ends where the token's `len` bytes end, or
/// before.
///
/// # Errors
///
/// `ENOMEM`: it could not be mapped.
pub fn copy(fd: i32, len: usize, start: usize, out: &mut [u8]) -> Result<(), Errno> {
    if start.checked_add(out.len()).is_none_or(|end| end > len) {
        return Err(Errno::INVAL);
    }
    let mapping = Mapping::new(fd, len, false)?;
    let from = mapping.base.cast::<u8>().wrapping_add(start);
    // SAFETY: `start + out.len()` lies within the mapping, as checked above; the two do not
    // overlap, because nobody else has the mapping.
    unsafe { ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
    Ok(())
}

/// The tag, size and inode number of the file behind `fd`; `None` when that is no token.
///
/// # Errors
///
/// `EBADF`: there is no file. Others where a sandbox forbids to ask.
pub fn inspect(fd: i32) -> Result<Option<(Tag, u64, u64)>, Errno> {
    let stat = kernel::fstat(fd)?;
    if stat.st_dev != region::device() || stat.st_mode & S_IFMT != S_IFREG {
        return Ok(None);
    }
    let (seconds, nanoseconds) = if region::is_secret() {
        (stat.st_atime, stat.st_atime_nsec)
    } else {
        (stat.st_mtime, stat.st_mtime_nsec)
    };
    let tag = Tag::unpack(seconds.cast_signed(), nanoseconds.cast_signed());
    Ok(tag.map(|tag| (tag, stat.st_size.unsigned_abs(), stat.st_ino)))
}

/// Changes the tag of the token behind `fd`.
///
/// # Errors
///
/// `EPERM`: another user made it.
pub fn store(fd: i32, tag: Tag) -> Result<(), Errno> {
    kernel::set_times(fd, tag.pack().ok_or(Errno::OVERFLOW)?)
}

/// Gives the token `fd` the `len` bytes that `read` writes; says whether `read` could.
///
/// # Errors
///
/// `ENOMEM`.
pub fn fill(fd: i32, len: usize, read: impl FnOnce(&mut [u8]) -> bool) -> Result<bool, Errno> {
    if len == 0 {
        return Ok(read(&mut []));
    }
    // A token that has its size and not its bytes would be read as zeros: no size before a page can
    // be had.
    drop(Mapping::of_nothing(len)?);
    // A size can be given once; where another process has, it is the same.
    match ftruncate(fd, len) {
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(error),
    }
    Ok(read(Mapping::new(fd, len, true)?.bytes()))
}
