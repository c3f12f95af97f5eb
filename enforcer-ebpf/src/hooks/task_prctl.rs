//! Registration: `prctl(PR_CLOUDTASER, OP_REGISTER)`.
//!
//! Prototype: `int task_prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long
//! arg4, unsigned long arg5)` (include/linux/lsm_hook_defs.h).
//! First kernel: 5.11, for task storage.
//! Fails closed: a mark that cannot be made is ENOMEM and not EISCONN, and the wrapper stops.
//! Every other `prctl` is left alone.

use aya_ebpf::helpers::{bpf_get_current_pid_tgid, bpf_ktime_get_ns};
use aya_ebpf::macros::lsm;
use aya_ebpf::programs::LsmContext;
use cloudtaser_abi::enforce::{EBUSY, EINVAL, EISCONN, ENOMEM, Hook, group_id};
use cloudtaser_abi::registration::{OP_ASK, OP_REGISTER, PR_CLOUDTASER};

use crate::offsets::{self, load};
use crate::{answer, storage, tracing};

/// The program.
#[lsm(hook = "task_prctl")]
pub fn task_prctl(ctx: LsmContext) -> i32 {
    if ctx.arg::<i32>(0) != PR_CLOUDTASER {
        return 0;
    }
    match ctx.arg::<u64>(1) {
        OP_REGISTER => {}
        OP_ASK => return -EISCONN,
        _ => return -EINVAL,
    }
    let task = storage::current();
    // SAFETY: the current task, as the helper types it.
    if unsafe { storage::group_of(task) } != 0 {
        return -EISCONN;
    }
    // A tracer that is there already, or a second thread, would be inside without a mark.
    // SAFETY: the current task, as the helper types it.
    let tracer: u32 = unsafe { load(task, &offsets::TASK_PTRACE, 0) };
    // SAFETY: the current task, as the helper types it.
    let signal: *const u8 = unsafe { load(task, &offsets::TASK_SIGNAL, 0) };
    // SAFETY: the verifier knows the field's type.
    let threads: i32 = unsafe { load(signal, &offsets::SIGNAL_NR_THREADS, 0) };
    if tracer != 0 || threads != 1 {
        return -EBUSY;
    }
    let tgid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the helper takes nothing.
    let now = unsafe { bpf_ktime_get_ns() };
    // SAFETY: the current task, as the helper types it.
    if unsafe { storage::mark_task(task, group_id(tgid, now)) } {
        // SAFETY: the current task, as the helper types it.
        unsafe { tracing::arm(task) };
        -EISCONN
    } else {
        answer::failed(Hook::TaskPrctl);
        -ENOMEM
    }
}
