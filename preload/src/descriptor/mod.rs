//! Virtual descriptors: real descriptor numbers behind which a secret stands.
//!
//! The kernel's file behind one is a *token* ([`token`]): secret memory, whose `read` fails with
//! `EINVAL` whoever calls it without us. Each open makes a token of its own, and its inode says
//! what it is of and where the next read starts ([`tag`]): whatever other threads and processes do
//! with numbers, nothing that we remember can disagree with it.
//!
//! The bytes come from the region while the version that was opened is the live one, else from this
//! process's copy ([`kept`]). A token for another program is *filled* with them before ([`fill`]).

mod kept;
mod offset;
mod open;
pub mod tag;
pub mod token;

use cloudtaser_abi::region::{Entry, Snapshot};

use crate::lookup::children::path_of;
use crate::lookup::path::PathBuf;
use crate::state::names::Node;
use crate::state::{marks, process, region};
use crate::sys::errno::Errno;
use crate::sys::kernel;
use crate::sys::process::sched_yield;
use tag::Tag;

pub use open::{Access, again, open_again, open_node, permit};

/// How often a version is looked for. Chosen: another thread needs a few system calls meanwhile.
const ATTEMPTS: u32 = 100;

/// A copy that another thread looks at, whether it may be replaced, is there again at once.
fn try_often<T>(mut get: impl FnMut() -> Option<T>) -> Result<T, Errno> {
    for _ in 0..ATTEMPTS {
        if let Some(got) = get() {
            return Ok(got);
        }
        sched_yield();
    }
    Err(Errno::IO)
}

/// What stands behind a virtual descriptor, as the kernel says now.
#[derive(Clone, Copy, Debug)]
pub struct Virtual {
    /// Its number.
    pub fd: i32,
    /// Which entry, which version, and what kind.
    pub tag: Tag,
    /// Bytes of the token: of its value if it is filled, else 0; of a directory, those of its path.
    size: u64,
    /// Number of the token's inode.
    inode: u64,
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
    match token::inspect(fd) {
        Ok(Some((tag, size, inode))) => Some(Virtual {
            fd,
            tag,
            size,
            inode,
        }),
        Ok(None) => {
            forget(fd);
            // Unless another thread has just opened one of ours there.
            if matches!(token::inspect(fd), Ok(Some(_))) {
                marks::set(fd);
            }
            None
        }
        // Closed past us: another thread may be about to open and mark it.
        Err(_closed) => None,
    }
}

/// The program closes `fd`, or puts another file there. Before the kernel does it: then no other
/// thread can have got the number anew.
pub fn forget(fd: i32) {
    // A child that runs in its parent's memory closes its own descriptors, not the parent's.
    if process::owns_memory() {
        marks::clear(fd);
    }
}

/// The highest number of a virtual descriptor, for a program that inherits it.
#[must_use]
pub fn highest() -> Option<u32> {
    (0..marks::end())
        .rev()
        .find(|fd| i32::try_from(*fd).is_ok_and(|fd| of(fd).is_some()))
}

/// Fills the tokens that the next program may inherit, as well as it goes: all, or those that are
/// not closed on exec. One that cannot be filled is served there while its version is the live one.
pub fn fill(are_all: bool) {
    for fd in (0..marks::end()).filter_map(|fd| i32::try_from(fd).ok()) {
        if marks::has(fd) && (are_all || kernel::is_close_on_exec(fd) == Ok(false)) {
            let _filled = fill_one(fd);
        }
    }
}

/// What another thread has filled is filled once more, with the same bytes: it may not be done yet.
fn fill_one(fd: i32) -> Result<(), Errno> {
    // Whatever another thread does with the number meanwhile; and as long as this one is marked,
    // the copy stays.
    let own = kernel::dupfd_high(fd, true)?;
    marks::set(own.number());
    let filled = match token::inspect(own.number())? {
        Some((tag, ..)) => match kept::len(tag) {
            Some(len) => {
                let read = |out: &mut [u8]| kept::read(tag, 0, out).is_some();
                token::fill(own.number(), len, read).map(|_filled| ())
            }
            // It was filled when it was opened, or came so.
            None => Ok(()),
        },
        None => Ok(()),
    };
    forget(own.number());
    filled
}

/// Marks the virtual descriptors up to `last` that this process inherited.
pub fn find_inherited(last: u32) {
    for fd in 0..=last.min(4096) {
        let Ok(fd) = i32::try_from(fd) else {
            return;
        };
        if matches!(token::inspect(fd), Ok(Some(_))) {
            marks::set(fd);
        }
    }
}

impl Virtual {
    /// A file, open for reading; else why not.
    ///
    /// # Errors
    ///
    /// `EISDIR`, `EBADF` (opened with `O_PATH`).
    pub fn readable(self) -> Result<Self, Errno> {
        if self.tag.is_path_only {
            Err(Errno::BADF)
        } else if self.tag.is_directory {
            Err(Errno::ISDIR)
        } else {
            Ok(self)
        }
    }

    /// Where the next read starts, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        offset::of(self.fd, self.inode).unwrap_or(self.tag.offset)
    }

    /// Bytes of the value; of a directory, 0.
    ///
    /// # Errors
    ///
    /// `EIO`: the version is not to be had any more, which is so for a descriptor alone that came
    /// to this process past us.
    pub fn value_len(&self) -> Result<usize, Errno> {
        if self.tag.is_directory {
            return Ok(0);
        }
        let size = usize::try_from(self.size).map_err(|_large| Errno::OVERFLOW)?;
        if !region::is_secret() {
            return Ok(size);
        }
        let live = |(_, snapshot): (_, Snapshot)| snapshot.len;
        try_often(|| {
            // The token's size last: whoever has the descriptor can give it one.
            let known = self.live().map(live).or_else(|| kept::len(self.tag));
            known.or_else(|| (size > 0).then_some(size))
        })
    }

    /// Copies bytes from `offset` on into `out`, as many as there are and fit.
    ///
    /// # Errors
    ///
    /// `EIO` as for [`Virtual::value_len`]. `ENOMEM`: a filled token could not be mapped.
    pub fn read_at(&self, offset: u64, out: &mut [u8]) -> Result<usize, Errno> {
        let start = usize::try_from(offset).map_err(|_large| Errno::INVAL)?;
        let len = self.value_len()?;
        let count = len.saturating_sub(start).min(out.len());
        let Some(out) = out.get_mut(..count).filter(|out| !out.is_empty()) else {
            return Ok(0);
        };
        if self.copy_live(start, out).is_some() {
            return Ok(count);
        }
        // The token last: another thread may be filling it.
        let is_filled = self.size > 0 && !kept::has(self.tag);
        if is_filled {
            self.with_own(|fd| token::copy(fd, len, start, out))?;
        } else {
            try_often(|| kept::read(self.tag, start, out))?;
        }
        Ok(count)
    }

    /// Runs `run` with a number of ours for the token: another thread may have put another file
    /// under the program's number since it was looked at. Without a free number it is the
    /// program's.
    fn with_own(&self, run: impl FnOnce(i32) -> Result<(), Errno>) -> Result<(), Errno> {
        let own = match kernel::dupfd_high(self.fd, true) {
            // The limit may be below what is open.
            Err(Errno::MFILE | Errno::INVAL) => return run(self.fd),
            own => own?,
        };
        match token::inspect(own.number())? {
            Some((.., inode)) if inode == self.inode => run(own.number()),
            _ => Err(Errno::BADF),
        }
    }

    /// The entry, while the version that was opened is the live one.
    fn live(&self) -> Option<(Entry<'static>, Snapshot)> {
        let entry = region::region()?.entry(self.tag.index)?;
        let snapshot = entry.snapshot().ok()?;
        (Tag::version_bits(snapshot.version) == self.tag.version).then_some((entry, snapshot))
    }

    fn copy_live(&self, start: usize, out: &mut [u8]) -> Option<()> {
        let (entry, snapshot) = self.live()?;
        let count = entry.read_at(snapshot, start, out).ok()?;
        (count == out.len()).then_some(())
    }

    /// Reads on from where the last read ended, and moves on.
    ///
    /// # Errors
    ///
    /// Those of [`Virtual::read_at`] and [`Virtual::set_offset`].
    pub fn read(&self, out: &mut [u8]) -> Result<usize, Errno> {
        let offset = self.offset();
        let count = self.read_at(offset, out)?;
        self.advance(offset, count)?;
        Ok(count)
    }

    /// Moves the offset beyond `count` bytes that were read from `offset` on.
    ///
    /// # Errors
    ///
    /// Those of [`Virtual::set_offset`].
    pub fn advance(&self, offset: u64, count: usize) -> Result<(), Errno> {
        let count = u64::try_from(count).map_err(|_large| Errno::OVERFLOW)?;
        match count {
            0 => Ok(()),
            count => self.set_offset(offset.saturating_add(count)),
        }
    }

    /// Sets the offset, in bytes. A process that gave up the privileges by which the token was made
    /// cannot change it there, and keeps its own from now on.
    ///
    /// # Errors
    ///
    /// `EOVERFLOW`: 4 GiB or more. `EPERM`: it can be kept nowhere.
    pub fn set_offset(&self, offset: u64) -> Result<(), Errno> {
        let is_own = offset::of(self.fd, self.inode).is_some();
        let store = |fd| token::store(fd, Tag { offset, ..self.tag });
        let stored = if is_own {
            Err(Errno::PERM)
        } else {
            self.with_own(store)
        };
        match stored {
            Err(Errno::PERM) => offset::keep(self.fd, self.inode, offset).ok_or(Errno::PERM),
            // The program has put another file there: what is behind the token now has no reader
            // here.
            Err(Errno::BADF) => Ok(()),
            other => other,
        }
    }

    /// What was opened.
    #[must_use]
    pub fn node(&self) -> Node {
        let index = self.tag.index;
        match usize::try_from(self.size) {
            Ok(len) if self.tag.is_directory => Node::Directory { index, len },
            _ => Node::File(index),
        }
    }

    /// The path of the entry or directory.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        path_of(self.node())
    }
}
