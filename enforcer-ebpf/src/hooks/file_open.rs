//! Opening a file below `/proc/PID` of a protected process, whatever the path: by inode, never by
//! path, so a second procfs, a bind mount, a descriptor-relative or an io_uring open is the same.
//! Also files about the whole node: the kernel's memory (`kcore`, `/dev/mem`), what dumps it or
//! says who gets dumps, the switch that these programs hang on, and probes (tracefs, debugfs).
//!
//! Prototype: `int file_open(struct file *file)` (include/linux/lsm_hook_defs.h).
//! First kernel: 5.11, for task storage.
//! Fails open where the inode is not known (see `task_to_inode`); a name that is not on the list of
//! what stays open is refused.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict::{self, Entry, NAME_BYTES};

use crate::answer::answer;
use crate::offsets::{self, load};
use crate::{storage, tracing};

/// `PROC_SUPER_MAGIC`, `TRACEFS_MAGIC`, `DEBUGFS_MAGIC` (linux/magic.h).
const PROC_SUPER_MAGIC: u64 = 0x9fa0;
const TRACEFS_MAGIC: u64 = 0x7472_6163;
const DEBUGFS_MAGIC: u64 = 0x6462_6720;
/// `FMODE_WRITE` (include/linux/fs.h).
const FMODE_WRITE: u32 = 2;
/// `S_IFMT`, `S_IFCHR`, `S_IFDIR` (linux/stat.h).
const S_IFMT: u16 = 0o170_000;
const S_IFCHR: u16 = 0o020_000;
const S_IFDIR: u16 = 0o040_000;

/// The program.
#[lsm(hook = "file_open")]
pub fn file_open(ctx: LsmContext) -> i32 {
    let file: *const u8 = ctx.arg(0);
    // SAFETY: the hook's argument is the file.
    let inode: *const u8 = unsafe { load(file, &offsets::FILE_F_INODE, 0) };
    // SAFETY: the verifier knows the field's type.
    let super_block: *const u8 = unsafe { load(inode, &offsets::INODE_I_SB, 0) };
    // SAFETY: the verifier knows the field's type.
    let magic: u64 = unsafe { load(super_block, &offsets::SUPER_BLOCK_S_MAGIC, 0) };
    let is_trace = matches!(magic, TRACEFS_MAGIC | DEBUGFS_MAGIC);
    if !is_trace && magic != PROC_SUPER_MAGIC {
        // SAFETY: the verifier knows the field's type.
        let mode: u16 = unsafe { load(inode, &offsets::INODE_I_MODE, 0) };
        if mode & S_IFMT != S_IFCHR {
            return 0;
        }
        // SAFETY: the verifier knows the field's type.
        let device = unsafe { load(inode, &offsets::INODE_I_RDEV, 0) };
        return answer(Hook::FileOpen, ctx.arg(1), verdict::device(device));
    }
    if is_trace && !tracing::is_guarded() {
        return 0;
    }
    // Once for both: the verifier walks through it for every call.
    // SAFETY: the hook's argument is the file.
    let entry = unsafe { entry(file, inode) };
    if is_trace {
        return answer(Hook::FileOpen, ctx.arg(1), verdict::trace_file(&entry));
    }
    // SAFETY: the verifier knows the field's type.
    let target = unsafe { storage::inode_group(inode) };
    if target == 0 {
        return answer(Hook::FileOpen, ctx.arg(1), verdict::node_file(&entry));
    }
    // SAFETY: the current task, as the helper types it.
    let actor = unsafe { storage::group_of(storage::current()) };
    answer(
        Hook::FileOpen,
        ctx.arg(1),
        verdict::procfs(actor, target, &entry),
    )
}

/// What is opened, and how.
///
/// # Safety
///
/// `file` and `inode` are what their names say.
#[inline(always)]
unsafe fn entry(file: *const u8, inode: *const u8) -> Entry {
    // SAFETY: this function's condition.
    let f_mode: u32 = unsafe { load(file, &offsets::FILE_F_MODE, 0) };
    // SAFETY: this function's condition.
    let i_mode: u16 = unsafe { load(inode, &offsets::INODE_I_MODE, 0) };
    // SAFETY: this function's condition.
    let dentry: *const u8 = unsafe { load(file, &offsets::FILE_F_PATH_DENTRY, 0) };
    let mut words = [0_u64; 2];
    let mut index = 0;
    // Byte by byte: the verifier refuses a load that is wider than an element of the array.
    while index < NAME_BYTES {
        // SAFETY: the verifier knows the field's type; the array has at least 32 bytes.
        let byte: u8 = unsafe { load(dentry, &offsets::DENTRY_D_INAME, index) };
        if byte == 0 {
            break;
        }
        let byte = u64::from(byte) << (index % 8 * 8);
        if index < 8 {
            words[0] |= byte;
        } else {
            words[1] |= byte;
        }
        index += 1;
    }
    Entry {
        name: words,
        is_directory: i_mode & S_IFMT == S_IFDIR,
        for_writing: f_mode & FMODE_WRITE != 0,
    }
}
