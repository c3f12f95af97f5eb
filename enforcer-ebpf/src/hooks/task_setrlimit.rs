//! `prlimit` on another process: a limit of core dumps, of locked memory, of files.
//!
//! Prototype: `int task_setrlimit(struct task_struct *p, unsigned int resource, struct rlimit
//! *new_rlim)` (include/linux/lsm_hook_defs.h). Called for new limits only, with the first thread of
//! the process; reading another's limits asks `task_prlimit`, which knows no task, and stays open.
//! First kernel: 5.11, for task storage.
//! Fails open where a task has no mark; marks are made closed (`task_prctl`, `task_alloc`).

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::storage;

/// The program.
#[lsm(hook = "task_setrlimit")]
pub fn task_setrlimit(ctx: LsmContext) -> i32 {
    // SAFETY: the hook's first argument is the task whose limit is to change.
    let target = unsafe { storage::group_of(ctx.arg(0)) };
    if target == 0 {
        return 0;
    }
    // SAFETY: the current task, as the helper types it.
    let actor = unsafe { storage::group_of(storage::current()) };
    answer(
        Hook::TaskSetrlimit,
        ctx.arg(3),
        verdict::access(actor, target),
    )
}
