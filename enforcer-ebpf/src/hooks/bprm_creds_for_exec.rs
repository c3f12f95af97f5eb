//! A process of the tree executes a program while somebody outside traces it.
//!
//! Prototype: `int bprm_creds_for_exec(struct linux_binprm *bprm)` (include/linux/lsm_hook_defs.h).
//! Called with the lock held that a tracer needs to attach. Stands behind `task_prctl`,
//! `ptrace_access_check` and `ptrace_traceme`: a tracer that attached between registration's look
//! and its mark would live on in the new address space, where the secrets will be.
//! First kernel: 5.11, for task storage.
//! Fails open where a task has no mark; marks are made closed (`task_prctl`, `task_alloc`).

use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::Hook;
use cloudtaser_abi::verdict;

use crate::answer::answer;
use crate::offsets::{self, load};
use crate::storage;

/// The program. A traced task's parent is its tracer.
#[lsm(hook = "bprm_creds_for_exec")]
pub fn bprm_creds_for_exec(ctx: LsmContext) -> i32 {
    let task = storage::current();
    // SAFETY: the current task, as the helper types it.
    let traced: u32 = unsafe { load(task, &offsets::TASK_PTRACE, 0) };
    if traced == 0 {
        return 0;
    }
    // SAFETY: the current task, as the helper types it.
    let target = unsafe { storage::group_of(task) };
    // SAFETY: the current task, as the helper types it; the field holds another task.
    let tracer: *const u8 = unsafe { load(task, &offsets::TASK_PARENT, 0) };
    // SAFETY: the verifier knows the field's type.
    let actor = unsafe { storage::group_of(tracer) };
    answer(
        Hook::BprmCredsForExec,
        ctx.arg(1),
        verdict::access(actor, target),
    )
}
