//! Where the kernel's fields are. The loader reads the running kernel's BTF and writes these before
//! the programs are loaded; the verifier takes them as constants and checks every load by type.

use core::ptr;

/// Declares offsets in bytes, each under the name that the loader knows.
macro_rules! offsets {
    ($($name:ident: $field:literal,)*) => {$(
        #[doc = concat!("Offset of `", $field, "`, in bytes.")]
        #[unsafe(no_mangle)]
        pub(crate) static $name: u64 = 0;
    )*};
}

offsets! {
    CRED_CAP_EFFECTIVE: "cred.cap_effective",
    DENTRY_D_INAME: "dentry.d_iname",
    DENTRY_D_INODE: "dentry.d_inode",
    FILE_F_INODE: "file.f_inode",
    FILE_F_MODE: "file.f_mode",
    FILE_F_PATH_DENTRY: "file.f_path.dentry",
    INODE_I_INO: "inode.i_ino",
    INODE_I_MODE: "inode.i_mode",
    INODE_I_RDEV: "inode.i_rdev",
    INODE_I_SB: "inode.i_sb",
    MNT_NAMESPACE_INUM: "mnt_namespace.ns.inum",
    NSPROXY_MNT_NS: "nsproxy.mnt_ns",
    SOCKET_FILE: "socket.file",
    SOCKET_SK: "socket.sk",
    SOCK_FAMILY: "sock.__sk_common.skc_family",
    SOCK_SK_SOCKET: "sock.sk_socket",
    SIGNAL_NR_THREADS: "signal_struct.nr_threads",
    SUPER_BLOCK_S_DEV: "super_block.s_dev",
    SUPER_BLOCK_S_MAGIC: "super_block.s_magic",
    SUPER_BLOCK_S_ROOT: "super_block.s_root",
    TASK_CRED: "task_struct.cred",
    TASK_GROUP_LEADER: "task_struct.group_leader",
    TASK_NSPROXY: "task_struct.nsproxy",
    TASK_PARENT: "task_struct.parent",
    TASK_PTRACE: "task_struct.ptrace",
    TASK_SIGNAL: "task_struct.signal",
    UNIX_ADDRESS_LEN: "unix_address.len",
    UNIX_ADDRESS_NAME: "unix_address.name",
    UNIX_SOCK_ADDR: "unix_sock.addr",
    VFSMOUNT_MNT_ROOT: "vfsmount.mnt_root",
    VFSMOUNT_MNT_SB: "vfsmount.mnt_sb",
}

/// Reasons of `locked_down` that are refused, a bit for each number.
#[unsafe(no_mangle)]
pub(crate) static LOCKED_REASONS: u64 = 0;

/// 1: refuse nothing, only count.
#[unsafe(no_mangle)]
pub(crate) static OBSERVE: u64 = 0;

/// Reads a word that the loader wrote.
#[inline(always)]
pub(crate) fn read(global: &'static u64) -> u64 {
    // SAFETY: a reference is valid for a read; volatile, so that the compiler does not put in the
    // zero that stands above.
    unsafe { ptr::read_volatile(global) }
}

/// Loads the field at an offset of a kernel structure.
///
/// # Safety
///
/// `base` points to the structure that `offset` belongs to. The verifier checks it when the program
/// is loaded: it knows the type of `base` and refuses a load of another width or beyond its end.
#[inline(always)]
pub(crate) unsafe fn load<T: Copy>(base: *const u8, offset: &'static u64, more: usize) -> T {
    let at = base.wrapping_add(read(offset) as usize).wrapping_add(more);
    // SAFETY: by this function's condition, which the verifier holds us to.
    unsafe { ptr::read_volatile(at.cast::<T>()) }
}
