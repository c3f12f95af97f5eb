//! Learns which group a listening Unix socket is of.
//!
//! Prototype: `int socket_listen(struct socket *sock, int backlog)` (include/linux/lsm_hook_defs.h).
//! First kernel: 5.11, for inode storage.
//! Fails closed: without memory for the mark `listen` fails with ENOMEM.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::{ENOMEM, EPERM, Hook};

use crate::offsets::{self, load};
use crate::{answer, socket, storage};

/// `AF_UNIX` (linux/socket.h).
const AF_UNIX: u16 = 1;

/// The program.
#[lsm(hook = "socket_listen")]
pub fn socket_listen(ctx: LsmContext) -> i32 {
    if ctx.arg::<i32>(2) != 0 {
        return -EPERM;
    }
    // SAFETY: the current task, as the helper types it.
    let group = unsafe { storage::group_of(storage::current()) };
    if group == 0 {
        return 0;
    }
    let socket: *const u8 = ctx.arg(0);
    // SAFETY: the hook's first argument is the socket.
    let sock: *const u8 = unsafe { load(socket, &offsets::SOCKET_SK, 0) };
    if sock.is_null() {
        return 0;
    }
    // SAFETY: the verifier knows the field's type.
    let family: u16 = unsafe { load(sock, &offsets::SOCK_FAMILY, 0) };
    if family != AF_UNIX {
        return 0;
    }
    // SAFETY: the hook's first argument is the socket.
    let Some(inode) = (unsafe { socket::inode(socket) }) else {
        return 0; // The kernel's own.
    };
    // SAFETY: the verifier knows the field's type.
    if unsafe { storage::mark_inode(inode.as_ptr(), group) } {
        0
    } else {
        answer::failed(Hook::SocketListen);
        -ENOMEM
    }
}
