//! What a directory's list says, entry by entry.

use core::ffi::{c_int, c_void};

use super::Dir;
use crate::descriptor::{self, Virtual};
use crate::entry::buffers;
use crate::entry::stat::Attributes;
use crate::lookup::children::{self, path_of};
use crate::lookup::path::PathBuf;
use crate::state::directories::{Directory, Dirent};
use crate::state::names::Node;
use crate::sys::errno::{self, Errno};
use crate::sys::{kernel, string};

/// `DT_DIR` and `DT_REG` (dirent.h).
const DT_DIR: u8 = 4;
const DT_REG: u8 = 8;

/// Bytes of a [`Dirent`] before its name.
const HEAD: usize = 19;

/// The list of our own: `.`, `..`, and then what comes from the region.
const DOTS: usize = 2;

/// The entry at `place` of the list of a directory at `parent`, and the next place.
fn own(parent: &PathBuf, this: Node, place: usize, out: &mut Dirent) -> Option<(Node, usize)> {
    let mut name: &[u8] = b".";
    let path;
    let (node, next) = match place {
        0 => (this, 1),
        1 => {
            name = b"..";
            (above(parent, this), 2)
        }
        _ => {
            let (node, next) = children::next(parent.bytes(), place.wrapping_sub(DOTS))?;
            path = path_of(node)?;
            name = path.name();
            (node, next.wrapping_add(DOTS))
        }
    };
    let len = name.len().min(255);
    for (to, from) in out.name.iter_mut().zip(name.iter().take(len).chain([&0])) {
        *to = *from;
    }
    let bytes = HEAD.wrapping_add(len).wrapping_add(1).next_multiple_of(8);
    out.length = u16::try_from(bytes).unwrap_or(0);
    out.offset = i64::try_from(next).unwrap_or(i64::MAX);
    out.kind = match node {
        Node::File(_) => DT_REG,
        Node::Directory { .. } => DT_DIR,
    };
    out.inode = Attributes::of_node(node).map_or(0, |attributes| attributes.inode());
    Some((node, next))
}

/// The directory above.
fn above(path: &PathBuf, this: Node) -> Node {
    let slash = path.bytes().iter().rposition(|byte| *byte == b'/');
    match (this, slash) {
        (Node::Directory { index, .. }, Some(len)) => Node::Directory { index, len },
        _ => this,
    }
}

/// The next entry of a stream; `None` at its end.
pub(super) fn advance(directory: &mut Directory) -> Result<Option<*mut Dirent>, Errno> {
    let this = Node::Directory {
        index: directory.index,
        len: directory.len,
    };
    let parent = path_of(this).ok_or(Errno::IO)?;
    while !directory.is_real_read {
        let Some(entry) = next_real(directory.real)? else {
            directory.is_real_read = true;
            // The kernel has told of `.` and `..`.
            directory.place = DOTS;
            break;
        };
        if !children::has_file(parent.bytes(), name_of(entry)) {
            return Ok(Some(entry));
        }
    }
    loop {
        let found = own(&parent, this, directory.place, &mut directory.dirent);
        let Some((node, next)) = found else {
            return Ok(None);
        };
        directory.place = next;
        let is_told = !directory.real.is_null()
            && matches!(node, Node::Directory { .. })
            && exists(directory.fd, &directory.dirent);
        if !is_told {
            return Ok(Some(&raw mut directory.dirent));
        }
    }
}

/// Whether the kernel has the entry, too.
fn exists(fd: c_int, entry: &Dirent) -> bool {
    core::ffi::CStr::from_bytes_until_nul(&entry.name)
        .is_ok_and(|name| kernel::fstatat(fd, name).is_ok())
}

fn next_real(real: *mut Dir) -> Result<Option<*mut Dirent>, Errno> {
    let before = errno::get();
    errno::set(Errno(0));
    let entry = next!(fn readdir(real: *mut Dir) -> *mut Dirent);
    let error = errno::get();
    errno::set(before);
    if !entry.is_null() {
        return Ok(Some(entry));
    }
    if error == Errno(0) {
        Ok(None)
    } else {
        Err(error)
    }
}

pub(in crate::entry) fn name_of<'a>(entry: *mut Dirent) -> &'a [u8] {
    let name = entry.cast::<c_void>().wrapping_byte_add(HEAD);
    // SAFETY: an entry of the C library's or of ours, whose name ends with NUL.
    unsafe { string::bytes(name.cast()) }.unwrap_or_default()
}

/// The bytes of an entry, which is as long as its name.
pub(super) fn size(entry: *mut Dirent) -> usize {
    let bytes = HEAD.wrapping_add(name_of(entry).len()).wrapping_add(1);
    bytes.next_multiple_of(8)
}

/// Copies an entry to where [`size`] bytes have room.
pub(super) fn copy(entry: *mut Dirent, out: *mut u8) {
    // SAFETY: an entry has these bytes, and the callers have room for them elsewhere.
    unsafe { core::ptr::copy_nonoverlapping(entry.cast::<u8>(), out, size(entry)) };
}

/// getdents64(2): as many entries as fit, from the descriptor's offset on.
fn fill(found: &Virtual, out: &mut [u8]) -> Result<c_int, Errno> {
    if !found.tag.is_directory {
        return Err(Errno::NOTDIR);
    }
    let this = found.node();
    let parent = path_of(this).ok_or(Errno::IO)?;
    // SAFETY: a structure of integers, for which zeros are valid.
    let mut entry: Dirent = unsafe { core::mem::zeroed() };
    let mut place = usize::try_from(found.offset()).map_err(|_large| Errno::INVAL)?;
    let mut filled = 0_usize;
    while let Some((_, next)) = own(&parent, this, place, &mut entry) {
        let size = size(&raw mut entry);
        let end = filled.saturating_add(size);
        let Some(room) = out.get_mut(filled..end) else {
            break;
        };
        copy(&raw mut entry, room.as_mut_ptr());
        (filled, place) = (end, next);
    }
    let is_more = own(&parent, this, place, &mut entry).is_some();
    if filled == 0 && is_more {
        return Err(Errno::INVAL);
    }
    found.set_offset(u64::try_from(place).unwrap_or(0))?;
    c_int::try_from(filled).map_err(|_large| Errno::INVAL)
}

interpose! {
    /// getdents64(2), a function of glibc since 2.30 and of musl. A directory that exists shows the
    /// kernel's entries alone.
    fn getdents64(fd: c_int, out: *mut c_void, count: usize) -> isize {
        let found = descriptor::of(fd)?;
        // SAFETY: getdents64(2) demands the same.
        let out = unsafe { buffers::bytes(out, count) };
        Some(out.and_then(|out| fill(&found, out)).map(|count| isize::try_from(count).unwrap_or(0)))
    }
}

same! {
    /// `getdents64` under another name of musl.
    fn getdents = getdents64(fd: c_int, out: *mut c_void, count: usize) -> isize;
}

/// How many directories are directly below `node`.
pub(in crate::entry) fn directories_below(node: Node) -> u32 {
    let Some(parent) = path_of(node) else {
        return 0;
    };
    let mut count = 0_u32;
    let mut place = 0;
    while let Some((child, next)) = children::next(parent.bytes(), place) {
        if matches!(child, Node::Directory { .. }) {
            count = count.saturating_add(1);
        }
        place = next;
    }
    count
}
