//! A child has its parent's mark before it can run.
//!
//! Prototype: `int task_alloc(struct task_struct *task, unsigned long clone_flags)`
//! (include/linux/lsm_hook_defs.h). Called by `copy_process` for processes and threads alike, when
//! nobody can find the new task yet.
//! First kernel: 5.11, for task storage.
//! Fails closed: without memory for the mark the fork fails with ENOMEM.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::{ENOMEM, EPERM, Hook};

use crate::{answer, storage};

/// The program.
#[lsm(hook = "task_alloc")]
pub fn task_alloc(ctx: LsmContext) -> i32 {
    if ctx.arg::<i32>(2) != 0 {
        return -EPERM;
    }
    // SAFETY: the current task, as the helper types it.
    let group = unsafe { storage::group_of(storage::current()) };
    if group == 0 {
        return 0;
    }
    // SAFETY: the hook's first argument is the new task.
    if unsafe { storage::mark_task(ctx.arg(0), group) } {
        0
    } else {
        answer::failed(Hook::TaskAlloc);
        -ENOMEM
    }
}
