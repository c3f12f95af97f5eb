//! Connections from outside to a debugger's socket of the tree: JVM attach, .NET diagnostics, rdbg.
//!
//! Prototype: `int unix_stream_connect(struct sock *sock, struct sock *other, struct sock *newsk)`
//! (include/linux/lsm_hook_defs.h).
//! First kernel: 5.16, for `bpf_skc_to_unix_sock`.
//! Fails open: for a socket that listened before registration, for a name that is not on the list.
//! Programs serve others by Unix sockets, so only what is known to be a debugger's is refused.

use aya_ebpf::helpers::generated::bpf_skc_to_unix_sock;
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict::{self, SocketName, Verdict};

use crate::answer::answer;
use crate::offsets::{self, load};
use crate::{socket, storage};

/// Bytes of `sun_path` (linux/un.h), and where it begins in `sockaddr_un`.
const PATH_BYTES: usize = 108;
const PATH: usize = 2;

/// The program.
#[lsm(hook = "unix_stream_connect")]
pub fn unix_stream_connect(ctx: LsmContext) -> i32 {
    let other: *const u8 = ctx.arg(1);
    // SAFETY: the hook's second argument is the listening socket.
    let listener: *const u8 = unsafe { load(other, &offsets::SOCK_SK_SOCKET, 0) };
    // SAFETY: the verifier knows the field's type.
    let Some(inode) = (unsafe { socket::inode(listener) }) else {
        return 0;
    };
    // SAFETY: the verifier knows the field's type.
    let target = unsafe { storage::inode_group(inode.as_ptr()) };
    if target == 0 {
        return 0;
    }
    // SAFETY: the current task, as the helper types it.
    let actor = unsafe { storage::group_of(storage::current()) };
    if verdict::access(actor, target) == Verdict::Allow {
        return 0;
    }
    // SAFETY: the hook's second argument is a socket, which the helper casts or answers null.
    let unix = unsafe { bpf_skc_to_unix_sock(other.cast_mut().cast()) };
    if unix.is_null() {
        return 0;
    }
    // SAFETY: the helper's answer is a `unix_sock`.
    let is_debuggers = unsafe { is_debuggers(unix.cast_const().cast()) };
    answer(
        Hook::UnixStreamConnect,
        ctx.arg(3),
        verdict::connect(actor, target, is_debuggers),
    )
}

/// Whether the name that a socket is bound to is a debugger's.
///
/// # Safety
///
/// `unix` is a `unix_sock` that the verifier knows as such.
#[inline(always)]
unsafe fn is_debuggers(unix: *const u8) -> bool {
    // SAFETY: this function's condition.
    let address: *const u8 = unsafe { load(unix, &offsets::UNIX_SOCK_ADDR, 0) };
    // SAFETY: the verifier knows the field's type.
    let length: i32 = unsafe { load(address, &offsets::UNIX_ADDRESS_LEN, 0) };
    let mut name = SocketName::EMPTY;
    let mut index = 0;
    while index < PATH_BYTES {
        // The length counts the family too.
        if index as i32 + PATH as i32 >= length {
            return false;
        }
        // SAFETY: the verifier knows the field's type: an array of addresses, at least one.
        let byte: u8 = unsafe { load(address, &offsets::UNIX_ADDRESS_NAME, PATH + index) };
        if name.push(byte) {
            return true;
        }
        index += 1;
    }
    false
}
