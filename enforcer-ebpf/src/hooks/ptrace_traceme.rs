//! `PTRACE_TRACEME`: a process of the tree hands itself to a parent outside it.
//!
//! Prototype: `int ptrace_traceme(struct task_struct *parent)` (include/linux/lsm_hook_defs.h).
//! First kernel: 5.11, for task storage.
//! Fails open where a task has no mark; marks are made closed (`task_prctl`, `task_alloc`).

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::storage;

/// The program. The parent is the actor here, and the current task the target.
#[lsm(hook = "ptrace_traceme")]
pub fn ptrace_traceme(ctx: LsmContext) -> i32 {
    // SAFETY: the current task, as the helper types it.
    let target = unsafe { storage::group_of(storage::current()) };
    if target == 0 {
        return 0;
    }
    // SAFETY: the hook's first argument is the task that would trace.
    let actor = unsafe { storage::group_of(ctx.arg(0)) };
    answer(
        Hook::PtraceTraceme,
        ctx.arg(1),
        verdict::access(actor, target),
    )
}
