//! Opening: from a node to a number of the program's.

use cloudtaser_abi::region::Entry;

use super::tag::Tag;
use super::{Virtual, forget, kept, token};
use crate::state::names::Node;
use crate::state::{ledger, marks, region};
use crate::sys::errno::Errno;
use crate::sys::kernel::{self, Fd};

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
    match node {
        Node::Directory { index, len } => {
            let tag = Tag {
                index,
                is_directory: true,
                is_path_only: access.is_path_only,
                ..Tag::default()
            };
            give(token::of_directory(len, tag, access.is_close_on_exec)?)
        }
        Node::File(index) => {
            let entry = entry(index)?;
            if !access.is_path_only {
                permit(&entry)?;
                ledger::count(index, &entry)?;
            }
            open_file(index, &entry, access)
        }
    }
}

fn entry(index: usize) -> Result<Entry<'static>, Errno> {
    let region = region::region().ok_or(Errno::NOENT)?;
    region.entry(index).ok_or(Errno::IO)
}

/// How often a copy may be replaced between the open and the look at it. Chosen: once is rare.
const ATTEMPTS: u32 = 4;

fn open_file(index: usize, entry: &Entry<'_>, access: Access) -> Result<i32, Errno> {
    for _ in 0..ATTEMPTS {
        let Some(tag) = kept::keep(index, entry) else {
            break;
        };
        let own = Tag {
            is_path_only: access.is_path_only,
            ..tag
        };
        let fd = give(token::empty(own, access.is_close_on_exec)?)?;
        if kept::has(tag) {
            return Ok(fd);
        }
        forget(fd);
        drop(Fd::from_number(fd));
    }
    give(token::of_entry(index, entry, access)?)
}

/// Opens what stands behind a descriptor once more, at its start: `/proc/self/fd/N`.
///
/// # Errors
///
/// Those of [`open_node`].
pub fn open_again(found: &Virtual, access: Access) -> Result<i32, Errno> {
    if let (Node::File(index), false) = (found.node(), access.is_path_only) {
        let entry = entry(index)?;
        permit(&entry)?;
        // What was opened with `O_PATH` was not counted.
        if found.tag.is_path_only {
            ledger::count(index, &entry)?;
        }
    }
    let tag = Tag {
        offset: 0,
        is_path_only: access.is_path_only,
        ..found.tag
    };
    give(again(found, tag, access.is_close_on_exec)?)
}

/// A token of its own with what stands behind a descriptor: whole, for it may be the last one that
/// has the version.
///
/// # Errors
///
/// Those of [`open_node`], `EIO`.
pub fn again(found: &Virtual, tag: Tag, is_close_on_exec: bool) -> Result<Fd, Errno> {
    if let Node::Directory { len, .. } = found.node() {
        return token::of_directory(len, tag, is_close_on_exec);
    }
    let file = token::empty(tag, is_close_on_exec)?;
    let read = |out: &mut [u8]| found.read_at(0, out) == Ok(out.len());
    if token::fill(file.number(), found.value_len()?, read)? {
        Ok(file)
    } else {
        Err(Errno::IO)
    }
}

/// Gives a token to the program.
fn give(file: Fd) -> Result<i32, Errno> {
    if !marks::set(file.number()) {
        return Err(Errno::MFILE);
    }
    Ok(file.into_number())
}

/// The permission bits, as the kernel would apply them, groups and capabilities included; a
/// filtered question counts as no.
///
/// # Errors
///
/// `EACCES`.
pub fn permit(entry: &Entry<'_>) -> Result<(), Errno> {
    let mode = entry.mode();
    let owner = entry.owner();
    // Most files belong to whoever looks, who may read them.
    let shift = match owner {
        None => 6,
        Some((owner, _)) if owner == kernel::geteuid() => 6,
        Some((_, group)) if kernel::is_in_group(group) => 3,
        Some(_) => 0,
    };
    if (mode >> shift) & 4 != 0 || kernel::may_read_everything() {
        Ok(())
    } else {
        Err(Errno::ACCESS)
    }
}
