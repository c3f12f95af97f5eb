//! The folder of the pins, as the loader made it known: by inode and file system, not by a path.

use crate::offsets::{self, load};

/// `BPF_FS_MAGIC` (linux/magic.h).
const BPF_FS_MAGIC: u64 = 0xcafe_4a11;

/// The folder's inode number; 0 where nothing is pinned.
#[unsafe(no_mangle)]
pub(crate) static PIN_FOLDER: u64 = 0;

/// Whether an inode is the folder of the pins.
///
/// # Safety
///
/// `inode` is an `inode` that the verifier knows as such.
#[inline(always)]
pub(crate) unsafe fn is_folder(inode: *const u8) -> bool {
    let folder = offsets::read(&PIN_FOLDER);
    // SAFETY: this function's condition.
    let number: u64 = unsafe { load(inode, &offsets::INODE_I_INO, 0) };
    if folder == 0 || number != folder {
        return false;
    }
    // SAFETY: this function's condition.
    let super_block: *const u8 = unsafe { load(inode, &offsets::INODE_I_SB, 0) };
    // SAFETY: the verifier knows the field's type.
    let magic: u64 = unsafe { load(super_block, &offsets::SUPER_BLOCK_S_MAGIC, 0) };
    magic == BPF_FS_MAGIC
}
