//! Learns which group a procfs inode tells about.
//!
//! Prototype: `void task_to_inode(struct task_struct *p, struct inode *inode)`
//! (include/linux/lsm_hook_defs.h). Called when procfs makes an inode below `/proc/PID`, and again
//! at each walk over its name (`pid_revalidate`), so before every open by a name.
//! First kernel: 5.11, for task storage.
//! Fails open: a void hook cannot refuse, and where memory lacks `file_open` does not know the
//! inode. The failure is counted, and `ptrace_access_check` stands behind.
//!
//! Why not `proc_inode.pid`, as one would in C: reading from around an inode needs a cast that
//! Linux has from 6.2 on, or `bpf_probe_read_kernel`, which lockdown refuses.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;

use crate::{answer, storage};

/// The program.
#[lsm(hook = "task_to_inode")]
pub fn task_to_inode(ctx: LsmContext) -> i32 {
    // SAFETY: the hook's first argument is the task that the inode tells about.
    let group = unsafe { storage::group_of(ctx.arg(0)) };
    let inode: *const u8 = ctx.arg(1);
    // SAFETY: the hook's second argument is the inode.
    if group == unsafe { storage::inode_group(inode) } {
        return 0;
    }
    // SAFETY: the hook's second argument is the inode.
    if !unsafe { storage::mark_inode(inode, group) } {
        answer::failed(Hook::TaskToInode);
    }
    0
}
