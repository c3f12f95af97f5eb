//! Renaming of a pin, over a pin, or of their folder.
//!
//! Prototype: `int inode_rename(struct inode *old_dir, struct dentry *old_dentry, struct inode
//! *new_dir, struct dentry *new_dentry)`, without the flags of the kernel's own call
//! (include/linux/lsm_hook_defs.h).
//! First kernel: 5.11, for task storage.
//! Fails open while nobody is guarded, and to the operator's list, as `inode_unlink`.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::offsets::{self, load};
use crate::{pins, tracing};

/// The program.
#[lsm(hook = "inode_rename")]
pub fn inode_rename(ctx: LsmContext) -> i32 {
    // SAFETY: the hook's second argument is what is renamed, and it has an inode.
    let renamed: *const u8 = unsafe { load(ctx.arg(1), &offsets::DENTRY_D_INODE, 0) };
    if renamed.is_null() {
        return 0;
    }
    // SAFETY: the verifier knows the field's type.
    let is_itself = unsafe { pins::is_folder(renamed) };
    // SAFETY: the hook's first argument is the folder that it is in.
    let is_from = unsafe { pins::is_folder(ctx.arg(0)) };
    // SAFETY: the hook's third argument is the folder that it goes to.
    let is_to = unsafe { pins::is_folder(ctx.arg(2)) };
    let is_pin = is_itself || is_from || is_to;
    if !is_pin || !tracing::is_guarded() {
        return 0;
    }
    answer(Hook::InodeRename, ctx.arg(4), verdict::pin(is_pin))
}
