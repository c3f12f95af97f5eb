//! Virtual descriptors: real descriptor numbers behind which a secret stands.
//!
//! The kernel's file behind one is a *token* ([`token`]): secret memory with a copy of the version
//! that was opened. Its `read` fails with `EINVAL` whoever calls it without us, and a mapping shows
//! the whole value. The file that an entry was opened as last is kept and duplicated, which is
//! cheap; where the descriptor stands in it is then known to this process alone ([`offset`]), until
//! it is *shared* with another number or another process: then it gets a token of its own, and the
//! kernel keeps its offset too.

pub mod offset;
mod open;
mod share;
pub mod tag;
pub mod token;

use crate::sys::errno::Errno;

use crate::lookup::path::{PATH_MAX, PathBuf};
use crate::state::{marks, process, region};
use offset::Position;
use tag::Tag;

pub use open::{Access, open_again, open_node, permit};
pub use share::{find_inherited, forget, highest, share, share_all};

/// What stands behind a virtual descriptor, as the kernel says now.
#[derive(Clone, Copy, Debug)]
pub struct Virtual {
    /// Its number.
    pub fd: i32,
    /// Which entry, which version, and what kind.
    pub tag: Tag,
    /// Bytes of the value; of a directory, bytes of its path.
    pub len: u64,
    /// Where the offset is kept.
    pub position: Position,
}

/// What stands behind `fd`; `None` when it is not virtual.
#[inline(always)]
#[must_use]
pub fn of(fd: i32) -> Option<Virtual> {
    if marks::any() { look(fd) } else { None }
}

#[inline(never)]
fn look(fd: i32) -> Option<Virtual> {
    if !marks::has(fd) {
        return None;
    }
    let Some((tag, len)) = token::inspect(fd) else {
        if process::owns_memory() {
            marks::clear(fd);
            offset::forget(fd);
        }
        return None;
    };
    let position = offset::of(fd);
    Some(Virtual {
        fd,
        tag,
        len,
        position,
    })
}

impl Virtual {
    /// A file, open for reading; else why not.
    ///
    /// # Errors
    ///
    /// `EISDIR`, `EBADF` (opened with `O_PATH`).
    pub fn readable(self) -> Result<Self, Errno> {
        if self.is_path_only() {
            Err(Errno::BADF)
        } else if self.tag.is_directory {
            Err(Errno::ISDIR)
        } else {
            Ok(self)
        }
    }

    /// Whether it was opened with `O_PATH`.
    #[must_use]
    pub fn is_path_only(&self) -> bool {
        self.tag.is_path_only || self.position.is_path_only()
    }

    /// Where the next read starts, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.position.offset().unwrap_or(self.tag.offset)
    }

    /// Copies bytes from `offset` on into `out`, as many as there are and fit.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: the version is not the live one any more, and its copy could not be mapped.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, Errno> {
        let rest = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let count = rest.min(out.len());
        let Some(out) = out.get_mut(..count).filter(|out| !out.is_empty()) else {
            return Ok(0);
        };
        let start = usize::try_from(offset).map_err(|_large| Errno::INVAL)?;
        if self.copy_live(start, out).is_some() {
            return Ok(count);
        }
        token::copy(self.fd, self.len, start, out)?;
        Ok(count)
    }

    /// From the region, while the version that was opened is the live one.
    fn copy_live(&self, start: usize, out: &mut [u8]) -> Option<()> {
        let entry = region::region()?.entry(self.tag.index)?;
        let snapshot = entry.snapshot().ok()?;
        let is_same = Tag::version_bits(snapshot.version) == self.tag.version
            && u64::try_from(snapshot.len).ok()? == self.len;
        if !is_same {
            return None;
        }
        let count = entry.read_at(snapshot, start, out).ok()?;
        (count == out.len()).then_some(())
    }

    /// Reads on from where the last read ended, and moves on.
    ///
    /// # Errors
    ///
    /// Those of [`Virtual::read_at`].
    pub fn read(&self, out: &mut [u8]) -> Result<usize, Errno> {
        let offset = self.claim(out.len());
        self.read_at(offset, out)
    }

    /// The offset to read up to `count` bytes from, which is moved beyond them. Two threads that
    /// read at the same time get different parts.
    #[must_use]
    pub fn claim(&self, count: usize) -> u64 {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let advance = |offset: u64| {
            let rest = self.len.saturating_sub(offset);
            offset.saturating_add(rest.min(count))
        };
        if let Some(start) = self.position.advance(advance) {
            return start;
        }
        let start = self.tag.offset;
        if advance(start) != start {
            self.store(advance(start));
        }
        start
    }

    /// Sets the offset, in bytes.
    pub fn set_offset(&self, offset: u64) {
        if self.position.advance(|_old| offset).is_none() {
            self.store(offset);
        }
    }

    /// The kernel's offset. A process that gave up the privileges by which the token was made
    /// cannot change it there, and keeps its own from now on.
    fn store(&self, offset: u64) {
        let tag = Tag { offset, ..self.tag };
        if token::store(self.fd, tag).is_err() {
            offset::begin(self.fd, offset, self.tag.is_path_only);
        }
    }

    /// The path of the entry or directory, appended to `path`.
    pub fn path_into(&self, path: &mut PathBuf) -> Option<()> {
        let mut bytes = [0_u8; PATH_MAX];
        let entry = region::region()?.entry(self.tag.index)?;
        let len = entry.path()?.copy_to(&mut bytes).ok()?;
        let len = if self.tag.is_directory {
            usize::try_from(self.len).ok()?
        } else {
            len
        };
        path.append(bytes.get(..len)?)
    }
}
