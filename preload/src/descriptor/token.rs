//! Tokens: the kernel's files behind virtual descriptors.
#![expect(unsafe_code, reason = "memory is mapped for the time of a copy")]

use core::ptr;
use core::slice;

use crate::sys::errno::Errno;
use cloudtaser_abi::region::Entry;
use linux_raw_sys::general::{S_IFMT, S_IFREG};

use super::tag::Tag;
use crate::state::region;
use crate::sys::kernel::{self, Fd, ftruncate};

/// How often a copy is begun anew when the value is rotated meanwhile.
const ATTEMPTS: u32 = 100;

/// Memory of a token, mapped for the time of a copy.
struct Mapping {
    base: *mut core::ffi::c_void,
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
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the range is ours, and no slice of it is left.
        unsafe { kernel::munmap(self.base, self.len) };
    }
}

/// A new token with the live value of `entry`, close-on-exec.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM` (locked memory is at its limit), `EIO` (the region is damaged).
pub fn of_entry(index: usize, entry: &Entry<'_>, is_path_only: bool) -> Result<Fd, Errno> {
    for _ in 0..ATTEMPTS {
        let len = entry.value_len().map_err(|_damaged| Errno::IO)?;
        let mut version = 0;
        let filled = with_content(len, |out| {
            // Copying is quick: a writer that publishes all the time is outrun.
            for _ in 0..ATTEMPTS {
                match entry.snapshot() {
                    Ok(snapshot) if snapshot.len == len => {
                        version = snapshot.version;
                        if entry.read_at(snapshot, 0, out).is_ok() {
                            return true;
                        }
                    }
                    _ => return false,
                }
            }
            false
        })?;
        if let Some(file) = filled {
            let tag = Tag {
                index,
                version,
                is_path_only,
                ..Tag::default()
            };
            store(file.number(), tag)?;
            return Ok(file);
        }
    }
    Err(Errno::IO)
}

/// A new token for a directory whose path has `len` bytes.
///
/// # Errors
///
/// `EMFILE`, `ENFILE`, `ENOMEM`.
pub fn of_directory(len: usize, tag: Tag) -> Result<Fd, Errno> {
    let file = region::memory()?;
    ftruncate(file.number(), len)?;
    store(file.number(), tag)?;
    Ok(file)
}

/// A copy of the token `from`, of `len` bytes, with a tag of its own.
///
/// # Errors
///
/// Those of [`of_entry`].
pub fn duplicate(from: i32, len: u64, tag: Tag) -> Result<Fd, Errno> {
    let len = usize::try_from(len).map_err(|_large| Errno::NOMEM)?;
    let filled = with_content(len, |out| copy_whole(from, out).is_ok())?;
    let file = filled.ok_or(Errno::NOMEM)?;
    store(file.number(), tag)?;
    Ok(file)
}

/// Copies the token's bytes from `start` on; `out` ends where the token's `len` bytes end, or
/// before.
///
/// # Errors
///
/// `ENOMEM`: it could not be mapped.
pub fn copy(fd: i32, len: u64, start: usize, out: &mut [u8]) -> Result<(), Errno> {
    let len = usize::try_from(len).map_err(|_large| Errno::NOMEM)?;
    if start.checked_add(out.len()).is_none_or(|end| end > len) {
        return Err(Errno::INVAL);
    }
    let mapping = Mapping::new(fd, len, false)?;
    let from = mapping.base.cast::<u8>().wrapping_add(start);
    // SAFETY: `start + out.len()` lies within the mapping, as checked above; the two do not overlap,
    // because nobody else has the mapping.
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
    let tag = Tag::unpack(
        stat.st_mtime.cast_signed(),
        i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
    );
    Ok(tag.map(|tag| {
        let tag = Tag {
            version: stat.st_atime,
            ..tag
        };
        (tag, stat.st_size.unsigned_abs(), stat.st_ino)
    }))
}

/// Changes the tag of the token behind `fd`.
///
/// # Errors
///
/// `EPERM`: another user made it.
pub fn store(fd: i32, tag: Tag) -> Result<(), Errno> {
    let modified = tag.pack().ok_or(Errno::OVERFLOW)?;
    kernel::set_times(fd, tag.version.cast_signed(), modified)
}

fn copy_whole(from: i32, out: &mut [u8]) -> Result<(), Errno> {
    let len = u64::try_from(out.len()).map_err(|_large| Errno::NOMEM)?;
    copy(from, len, 0, out)
}

/// A token of `len` bytes that `fill` writes; `None` when it says that it could not.
fn with_content(len: usize, fill: impl FnOnce(&mut [u8]) -> bool) -> Result<Option<Fd>, Errno> {
    let file = region::memory()?;
    if len > 0 {
        ftruncate(file.number(), len)?;
        let mapping = Mapping::new(file.number(), len, true)?;
        // SAFETY: mapped above, writable, `len` bytes, and nobody else knows of it.
        let out = unsafe { slice::from_raw_parts_mut(mapping.base.cast::<u8>(), len) };
        if !fill(out) {
            return Ok(None);
        }
    }
    Ok(Some(file))
}
