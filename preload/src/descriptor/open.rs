//! Opening: from a node to a number of the program's.

use cloudtaser_abi::region::Entry;

use super::tag::Tag;
use super::{Virtual, token};
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
            give(token::of_entry(index, &entry, access.is_path_only)?, access)
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

/// Gives a token to the program.
fn give(file: Fd, access: Access) -> Result<i32, Errno> {
    if !marks::set(file.number()) {
        return Err(Errno::MFILE);
    }
    if !access.is_close_on_exec {
        kernel::set_close_on_exec(file.number(), false)?;
    }
    Ok(file.into_number())
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
