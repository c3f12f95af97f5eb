//! Signals from outside the tree that stop, dump or open a debugger.
//!
//! Prototype: `int task_kill(struct task_struct *p, struct kernel_siginfo *info, int sig, const
//! struct cred *cred)` (include/linux/lsm_hook_defs.h). Not called for signals of the kernel
//! itself, those of a terminal among them. First kernel: 5.11, for task storage. Fails open where a
//! task has no mark; a signal that is not on the list of what stays free is refused.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::storage;

/// The program.
#[lsm(hook = "task_kill")]
pub fn task_kill(ctx: LsmContext) -> i32 {
    // SAFETY: the hook's first argument is the task that the signal goes to.
    let target = unsafe { storage::group_of(ctx.arg(0)) };
    if target == 0 {
        return 0;
    }
    // SAFETY: the current task, as the helper types it.
    let actor = unsafe { storage::group_of(storage::current()) };
    answer(
        Hook::TaskKill,
        ctx.arg(4),
        verdict::signal(actor, target, ctx.arg(2)),
    )
}
