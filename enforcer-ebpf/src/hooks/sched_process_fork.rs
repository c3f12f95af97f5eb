//! A child of the tree is about to run: one more to guard.
//!
//! Prototype: `TP_PROTO(struct task_struct *parent, struct task_struct *child)`
//! (include/trace/events/sched.h). Called for a fork that has succeeded, before the child runs, and
//! not for the kernel's own threads in a process (io_uring's): these are never counted.
//! First kernel: 5.11, for task storage.
//! Fails closed: a child that cannot be noted as counted is not taken off at its end.

use aya_ebpf::macros::btf_tracepoint;
use aya_ebpf::programs::BtfTracePointContext;

use crate::{storage, tracing};

/// The program.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn sched_process_fork(ctx: BtfTracePointContext) -> i32 {
    let child: *const u8 = ctx.arg(1);
    // SAFETY: the tracepoint's second argument is the new task.
    if unsafe { storage::group_of(child) } != 0 {
        // SAFETY: the tracepoint's second argument is the new task.
        unsafe { tracing::arm(child) };
    }
    0
}
