//! Opening: from a node to a number of the program's.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::sys::errno::Errno;
use crate::sys::kernel::{self, Fd, dupfd_cloexec};
use cloudtaser_abi::region::Entry;

use super::tag::Tag;
use super::{Virtual, offset, token};
use crate::state::hidden::{self, CACHED, Role};
use crate::state::names::Node;
use crate::state::{ledger, marks, region};

/// Which entry and version each cached token is of: version, then index + 1 in the lower half.
static CACHE: [AtomicU64; CACHED] = [const { AtomicU64::new(0) }; CACHED];
static NEXT_PLACE: AtomicU64 = AtomicU64::new(0);

/// How a node is to be opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Access {
    /// `O_CLOEXEC`.
    pub is_close_on_exec: bool,
    /// `O_PATH`.
    pub is_path_only: bool,
}

/// Opens a node under the lowest free number.
///
/// # Errors
///
/// `EACCES` (mode and owner), `ENOENT` (opened as often as it may be), `EMFILE`, `ENFILE`,
/// `ENOMEM` (locked memory is at its limit).
pub fn open_node(node: Node, access: Access) -> Result<i32, Errno> {
    let region = region::region().ok_or(Errno::NOENT)?;
    match node {
        Node::Directory { index, len } => {
            let tag = Tag {
                index,
                is_directory: true,
                is_path_only: access.is_path_only,
                ..Tag::default()
            };
            give(token::of_directory(len, tag)?, access)
        }
        Node::File(index) => {
            let entry = region.entry(index).ok_or(Errno::IO)?;
            if !access.is_path_only {
                permit(&entry)?;
                ledger::count(index, &entry)?;
            }
            open_entry(index, &entry, access)
        }
    }
}

/// Opens what stands behind a descriptor once more, at its start: `/proc/self/fd/N`.
///
/// # Errors
///
/// Those of [`open_node`].
pub fn open_again(found: &Virtual, access: Access) -> Result<i32, Errno> {
    let tag = Tag {
        offset: 0,
        is_path_only: access.is_path_only,
        ..found.tag
    };
    let file = if tag.is_directory {
        token::of_directory(usize::try_from(found.len).map_err(|_large| Errno::IO)?, tag)?
    } else {
        token::duplicate(found.fd, found.len, tag)?
    };
    give(file, access)
}

fn open_entry(index: usize, entry: &Entry<'_>, access: Access) -> Result<i32, Errno> {
    if let Some(fd) = from_cache(index, entry)? {
        let number = fd.number();
        if marks::set(number) && offset::begin(number, 0, access.is_path_only) {
            return finish(fd, access);
        }
        // A number beyond the table: it needs a token of its own.
        drop(fd);
    }
    let (file, tag) = token::of_entry(index, entry)?;
    if access.is_path_only {
        let tag = Tag {
            is_path_only: true,
            ..tag
        };
        token::store(file.number(), tag)?;
    }
    give(file, access)
}

/// Gives a token of its own to the program.
fn give(file: Fd, access: Access) -> Result<i32, Errno> {
    let number = file.number();
    offset::forget(number);
    if !marks::set(number) {
        return Err(Errno::MFILE);
    }
    finish(file, access)
}

fn finish(file: Fd, access: Access) -> Result<i32, Errno> {
    if !access.is_close_on_exec {
        kernel::set_close_on_exec(file.number(), false)?;
    }
    Ok(file.into_number())
}

/// A duplicate of the token that this entry was opened as last, close-on-exec.
fn from_cache(index: usize, entry: &Entry<'_>) -> Result<Option<Fd>, Errno> {
    let snapshot = entry.snapshot().map_err(|_damaged| Errno::IO)?;
    let wanted = Tag {
        index,
        version: Tag::version_bits(snapshot.version),
        ..Tag::default()
    };
    let Some(key) = key(&wanted) else {
        return Ok(None);
    };
    let place = CACHE
        .iter()
        .position(|place| place.load(Ordering::Acquire) == key);
    if let Some(number) = place.and_then(|place| hidden::number(Role::Cached(place))) {
        // Another thread may have replaced it meanwhile: then the number is closed, or is of
        // something else.
        match dupfd_cloexec(number, 0) {
            Ok(fd) if token::inspect(fd.number()).is_some_and(|(tag, _)| tag == wanted) => {
                return Ok(Some(fd));
            }
            Ok(_) | Err(Errno::BADF) => {}
            Err(error) => return Err(error),
        }
    }
    let (file, tag) = token::of_entry(index, entry)?;
    let kept = dupfd_cloexec(file.number(), 0)?;
    remember(tag, file);
    Ok(Some(kept))
}

/// Keeps a token for the next time, in the place of the one that was kept longest.
fn remember(tag: Tag, file: Fd) {
    let Some(key) = key(&tag) else {
        return;
    };
    let same = CACHE
        .iter()
        .position(|place| place.load(Ordering::Relaxed) & 0xffff_ffff == key & 0xffff_ffff);
    let index = same.unwrap_or_else(|| {
        let next = NEXT_PLACE.fetch_add(1, Ordering::Relaxed);
        usize::try_from(next).unwrap_or(0) % CACHED
    });
    let Some(place) = CACHE.get(index) else {
        return;
    };
    let role = Role::Cached(index);
    // Nobody takes the place while its key is 0.
    let old_key = place.swap(0, Ordering::AcqRel);
    let old = hidden::number(role);
    if old_key == 0 && old.is_some() {
        // Another thread is at this place: then this token is not kept.
        return;
    }
    hidden::keep(role, file);
    place.store(key, Ordering::Release);
    if let Some(old) = old {
        drop(Fd::from_number(old));
    }
}

fn key(tag: &Tag) -> Option<u64> {
    let index = u64::try_from(tag.index).ok()?.checked_add(1)?;
    Some((tag.version << 32) | index)
}

/// The permission bits, as the kernel would apply them; root reads everything (`CAP_DAC_OVERRIDE`).
///
/// # Errors
///
/// `EACCES`.
pub fn permit(entry: &Entry<'_>) -> Result<(), Errno> {
    let mode = entry.mode();
    let user = kernel::geteuid();
    let shift = match entry.owner() {
        None => 6,
        Some(_) if user == 0 => return Ok(()),
        Some((owner, _)) if owner == user => 6,
        Some((_, group)) if group == kernel::getegid() => 3,
        Some(_) => 0,
    };
    if user == 0 || (mode >> shift) & 4 != 0 {
        Ok(())
    } else {
        Err(Errno::ACCESS)
    }
}
