//! Removal of a pin: the last holder of a link that is gone ends the hook.
//!
//! Prototype: `int inode_unlink(struct inode *dir, struct dentry *dentry)`
//! (include/linux/lsm_hook_defs.h). The folder itself cannot be removed while pins are in it.
//! First kernel: 5.11, for task storage.
//! Fails open while nobody is guarded, and to the operator's list: that is how pins are removed.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::{pins, tracing};

/// The program.
#[lsm(hook = "inode_unlink")]
pub fn inode_unlink(ctx: LsmContext) -> i32 {
    // SAFETY: the hook's first argument is the folder's inode.
    let is_pin = unsafe { pins::is_folder(ctx.arg(0)) };
    if !is_pin || !tracing::is_guarded() {
        return 0;
    }
    answer(Hook::InodeUnlink, ctx.arg(2), verdict::pin(is_pin))
}
