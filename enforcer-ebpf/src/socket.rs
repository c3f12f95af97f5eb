//! Sockets: whose they are is noted at their inodes.

use core::ptr::NonNull;

use crate::offsets::{self, load};

/// The inode of a socket that user space has a descriptor of.
///
/// # Safety
///
/// `socket` is null or a `socket` that the verifier knows as such.
#[inline(always)]
pub(crate) unsafe fn inode(socket: *const u8) -> Option<NonNull<u8>> {
    if socket.is_null() {
        return None;
    }
    // SAFETY: this function's condition.
    let file: *const u8 = unsafe { load(socket, &offsets::SOCKET_FILE, 0) };
    if file.is_null() {
        return None;
    }
    // SAFETY: the verifier knows the field's type.
    NonNull::new(unsafe { load(file, &offsets::FILE_F_INODE, 0) })
}
