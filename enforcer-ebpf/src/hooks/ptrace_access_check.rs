//! `ptrace`, `process_vm_*`, `pidfd_getfd`, `setns` by pidfd, `kcmp`, `/proc/PID/{mem,environ,…}`
//! and the links below `/proc/PID`: all ask here.
//!
//! Prototype: `int ptrace_access_check(struct task_struct *child, unsigned int mode)`
//! (include/linux/lsm_hook_defs.h). Not called within a thread group.
//! First kernel: 5.11, for task storage.
//! Fails open where a task has no mark; marks are made closed (`task_prctl`, `task_alloc`).
//! Not enough from 6.15 on, where CAP_PERFMON reads `environ` after our refusal: see `file_open`.

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::storage;

/// The program.
#[lsm(hook = "ptrace_access_check")]
pub fn ptrace_access_check(ctx: LsmContext) -> i32 {
    // SAFETY: the hook's first argument is the task that is asked for.
    let target = unsafe { storage::group_of(ctx.arg(0)) };
    if target == 0 {
        return 0;
    }
    // SAFETY: the current task, as the helper types it.
    let actor = unsafe { storage::group_of(storage::current()) };
    answer(
        Hook::PtraceAccessCheck,
        ctx.arg(2),
        verdict::access(actor, target),
    )
}
