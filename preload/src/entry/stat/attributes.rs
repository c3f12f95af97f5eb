//! The attributes of a node, and the kernel's two ways to write them down.

use core::mem;

use crate::sys::errno::Errno;
use crate::sys::kernel::{Stat, Statx, getegid, geteuid};
use cloudtaser_abi::region::Entry;
use linux_raw_sys::general::STATX_BASIC_STATS;

use crate::descriptor::Virtual;
use crate::entry::dir::directories_below;
use crate::state::names::Node;
use crate::state::{ledger, region};

const S_IFREG: u32 = 0o100_000;
const S_IFDIR: u32 = 0o040_000;
/// Permissions of a directory of ours.
const DIRECTORY_MODE: u32 = 0o555;
/// Bytes of a block, for what asks for the best size of a read (one page).
const BLOCK: u32 = 4096;
/// What a directory's size says: some number that is not 0.
const DIRECTORY_SIZE: u64 = 40;

/// What a file or directory of ours is.
#[derive(Clone, Copy, Debug)]
pub(in crate::entry) struct Attributes {
    pub(in crate::entry) mode: u32,
    size: u64,
    inode: u64,
    links: u32,
    user: u32,
    group: u32,
    /// Nanoseconds since 1970.
    changed_ns: u64,
}

impl Attributes {
    pub(in crate::entry) fn of_node(node: Node) -> Result<Self, Errno> {
        let region = region::region().ok_or(Errno::NOENT)?;
        let (index, directory) = match node {
            Node::File(index) => (index, None),
            Node::Directory { index, len } => (index, Some(len)),
        };
        let entry = region.entry(index).ok_or(Errno::IO)?;
        match directory {
            Some(len) => Ok(Self {
                links: links(node),
                ..Self::directory(&entry, len)
            }),
            None if !ledger::is_left(index, &entry) => Err(Errno::NOENT),
            None => {
                let len = entry.value_len().map_err(|_damaged| Errno::IO)?;
                Ok(Self::file(&entry, len))
            }
        }
    }

    pub(in crate::entry) fn of_virtual(found: &Virtual) -> Result<Self, Errno> {
        let region = region::region().ok_or(Errno::BADF)?;
        let entry = region.entry(found.tag.index).ok_or(Errno::IO)?;
        Ok(match found.node() {
            node @ Node::Directory { len, .. } => Self {
                links: links(node),
                ..Self::directory(&entry, len)
            },
            Node::File(_) => Self::file(&entry, found.value_len()?),
        })
    }

    fn file(entry: &Entry<'_>, size: usize) -> Self {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        let len = entry.path().map_or(0, |text| text.len());
        Self {
            mode: S_IFREG | entry.mode(),
            size,
            ..Self::directory(entry, len)
        }
    }

    fn directory(entry: &Entry<'_>, len: usize) -> Self {
        let (user, group) = entry.owner().unwrap_or_else(|| (geteuid(), getegid()));
        let created = region::region().map_or(0, |region| region.created_ns());
        Self {
            mode: S_IFDIR | DIRECTORY_MODE,
            size: DIRECTORY_SIZE,
            inode: inode(entry, len),
            links: 1,
            user,
            group,
            changed_ns: entry.changed_ns().max(created),
        }
    }

    /// The number of the file, stable and the same in every process.
    pub(in crate::entry) fn inode(&self) -> u64 {
        self.inode
    }

    fn blocks(&self) -> u64 {
        self.size.div_ceil(512)
    }

    fn seconds(&self) -> u64 {
        self.changed_ns / 1_000_000_000
    }

    fn nanoseconds(&self) -> u32 {
        u32::try_from(self.changed_ns % 1_000_000_000).unwrap_or(0)
    }

    pub(super) fn stat(&self) -> Stat {
        // SAFETY: a structure of integers, for which zeros are valid.
        let mut stat: Stat = unsafe { mem::zeroed() };
        stat.st_dev = region::device();
        stat.st_ino = self.inode;
        stat.st_nlink = u64::from(self.links);
        stat.st_mode = self.mode;
        stat.st_uid = self.user;
        stat.st_gid = self.group;
        stat.st_size = i64::try_from(self.size).unwrap_or(i64::MAX);
        stat.st_blksize = i64::from(BLOCK);
        stat.st_blocks = i64::try_from(self.blocks()).unwrap_or(i64::MAX);
        stat.st_atime = self.seconds();
        stat.st_mtime = self.seconds();
        stat.st_ctime = self.seconds();
        stat.st_atime_nsec = u64::from(self.nanoseconds());
        stat.st_mtime_nsec = u64::from(self.nanoseconds());
        stat.st_ctime_nsec = u64::from(self.nanoseconds());
        stat
    }

    pub(super) fn statx(&self) -> Statx {
        // SAFETY: a structure of integers, for which zeros are valid.
        let mut statx: Statx = unsafe { mem::zeroed() };
        statx.stx_mask = STATX_BASIC_STATS;
        statx.stx_blksize = BLOCK;
        statx.stx_nlink = self.links;
        statx.stx_uid = self.user;
        statx.stx_gid = self.group;
        statx.stx_mode = u16::try_from(self.mode).unwrap_or(0);
        statx.stx_ino = self.inode;
        statx.stx_size = self.size;
        statx.stx_blocks = self.blocks();
        for time in [
            &mut statx.stx_atime,
            &mut statx.stx_mtime,
            &mut statx.stx_ctime,
        ] {
            time.tv_sec = i64::try_from(self.seconds()).unwrap_or(i64::MAX);
            time.tv_nsec = self.nanoseconds();
        }
        // makedev(3): the lowest byte of the minor number stands below the major one.
        let device = region::device();
        let low = |number: u64| u32::try_from(number & 0xffff_ffff).unwrap_or(0);
        statx.stx_dev_major = low((device >> 8) & 0xfff);
        statx.stx_dev_minor = low((device & 0xff) | ((device >> 12) & 0x000f_ff00));
        statx
    }
}

/// What a directory counts: its name, its `.`, and the `..` of each directory in it.
fn links(node: Node) -> u32 {
    directories_below(node).saturating_add(2)
}

/// A number that belongs to the path, the same in every process: FNV-1a, 64 bits.
fn inode(entry: &Entry<'_>, len: usize) -> u64 {
    let text = entry.path();
    let bytes = (0..len).map_while(|index| text?.byte(index));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
